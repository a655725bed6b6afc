// Group lanes by method, and compute mean and band over seeds. Needs no page.

import { spread } from "./numbers.js";

/** Return the lanes of each method, in their order. @param {Lane[]} lanes @returns {Lane[][]} */
export function byMethod(lanes) {
  /** @type {Map<string, Lane[]>} */
  const groups = new Map();
  for (const lane of lanes) groups.set(lane.method, [...(groups.get(lane.method) ?? []), lane]);
  return [...groups.values()];
}

/** Return the mean over seeds by epoch, and the mean minus and plus one standard deviation.
 * @param {{epoch: number[], y: (number | null)[]}[]} curves one per seed */
export function overSeeds(curves) {
  /** @type {Map<number, number[]>} */
  const found = new Map();
  for (const { epoch, y } of curves) {
    epoch.forEach((at, i) => {
      const value = y[i];
      if (value !== null && value !== undefined) found.set(at, [...(found.get(at) ?? []), value]);
    });
  }
  const epoch = [...found.keys()].sort((a, b) => a - b);
  const spreads = epoch.map((at) => spread(found.get(at) ?? []));
  const mean = spreads.map(({ mean }) => Number(mean));
  const reach = spreads.map(({ std }) => std ?? 0);
  return { epoch, mean, low: mean.map((m, i) => m - reach[i]), high: mean.map((m, i) => m + reach[i]) };
}
