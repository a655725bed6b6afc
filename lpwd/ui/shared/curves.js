// Recorded points of runs, as they arrive in pieces: {id: {cursor, losses: {step, loss}, epochs: {epoch, ...}}}.
lpwd.curves = (() => {
  "use strict";
  const MAX_POINTS = 1000; // a curve; thinned to half of it with extremes kept

  function merge(curves, id, delta) {
    const known = curves[id];
    if (delta.reset || !known) curves[id] = { cursor: delta.cursor, losses: delta.losses, epochs: delta.epochs };
    else {
      known.cursor = delta.cursor;
      append(known.losses, delta.losses, "loss");
      append(known.epochs, delta.epochs, "test_top1");
    }
  }
  function append(columns, added, key) {
    for (const [name, values] of Object.entries(added)) for (const value of values) columns[name].push(value);
    if (columns[key].length <= MAX_POINTS) return;
    const kept = extremes(columns[key], MAX_POINTS / 2);
    for (const name of Object.keys(columns)) columns[name] = kept.map((i) => columns[name][i]);
  }
  // Indices of the first, the last, and the lowest and highest value of each bucket between them.
  function extremes(values, limit) {
    const last = values.length - 1, buckets = Math.floor((limit - 2) / 2);
    const kept = new Set([0, last]);
    for (let b = 0; b < buckets; b++) {
      const start = 1 + Math.floor((b * (last - 1)) / buckets), stop = 1 + Math.floor(((b + 1) * (last - 1)) / buckets);
      let low = start, high = start;
      for (let i = start; i < stop; i++) {
        if (values[i] < values[low]) low = i;
        if (values[i] > values[high]) high = i;
      }
      kept.add(low).add(high);
    }
    return [...kept].sort((a, b) => a - b);
  }
  return { merge };
})();
