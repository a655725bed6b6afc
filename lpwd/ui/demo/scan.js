// A recorded scan: means and bands over seeds by method and strength. hub/scans.py packs it; only this file knows how.

import { spread } from "../shared/numbers.js";

const UNITS = { loss: 1000, top1: 100 };
const VALUES = ["best10_mean", "last_top1"];

/** Fetch a scan; null if it is not published any more. @param {string} name @param {string} digest */
export async function readScan(name, digest) {
  const response = await fetch(new URL(`lpwd/scans/${name}?v=${digest}`, document.baseURI));
  if (!response.ok) throw new Error(response.statusText);
  const packed = await response.json();
  return packed && { ...unpacked(packed), digest };
}

/** @param {any} packed */
export function unpacked(packed) {
  const entries = Object.entries(packed.methods);
  const methods = Object.fromEntries(entries.map(([name, cells]) => [name, cells.map(unpackedCell)]));
  const known = Object.values(methods).flat().filter(Boolean);
  const highest = (/** @type {(number | null)[]} */ values) => Math.max(...values.map(Number));
  return {
    ...packed,
    methods,
    highestLoss: highest(known.flatMap(({ loss }) => [...loss.high, ...loss.mean])),
    highestTop1: highest(known.flatMap(({ top1 }) => top1.mean)),
  };
}

function unpackedCell(/** @type {any} */ packed) {
  if (!packed) return null;
  const cell = { ...packed };
  for (const [name, units] of Object.entries(UNITS)) {
    cell[name] = band(packed[name].map((/** @type {number[]} */ steps) => curve(steps, units)));
  }
  for (const value of VALUES) cell[value] = spread(packed[value]);
  return cell;
}

/** Return the curve of a seed, which is packed as differences. @param {number[]} steps @param {number} units */
function curve(steps, units) {
  let sum = 0;
  return steps.map((step) => {
    sum += step;
    return sum / units;
  });
}

/** Return mean, low and high by epoch. @param {number[][]} curves one per seed */
function band(curves) {
  const epochs = (curves[0] ?? []).map((_, i) => spread(curves.map((values) => values[i])));
  return { mean: epochs.map(({ mean }) => mean), low: epochs.map(beside(-1)), high: epochs.map(beside(1)) };
}

/** Return a function of a spread: its mean plus or minus one standard deviation, or null. @param {number} sign */
export const beside = (sign) => (/** @type {any} */ found) =>
  found?.std == null ? null : found.mean + sign * found.std;
