// Each method minus the first, seed by seed: dots, their mean, and its interval, on one axis about 0.

import { signed } from "../shared/numbers.js";
import { make, svg } from "../shared/widgets.js";

const WIDTH = 320; // units of a row's picture
const HEIGHT = 24;
const EDGE = 8;
const LEAST = 0.5; // points at each end of the axis

/** @typedef {{label: string, other: string, color: string, seeds: number[], differences: number[], mean: number,
 *   low: number | null, high: number | null}} Difference */

/** @param {HTMLElement} element @param {Difference[]} rows */
export function drawDifferences(element, rows) {
  const x = axis(rows);
  element.replaceChildren(...rows.map((row) => make("div", { style: { "--lane": row.color } }, ...parts(row, x))));
}

/** Return the place of a difference; the axis holds every dot, and intervals up to twice as far. @param {Difference[]} rows */
export function axis(rows) {
  const dots = Math.max(LEAST, ...rows.flatMap(({ differences }) => differences.map(Math.abs)));
  const ends = rows.flatMap(({ low, high }) => [low, high].map((end) => Math.abs(end ?? 0)));
  const reach = Math.max(dots, Math.min(2 * dots, ...(ends.length ? [Math.max(...ends)] : [])));
  const half = WIDTH / 2 - EDGE;
  return (/** @type {number} */ value) => WIDTH / 2 + half * Math.max(-1, Math.min(1, value / reach));
}

/** @param {Difference} row */
export function differenceText({ mean, low, high, differences }) {
  const n = `n = ${differences.length}`;
  if (low === null || high === null) return `${plus(mean)} points, ${n}`;
  return `${plus(mean)} points [${plus(low)}, ${plus(high)}], ${n}`;
}

const plus = (/** @type {number} */ value) => `${value > 0 ? "+" : ""}${signed(value, 2)}`;

/** @param {Difference} row @param {(value: number) => number} x */
function parts(row, x) {
  const text = differenceText(row);
  const name = make("span", { className: "lp-difference-name", textContent: `${row.label} − ${row.other}` });
  return [
    name,
    picture(row, x, `${row.label} minus ${row.other}: ${text}`),
    make("span", { className: "lp-num", textContent: text }),
  ];
}

/** @param {Difference} row @param {(value: number) => number} x @param {string} label */
function picture({ seeds, differences, mean, low, high }, x, label) {
  const middle = HEIGHT / 2;
  const zero = svg("line", { class: "lp-zero", x1: x(0), x2: x(0), y1: 0, y2: HEIGHT });
  const bar =
    low === null || high === null
      ? []
      : [svg("line", { class: "lp-interval", x1: x(low), x2: x(high), y1: middle, y2: middle })];
  const dots = differences.map((value, i) =>
    svg("circle", { cx: x(value), cy: middle, r: 3.5 }, svg("title", {}, `seed ${seeds[i]}: ${plus(value)} points`)),
  );
  const tick = svg("line", { class: "lp-mean", x1: x(mean), x2: x(mean), y1: 4, y2: HEIGHT - 4 });
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    zero,
    ...bar,
    ...dots,
    tick,
  );
}
