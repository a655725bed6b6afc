// The pointer in a chart of act two: it shows the values at one place, and drags the cursor if there is one.

import { make } from "../shared/widgets.js";

const SIDE_PX = 12;

export class ChartPointer {
  /** @param {any} element @param {import("./penalty_chart.js").PenaltyChart} chart
   * @param {{name: string, digits: number, drag?: (x: number) => void}} options name of the x axis, digits of a value */
  constructor(element, chart, { name, digits, drag }) {
    this.element = element;
    this.chart = chart;
    this.name = name;
    this.digits = digits;
    this.drag = drag;
    this.dragging = false;
    this.tip = make("div", { className: "lp-tip", hidden: true });
    element.append(this.tip);
    element.addEventListener("pointermove", (event) => this.move(event));
    element.addEventListener("pointerleave", () => this.hide());
    if (drag) this.listenForDrag();
  }

  listenForDrag() {
    const { element } = this;
    element.classList.add("lp-dragged");
    element.addEventListener("pointerdown", (event) => this.start(event));
    for (const end of ["pointerup", "pointercancel"]) {
      element.addEventListener(end, () => {
        this.dragging = false;
      });
    }
  }

  start(event) {
    if (!this.chart.place || event.button) return;
    this.dragging = true;
    this.hide();
    this.element.setPointerCapture(event.pointerId);
    this.move(event);
  }

  move(event) {
    if (!this.chart.place) return;
    const pixel = event.clientX - this.element.getBoundingClientRect().left;
    if (this.dragging) this.drag?.(this.chart.place.at(pixel));
    else this.read(pixel);
  }

  hide() {
    this.tip.hidden = true;
  }

  /** Show the values at the recorded x nearest to this pixel. */
  read(pixel) {
    const { place } = this.chart;
    const series = this.chart.series();
    const away = (x) => Math.abs(place.x(x) - pixel);
    const [x] = [...new Set(series.flatMap((line) => line.x))].sort((a, b) => away(a) - away(b));
    const found = series.map((line) => ({ line, value: line.y[line.x.indexOf(x)] ?? null }));
    const known = found.filter(({ line, value }) => value !== null && !line.raw).sort((a, b) => b.value - a.value);
    const rows = known.map(({ line, value }) =>
      make("span", { textContent: `${line.label} ${value.toFixed(this.digits)}`, style: { "--lane": line.color } }),
    );
    this.tip.replaceChildren(make("span", { textContent: `${this.name} ${x}` }), ...rows);
    this.tip.hidden = !rows.length;
    if (rows.length) this.position(place.x(x));
  }

  position(left) {
    const width = this.element.clientWidth;
    const isRight = left > width / 2;
    this.tip.style.left = isRight ? "auto" : `${left + SIDE_PX}px`;
    this.tip.style.right = isRight ? `${width - left + SIDE_PX}px` : "auto";
  }
}
