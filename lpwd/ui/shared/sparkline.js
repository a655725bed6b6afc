// Small line charts in SVG, without axes.

import { svg } from "./widgets.js";

/** Draw lines on one scale, with a thin line at 0 if the scale contains it. Lines of at most `dots` points have a dot at each.
 * @param {{x: number[], y: number[], color: string}[]} lines
 * @param {{width: number, height: number, pad: number, dots?: number}} size @param {Record<string, string>} attributes */
export function sparkline(lines, { width, height, pad, dots = 0 }, attributes) {
  const [xs, ys] = [lines.flatMap(({ x }) => x), lines.flatMap(({ y }) => y)];
  const [x, y] = [scale(xs, pad, width - pad), scale(ys, height - pad, pad)];
  const zero = { x1: 0, x2: width, y1: y(0), y2: y(0), class: "lp-zero" };
  const hasZero = Math.min(...ys) <= 0 && Math.max(...ys) >= 0;
  const drawn = lines.flatMap((line) => {
    const stroke = line.color || "currentColor";
    const points = line.x.map((value, i) => [x(value).toFixed(1), y(line.y[i]).toFixed(1)]);
    const path = svg("polyline", { points: points.join(" "), fill: "none", stroke, "stroke-width": 1.5 });
    return [
      path,
      ...(points.length > dots ? [] : points.map(([cx, cy]) => svg("circle", { cx, cy, r: 2.5, fill: stroke }))),
    ];
  });
  const options = { viewBox: `0 0 ${width} ${height}`, width, height, ...attributes };
  return svg("svg", options, ...(hasZero ? [svg("line", zero)] : []), ...drawn);
}

/** Return a linear scale from the range of these values to start and end.
 * @param {number[]} values @param {number} start @param {number} end */
function scale(values, start, end) {
  const low = Math.min(...values);
  const span = Math.max(...values) - low;
  return (/** @type {number} */ value) => (span ? start + ((value - low) / span) * (end - start) : (start + end) / 2);
}
