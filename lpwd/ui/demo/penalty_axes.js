// The SVG parts of act two's charts: strokes, marks, scales and axes.
lpwd.penaltyAxes = (() => {
  "use strict";
  const MARGIN = { l: 48, r: 14, t: 16, b: 40 }, TICK_PX = 30;
  const DASHES = { dash: "7 4", dot: "2 3", dashdot: "7 3 2 3" };
  const MARKS = { // about a point
    circle: "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0Z", square: "M-3-3H3V3H-3Z", diamond: "M0-4.5L4.5 0 0 4.5-4.5 0Z",
    "triangle-down": "M0 4L4-3H-4Z", "triangle-up": "M0-4L4 3H-4Z", pentagon: "M0-4L4-1 2.5 3.5H-2.5L-4-1Z",
    cross: "M-1-4H1V-1H4V1H1V4H-1V1H-4V-1H-1Z", x: "M-4-3L-3-4 0-1 3-4 4-3 1 0 4 3 3 4 0 1-3 4-4 3-1 0Z",
  };
  const SMALL = "M-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0Z"; // of a method without a mark

  function svg(tag, attributes = {}, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    set(node, attributes);
    node.append(...children);
    return node;
  }
  function set(node, attributes) {
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  }
  const stroke = ({ color, dash, width = 2 }) => ({
    fill: "none", stroke: color, "stroke-width": width, "stroke-dasharray": DASHES[dash] ?? "none", "stroke-linejoin": "round",
  });
  const mark = ({ marker, color }) => ({ d: MARKS[marker] ?? SMALL, fill: color });
  const text = (content, x, y, anchor, more = {}) => svg("text", { x, y, "text-anchor": anchor, ...more }, content);
  const rule = (name, x1, y1, x2, y2) => svg("line", { class: name, x1, y1, x2, y2 });

  // A sample of a line for a legend.
  function sample(style) {
    const line = svg("path", { ...stroke(style), d: "M0 6H28" });
    const dot = svg("path", { ...mark(style), transform: "translate(14 6)" });
    return svg("svg", { viewBox: "0 0 28 12", "aria-hidden": "true" }, line, dot);
  }
  function ticks(low, high, count) {
    const rough = (high - low) / count, size = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * size).find((value) => value >= rough * (1 - 1e-9));
    const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }
  // Where values of these axes stand in a picture of this size; `at` is the reverse of `x`.
  function scales(axes, width, height) {
    const warp = axes.x.log ? Math.log : (value) => value, back = axes.x.log ? Math.exp : (value) => value;
    const [left, right] = [MARGIN.l, width - MARGIN.r], [top, bottom] = [MARGIN.t, height - MARGIN.b];
    const [low, high] = axes.x.range.map(warp), [floor, ceiling] = axes.y.range;
    return {
      left, right, top, bottom,
      x: (value) => left + ((warp(value) - low) / (high - low)) * (right - left),
      y: (value) => bottom - ((value - floor) / (ceiling - floor)) * (bottom - top),
      at: (pixel) => back(low + ((pixel - left) / (right - left)) * (high - low)),
    };
  }
  // The grid, ticks and titles: [node, ...].
  function drawn(axes, { left, right, top, bottom, x, y }) {
    const parts = [];
    for (const value of ticks(...axes.y.range, Math.max(2, Math.floor((bottom - top) / 44)))) {
      parts.push(rule("lp-grid", left, y(value), right, y(value)), text(String(value), left - 8, y(value) + 4, "end"));
    }
    let last = -Infinity;
    for (const value of axes.x.values ?? ticks(...axes.x.range, Math.max(2, Math.floor((right - left) / 56)))) {
      parts.push(rule("lp-axis", x(value), bottom, x(value), bottom + 4));
      if (x(value) - last < TICK_PX) continue;
      last = x(value);
      parts.push(text(String(value), last, bottom + 17, "middle"));
    }
    const unit = text(axes.y.title, 2 - (top + bottom) / 2, 12, "middle", { transform: "rotate(-90)" });
    return [...parts, rule("lp-axis", left, bottom, right, bottom), unit, text(axes.x.title, (left + right) / 2, bottom + 35, "middle")];
  }
  return { svg, set, stroke, mark, rule, text, sample, scales, drawn };
})();
