// What a pointer does in a chart of act two: it reads the values at one place, and drags the cursor where there is one.
lpwd.penaltyPointer = (element, chart, name, digits, drag) => {
  "use strict";
  const { make } = lpwd.widgets, SIDE_PX = 12;
  const tip = make("div", { className: "lp-tip", hidden: true });
  let dragging = false;
  element.append(tip);
  element.classList.toggle("lp-dragged", Boolean(drag));

  // The recorded x nearest to the pointer.
  function nearest(event) {
    const place = chart.place(), pixel = event.clientX - element.getBoundingClientRect().left;
    const values = [...new Set(chart.series().flatMap(({ x }) => x))];
    return values.sort((a, b) => Math.abs(place.x(a) - pixel) - Math.abs(place.x(b) - pixel))[0];
  }
  function read(event) {
    const x = chart.place() && nearest(event);
    tip.hidden = x === undefined || x === null;
    if (tip.hidden) return;
    const found = chart.series().map((line) => ({ line, value: line.y[line.x.indexOf(x)] ?? null }));
    const there = found.filter(({ line, value }) => value !== null && !line.raw).sort((one, other) => other.value - one.value);
    const rows = there.map(({ line, value }) =>
      make("span", { textContent: `${line.label} ${value.toFixed(digits)}`, style: { "--lane": line.color } }));
    tip.replaceChildren(make("span", { textContent: `${name} ${x}` }), ...rows);
    tip.hidden = !rows.length;
    const left = chart.place().x(x), right = left > element.clientWidth / 2;
    tip.style.left = right ? "auto" : `${left + SIDE_PX}px`;
    tip.style.right = right ? `${element.clientWidth - left + SIDE_PX}px` : "auto";
  }
  function move(event) {
    if (dragging) drag(chart.place().at(event.clientX - element.getBoundingClientRect().left));
    else read(event);
  }
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerleave", () => (tip.hidden = true));
  if (!drag) return;
  element.addEventListener("pointerdown", (event) => {
    if (!chart.place() || event.button) return;
    dragging = true;
    tip.hidden = true;
    element.setPointerCapture(event.pointerId);
    move(event);
  });
  for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, () => (dragging = false));
};
