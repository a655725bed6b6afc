// A line chart drawn by hand in SVG, because a dragged slider moves a dozen lines and bands at every frame, which Plotly
// does not do within one. Lines glide to new values; with reduced motion they jump.
lpwd.penaltyChart = (() => {
  "use strict";
  const GLIDE_MS = 140, BAND = 0.15;
  const { svg, set, stroke, mark, rule, text, scales, drawn } = lpwd.penaltyAxes;
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  // Returns {draw(axes, series, marks), place}. axes: {x: {title, range, log, values}, y: {title, range}};
  // series: [{id, color, dash, marker, width, opacity, dots, x, y, low, high}]; marks: {label, level, cursor}.
  function mount(element) {
    let axes = null, marks = {}, place = null, begun = 0, running = false, axesDrawn = "";
    const size = { width: 0, height: 0 }, lines = new Map(); // id -> a series with the values it comes from and its nodes
    const clip = `lp-room-${element.dataset.f}`, room = svg("rect"), grid = svg("g");
    const plot = svg("g", { "clip-path": `url(#${clip})` }), over = svg("g");
    const picture = svg("svg", { role: "img" }, svg("clipPath", { id: clip }, room), grid, plot, over);
    element.append(picture);

    function draw(nextAxes, series, nextMarks) {
      const now = performance.now(), share = progress(now), ids = new Set(series.map(({ id }) => id));
      for (const [id, { nodes }] of lines) if (!ids.has(id)) nodes.forEach((node) => node.remove()), lines.delete(id);
      for (const line of series) {
        const before = lines.get(line.id), nodes = before?.nodes ?? [svg("path"), svg("path", { class: "lp-line" }), svg("g")];
        if (!before) plot.append(...nodes);
        lines.set(line.id, { ...line, from: before?.y.length === line.y.length ? underway(before, share) : line, nodes });
        paint(line, nodes);
      }
      [axes, marks] = [nextAxes, nextMarks];
      set(picture, { "aria-label": marks.label });
      begun = still.matches || document.hidden ? -Infinity : now;
      wake();
    }
    function wake() {
      if (running || !axes) return;
      running = true;
      requestAnimationFrame(frame);
    }
    function frame(now) {
      running = false;
      if (!element.isConnected || !size.width) return;
      place = scales(axes, size.width, size.height);
      drawAxes();
      const share = progress(now);
      for (const line of lines.values()) move(line, underway(line, share));
      drawMarks();
      if (share < 1) wake();
    }

    // ---- lines

    const progress = (now) => 1 - (1 - Math.min(1, Math.max(0, (now - begun) / GLIDE_MS))) ** 3;
    // The values of a line on its way.
    function underway(line, share) {
      const mixed = (name) => line[name]?.map((value, i) => {
        const from = line.from[name]?.[i] ?? null;
        return value === null || from === null || share >= 1 ? value : from + share * (value - from);
      });
      return { y: mixed("y"), low: mixed("low"), high: mixed("high") };
    }
    function paint(line, [band, path, dots]) {
      const opacity = line.opacity ?? 1;
      set(path, { ...stroke(line), opacity, "data-id": line.id });
      set(band, { fill: line.color, opacity: BAND * opacity });
      set(dots, { opacity });
      const wanted = line.dots ? line.y.length : 0;
      while (dots.childNodes.length > wanted) dots.lastChild.remove();
      while (dots.childNodes.length < wanted) dots.append(svg("path"));
      for (const dot of dots.childNodes) set(dot, mark(line));
    }
    function move({ x, nodes: [band, path, dots] }, { y, low, high }) {
      const left = x.map((value) => place.x(value).toFixed(1));
      const points = (values) => values.map((value, i) => (value === null ? null : `${left[i]} ${place.y(value).toFixed(1)}`));
      const centre = points(y);
      set(path, { d: centre.map((point, i) => (point ? `${centre[i - 1] ? "L" : "M"}${point}` : "")).join("") });
      dots.childNodes.forEach((dot, i) => set(dot, { transform: centre[i] ? `translate(${centre[i]})` : "scale(0)" }));
      if (!low) return;
      const [top, bottom] = [high, low].map((values) => points(values).filter(Boolean));
      set(band, { d: top.length ? `M${[...top, ...bottom.reverse()].join("L")}Z` : "" });
    }

    // ---- axes and marks

    function drawAxes() {
      const stamp = JSON.stringify([axes, size]);
      if (stamp === axesDrawn) return;
      axesDrawn = stamp;
      const { left, right, top, bottom } = place;
      set(room, { x: left, y: top - 8, width: Math.max(0, right - left + 8), height: Math.max(0, bottom - top + 8) });
      grid.replaceChildren(...drawn(axes, place));
    }
    function drawMarks() {
      const { left, right, top, bottom } = place, parts = [];
      if (marks.level) {
        const y = place.y(marks.level.value);
        const side = marks.cursor ? [left + 4, y - 4, "start"] : [right, y - 4, "end"]; // where no curve is
        if (y < bottom) parts.push(rule("lp-level", left, y, right, y), text(marks.level.name, ...side));
      }
      if (marks.cursor) {
        const x = place.x(marks.cursor);
        parts.push(rule("lp-cursor", x, top, x, bottom), svg("circle", { class: "lp-handle", cx: x, cy: top, r: 7 }));
        if (right - x > 64) parts.push(text("drag →", x + 12, top + 4, "start"));
      }
      over.replaceChildren(...parts);
    }
    new ResizeObserver(([{ contentRect }]) => {
      [size.width, size.height] = [contentRect.width, contentRect.height];
      wake();
    }).observe(element);
    return { draw, place: () => place, series: () => [...lines.values()] };
  }
  return { mount };
})();
