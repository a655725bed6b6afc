// A line chart in SVG: a dragged slider moves a dozen lines and bands in every frame, which is too fast for Plotly.
// Lines glide to new values; with reduced motion they jump.

import { setAttributes, svg } from "../shared/widgets.js";
import { axisNodes, markerOf, rule, scales, stroke, text } from "./penalty_axes.js";

const GLIDE_MS = 140;
const BAND_OPACITY = 0.15;

/** Return the values of a line on its way from `from` to itself. @param {any} line @param {number} share 0 to 1 */
export function underway(line, share) {
  const mixed = (/** @type {string} */ name) =>
    line[name]?.map((/** @type {number | null} */ value, /** @type {number} */ i) => {
      const from = line.from[name]?.[i] ?? null;
      return value === null || from === null || share >= 1 ? value : from + share * (value - from);
    });
  return { y: mixed("y"), low: mixed("low"), high: mixed("high") };
}

export class PenaltyChart {
  /** @param {any} element */
  constructor(element) {
    this.element = element;
    this.lines = new Map(); // id -> a series with its SVG nodes and the values that it glides from
    this.size = { width: 0, height: 0 };
    /** @type {any} */
    this.axes = null;
    /** @type {any} */
    this.place = null; // the scales of the last frame
    this.marks = {};
    this.begun = 0;
    this.running = false;
    this.axesDrawn = "";
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.build();
    new ResizeObserver(
      ([
        {
          contentRect: { width, height },
        },
      ]) => {
        this.size = { width, height };
        this.wake();
      },
    ).observe(element);
  }

  build() {
    const id = `lp-room-${this.element.dataset.f}`;
    this.room = svg("rect");
    this.grid = svg("g");
    this.plot = svg("g", { "clip-path": `url(#${id})` });
    this.over = svg("g");
    this.picture = svg("svg", { role: "img" }, svg("clipPath", { id }, this.room), this.grid, this.plot, this.over);
    this.element.append(this.picture);
  }

  /** @param {any} axes as of `scales` @param {any[]} series [{id, color, dash, marker, width, opacity, dots, x, y, low,
   * high}] @param {any} marks {label, level, cursor} */
  draw(axes, series, marks) {
    const now = performance.now();
    const share = this.progress(now);
    const ids = new Set(series.map(({ id }) => id));
    for (const [id, { nodes }] of this.lines) if (!ids.has(id)) this.remove(id, nodes);
    for (const line of series) this.update(line, share);
    this.axes = axes;
    this.marks = marks;
    setAttributes(this.picture, { "aria-label": marks.label });
    this.begun = this.still.matches || document.hidden ? -Infinity : now;
    this.wake();
  }

  series() {
    return [...this.lines.values()];
  }

  remove(id, nodes) {
    for (const node of nodes) node.remove();
    this.lines.delete(id);
  }

  update(line, share) {
    const before = this.lines.get(line.id);
    const nodes = before?.nodes ?? [svg("path"), svg("path", { class: "lp-line" }), svg("g")];
    if (!before) this.plot.append(...nodes);
    const from = before?.y.length === line.y.length ? underway(before, share) : line;
    this.lines.set(line.id, { ...line, from, nodes });
    this.paint(line, nodes);
  }

  wake() {
    if (this.running || !this.axes) return;
    this.running = true;
    requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    this.running = false;
    if (!this.element.isConnected || !this.size.width) return;
    this.place = scales(this.axes, this.size.width, this.size.height);
    this.drawAxes();
    const share = this.progress(now);
    for (const line of this.lines.values()) this.move(line, underway(line, share));
    this.drawMarks();
    if (share < 1) this.wake();
  }

  progress(now) {
    return 1 - (1 - Math.min(1, Math.max(0, (now - this.begun) / GLIDE_MS))) ** 3;
  }

  paint(line, [band, path, dots]) {
    const opacity = line.opacity ?? 1;
    setAttributes(path, { ...stroke(line), opacity, "data-id": line.id });
    setAttributes(band, { fill: line.color, opacity: BAND_OPACITY * opacity });
    setAttributes(dots, { opacity });
    const wanted = line.dots ? line.y.length : 0;
    while (dots.childNodes.length > wanted) dots.lastChild.remove();
    while (dots.childNodes.length < wanted) dots.append(svg("path"));
    for (const dot of dots.childNodes) setAttributes(dot, markerOf(line));
  }

  move({ x, nodes: [band, path, dots] }, { y, low, high }) {
    const left = x.map((value) => this.place.x(value).toFixed(1));
    const points = (values) =>
      values.map((value, i) => (value === null ? null : `${left[i]} ${this.place.y(value).toFixed(1)}`));
    const centre = points(y);
    const d = centre.map((point, i) => (point ? `${centre[i - 1] ? "L" : "M"}${point}` : "")).join("");
    setAttributes(path, { d });
    dots.childNodes.forEach((dot, i) => {
      setAttributes(dot, { transform: centre[i] ? `translate(${centre[i]})` : "scale(0)" });
    });
    if (!low) return;
    const [top, bottom] = [high, low].map((values) => points(values).filter(Boolean));
    setAttributes(band, { d: top.length ? `M${[...top, ...bottom.reverse()].join("L")}Z` : "" });
  }

  drawAxes() {
    const stamp = JSON.stringify([this.axes, this.size]);
    if (stamp === this.axesDrawn) return;
    this.axesDrawn = stamp;
    const { left, right, top, bottom } = this.place;
    const [width, height] = [Math.max(0, right - left + 8), Math.max(0, bottom - top + 8)];
    setAttributes(this.room, { x: left, y: top - 8, width, height });
    this.grid.replaceChildren(...axisNodes(this.axes, this.place));
  }

  drawMarks() {
    const { left, right, top, bottom, x, y } = this.place;
    const { level, cursor } = this.marks;
    const nodes = [];
    if (level && y(level.value) < bottom) {
      const at = y(level.value);
      const name = cursor ? text(level.name, left + 4, at - 4, "start") : text(level.name, right, at - 4, "end");
      nodes.push(rule("lp-level", left, at, right, at), name); // where no curve is
    }
    if (cursor) {
      const at = x(cursor);
      nodes.push(rule("lp-cursor", at, top, at, bottom), svg("circle", { class: "lp-handle", cx: at, cy: top, r: 7 }));
      if (right - at > 64) nodes.push(text("drag →", at + 12, top + 4, "start"));
    }
    this.over.replaceChildren(...nodes);
  }
}
