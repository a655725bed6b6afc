// A line chart in SVG: a dragged slider moves a dozen lines and bands in every frame, which is too fast for Plotly.
// CSS transitions (penalty.css) move the lines to their new values.

import { setAttributes, svg } from "../shared/widgets.js";
import { axisNodes, markerOf, rule, scales, stroke, text } from "./penalty_axes.js";

const BAND_OPACITY = 0.15;

export class PenaltyChart {
  /** @param {any} element */
  constructor(element) {
    this.element = element;
    this.nodes = new Map(); // id of a line -> its SVG nodes: band, path, dots
    this.size = { width: 0, height: 0 };
    /** @type {any} */
    this.shown = null; // {axes, series, marks}
    /** @type {any} */
    this.place = null; // the scales of the last frame
    this.waiting = false;
    this.axesDrawn = "";
    this.build();
    new ResizeObserver(([{ contentRect: size }]) => {
      this.size = { width: size.width, height: size.height };
      this.redraw();
    }).observe(element);
  }

  build() {
    const id = `lp-clip-${this.element.dataset.f}`;
    this.clip = svg("rect");
    this.grid = svg("g");
    this.plot = svg("g", { "clip-path": `url(#${id})` });
    this.over = svg("g");
    this.picture = svg("svg", { role: "img" }, svg("clipPath", { id }, this.clip), this.grid, this.plot, this.over);
    this.element.append(this.picture);
  }

  /** @param {any} axes as of `scales` @param {any[]} series [{id, color, dash, marker, width, opacity, dots, x, y, low,
   * high}] @param {any} marks {label, level, cursor} */
  draw(axes, series, marks) {
    this.shown = { axes, series, marks };
    setAttributes(this.picture, { "aria-label": marks.label });
    this.redraw();
  }

  series() {
    return this.shown?.series ?? [];
  }

  redraw() {
    if (this.waiting || !this.shown) return;
    this.waiting = true;
    requestAnimationFrame(() => this.frame());
  }

  frame() {
    this.waiting = false;
    if (!this.size.width) return;
    const { axes, series, marks } = this.shown;
    this.place = scales(axes, this.size.width, this.size.height);
    this.drawAxes(axes);
    for (const id of this.nodes.keys()) if (!series.some((line) => line.id === id)) this.remove(id);
    for (const line of series) this.drawLine(line);
    this.drawMarks(marks);
  }

  remove(id) {
    for (const node of this.nodes.get(id)) node.remove();
    this.nodes.delete(id);
  }

  add(id) {
    const nodes = [svg("path"), svg("path", { class: "lp-line" }), svg("g")];
    this.plot.append(...nodes);
    this.nodes.set(id, nodes);
    return nodes;
  }

  drawLine(line) {
    const { id, x, y, low, high, opacity = 1 } = line;
    const [band, path, dots] = this.nodes.get(id) ?? this.add(id);
    const points = (values) =>
      values.map((value, i) => value !== null && [this.place.x(x[i]).toFixed(1), this.place.y(value).toFixed(1)]);
    const centre = points(y);
    const d = centre.map((point, i) => (point ? `${centre[i - 1] ? "L" : "M"}${point.join(" ")}` : "")).join("");
    setAttributes(path, { ...stroke(line), opacity, "data-id": id, d });
    const [top, bottom] = [high ?? [], low ?? []].map((values) => points(values).filter(Boolean));
    const outline = top.length ? `M${[...top, ...bottom.reverse()].map((point) => point.join(" ")).join("L")}Z` : "";
    setAttributes(band, { fill: line.color, opacity: BAND_OPACITY * opacity, d: outline });
    setAttributes(dots, { opacity });
    this.drawDots(dots, line.dots ? centre : [], markerOf(line));
  }

  drawDots(group, points, marker) {
    while (group.childNodes.length > points.length) group.lastChild.remove();
    while (group.childNodes.length < points.length) group.append(svg("path"));
    points.forEach((point, i) => {
      const dot = setAttributes(group.childNodes[i], marker);
      dot.style.transform = point ? `translate(${point[0]}px, ${point[1]}px)` : "scale(0)";
    });
  }

  drawAxes(axes) {
    const stamp = JSON.stringify([axes, this.size]);
    if (stamp === this.axesDrawn) return;
    this.axesDrawn = stamp;
    const { left, right, top, bottom } = this.place;
    const [width, height] = [Math.max(0, right - left + 8), Math.max(0, bottom - top + 8)];
    setAttributes(this.clip, { x: left, y: top - 8, width, height });
    this.grid.replaceChildren(...axisNodes(axes, this.place));
  }

  drawMarks({ level, cursor }) {
    const { left, right, top, bottom, x, y } = this.place;
    const nodes = [];
    if (level && y(level.value) < bottom) {
      const at = y(level.value);
      const name = cursor ? text(level.name, left + 4, at - 4, "start") : text(level.name, right, at - 4, "end");
      nodes.push(rule("lp-level", left, at, right, at), name); // on the side without curves
    }
    if (cursor) {
      const at = x(cursor);
      nodes.push(rule("lp-cursor", at, top, at, bottom), svg("circle", { class: "lp-handle", cx: at, cy: top, r: 7 }));
      if (right - at > 64) nodes.push(text("drag →", at + 12, top + 4, "start"));
    }
    this.over.replaceChildren(...nodes);
  }
}
