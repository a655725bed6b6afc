// A recorded scan as the page draws it: means and bands over seeds by method and strength. The packing is hub/scans.py's.
lpwd.penaltyScan = (() => {
  "use strict";
  const UNITS = { loss: 1000, top1: 100 }, VALUES = ["best10_mean", "last_top1"];

  // Null where nothing of it is published any more.
  async function read(name, digest) {
    const response = await fetch(new URL(`lpwd/scans/${name}?v=${digest}`, document.baseURI));
    if (!response.ok) throw new Error(response.statusText);
    const packed = await response.json();
    return packed && unpacked(packed);
  }
  // Sums of steps: the curve of a seed.
  function curve(steps, units) {
    let sum = 0;
    return steps.map((step) => (sum += step) / units);
  }
  // Mean and deviation (n - 1) of numbers; no deviation of one.
  function spread(values) {
    const n = values.length, mean = n ? values.reduce((sum, value) => sum + value, 0) / n : null;
    const std = n > 1 ? Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)) : null;
    return { n, mean, std };
  }
  function band(curves) {
    const epochs = (curves[0] ?? []).map((_, i) => spread(curves.map((values) => values[i])));
    const beside = (sign) => epochs.map(({ mean, std }) => (std === null ? null : mean + sign * std));
    return { mean: epochs.map(({ mean }) => mean), low: beside(-1), high: beside(1) };
  }
  function cell(packed) {
    if (!packed) return null;
    const { seeds, rates, meanRate, diverged } = packed;
    const found = { seeds, rates, meanRate, diverged };
    for (const [name, units] of Object.entries(UNITS)) found[name] = band(packed[name].map((steps) => curve(steps, units)));
    for (const value of VALUES) found[value] = spread(packed[value]);
    return found;
  }
  function unpacked(packed) {
    const methods = Object.fromEntries(Object.entries(packed.methods).map(([name, cells]) => [name, cells.map(cell)]));
    const tops = Object.values(methods).flat().filter(Boolean);
    const most = (numbers) => Math.max(...numbers.filter((number) => number !== null));
    return {
      ...packed, methods,
      highestLoss: most(tops.flatMap(({ loss }) => [...loss.high, ...loss.mean])),
      highestTop1: most(tops.flatMap(({ top1 }) => top1.mean)),
    };
  }
  return { read, unpacked };
})();
