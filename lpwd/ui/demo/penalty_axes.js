// SVG parts of act two's charts: strokes, markers, scales, ticks and axes.

import { DASHES, MARKERS } from "../shared/styles.js";
import { svg } from "../shared/widgets.js";

const MARGIN = { l: 48, r: 14, t: 16, b: 40 };
const TICK_PX = 30;
const SMALL = "M-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0Z"; // of a method without a marker

/** @param {any} style */
export const stroke = ({ color, dash, width = 2 }) => ({
  fill: "none",
  stroke: color,
  "stroke-width": width,
  "stroke-dasharray": DASHES[dash]?.join(" ") ?? "none",
  "stroke-linejoin": "round",
});
/** @param {any} style */
export const markerOf = ({ marker, color }) => ({ d: MARKERS[marker] ?? SMALL, fill: color });
/** @param {string} content @param {number} x @param {number} y @param {string} anchor */
export const text = (content, x, y, anchor, more = {}) =>
  svg("text", { x, y, "text-anchor": anchor, ...more }, content);
/** @param {string} name @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
export const rule = (name, x1, y1, x2, y2) => svg("line", { class: name, x1, y1, x2, y2 });

/** Return a sample of a line for a legend. @param {Style} style */
export function sample(style) {
  const line = svg("path", { ...stroke(style), d: "M0 6H28" });
  const dot = svg("path", { ...markerOf(style), transform: "translate(14 6)" });
  return svg("svg", { viewBox: "0 0 28 12", "aria-hidden": "true" }, line, dot);
}

/** Return about `count` round numbers from low to high. @param {number} low @param {number} high @param {number} count */
export function ticks(low, high, count) {
  const rough = (high - low) / count;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = Number([1, 2, 5, 10].map((factor) => factor * size).find((value) => value >= rough * (1 - 1e-9)));
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Return the scales of a picture of this size: x and y map values to pixels, `at` maps a pixel back to x.
 * @param {any} axes {x: {title, range, log, values}, y: {title, range}} @param {number} width @param {number} height */
export function scales(axes, width, height) {
  const [warp, back] = axes.x.log ? [Math.log, Math.exp] : [Number, Number];
  const [left, right, top, bottom] = [MARGIN.l, width - MARGIN.r, MARGIN.t, height - MARGIN.b];
  const [low, high] = axes.x.range.map((/** @type {number} */ value) => warp(value));
  const [floor, ceiling] = axes.y.range;
  return {
    left,
    right,
    top,
    bottom,
    x: (/** @type {number} */ value) => left + ((warp(value) - low) / (high - low)) * (right - left),
    y: (/** @type {number} */ value) => bottom - ((value - floor) / (ceiling - floor)) * (bottom - top),
    at: (/** @type {number} */ pixel) => back(low + ((pixel - left) / (right - left)) * (high - low)),
  };
}

/** Return grid, ticks and titles. @param {any} axes @param {ReturnType<typeof scales>} place */
export function axisNodes(axes, { left, right, top, bottom, x, y }) {
  const level = (/** @type {number} */ value) => [
    rule("lp-grid", left, y(value), right, y(value)),
    text(String(value), left - 8, y(value) + 4, "end"),
  ];
  const [[low, high], [floor, ceiling]] = [axes.x.range, axes.y.range];
  const levels = ticks(floor, ceiling, Math.max(2, Math.floor((bottom - top) / 44)));
  const places = axes.x.values ?? ticks(low, high, Math.max(2, Math.floor((right - left) / 56)));
  const middle = (top + bottom) / 2;
  return [
    ...levels.flatMap(level),
    ...xTicks(places, x, bottom),
    rule("lp-axis", left, bottom, right, bottom),
    text(axes.y.title, 2 - middle, 12, "middle", { transform: "rotate(-90)" }),
    text(axes.x.title, (left + right) / 2, bottom + 35, "middle"),
  ];
}

/** Return the ticks, with labels that do not overlap. @param {number[]} values @param {(v: number) => number} x @param {number} y */
function xTicks(values, x, y) {
  let last = -Infinity;
  return values.flatMap((value) => {
    const tick = rule("lp-axis", x(value), y, x(value), y + 4);
    if (x(value) - last < TICK_PX) return [tick];
    last = x(value);
    return [tick, text(String(value), last, y + 17, "middle")];
  });
}
