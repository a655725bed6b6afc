// Conversion between the text of a profile and its bars. Needs no page.

/** Return the multipliers of a profile, interpolated linearly to `count` layers; null if it is invalid.
 * @param {string} text @param {number} count */
export function barsOf(text, count) {
  const given = text
    .split(/[,;\s]+/)
    .filter(Boolean)
    .map(Number);
  if (!given.length || given.some((value) => !(value >= 0))) return null;
  return Array.from({ length: count }, (_, i) => {
    const at = (i * (given.length - 1)) / Math.max(count - 1, 1);
    const low = Math.floor(at);
    return given[low] + (at - low) * ((given[low + 1] ?? given[low]) - given[low]);
  });
}

/** The shapes of the buttons: the multiplier of layer i of n, i from 1. @type {Record<string, (i: number, n: number) => number>} */
const SHAPES = {
  uniform: () => 1,
  paper: (i, n) => (2 * i) / n,
  reversed: (i, n) => (2 * (n + 1 - i)) / n,
  last: (i, n) => (4 * i > 3 * n ? 2 : 0),
};

/** @param {string} name @param {number} count */
export const shape = (name, count) => Array.from({ length: count }, (_, i) => SHAPES[name](i + 1, count));

/** @param {number[]} bars */
export const meanOf = (bars) => bars.reduce((sum, value) => sum + value, 0) / bars.length;

/** Return each bar divided by the mean of all bars. @param {number[]} bars */
export function overMean(bars) {
  const mean = meanOf(bars);
  return bars.map((value) => (mean ? value / mean : 0));
}
