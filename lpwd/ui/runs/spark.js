// A small curve in the table of runs: test top-1 by epoch, of a few runs on one scale.

import { fixed } from "../shared/numbers.js";
import { svg } from "../shared/widgets.js";

const WIDTH = 72;
const HEIGHT = 20;
export const MAX_RUNS = 6;

/** Return the curve, or "" without any. @param {any[]} rows @param {Map<string, (number | null)[]>} curves by run
 * @param {string} stroke */
export function spark(rows, curves, stroke) {
  const points = (row) => (curves.get(row.id) ?? []).filter((value) => value !== null);
  const drawn = rows
    .slice(0, MAX_RUNS)
    .map(points)
    .filter((ys) => ys.length > 1);
  if (!drawn.length) return "";
  const low = Math.min(...drawn.flat());
  const range = Math.max(...drawn.flat()) - low || 1;
  const path = (ys) => {
    const x = (i) => (1 + (i * (WIDTH - 2)) / (ys.length - 1)).toFixed(1);
    const y = (value) => (HEIGHT - 1 - ((value - low) / range) * (HEIGHT - 2)).toFixed(1);
    const at = ys.map((value, i) => `${x(i)},${y(value)}`).join(" ");
    return svg("polyline", { points: at, stroke, fill: "none", "stroke-width": 1.25 });
  };
  const label = `test top-1 by epoch, ${fixed(low, 1)} to ${fixed(low + range, 1)} %`;
  const size = { width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}` };
  return svg("svg", { ...size, role: "img", "aria-label": label }, ...drawn.map(path));
}
