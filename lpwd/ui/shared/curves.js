// Recorded points of runs, which arrive in pieces: {id: {cursor, losses: {step, loss}, epochs: {epoch, ...}}}.

const MAX_POINTS = 1000; // per curve; beyond it, a curve is thinned to half of it and keeps its extremes

/** Add the new points of a run. @param {Curves} curves @param {string} id @param {CurveDelta} delta */
export function merge(curves, id, { reset, cursor, losses, epochs }) {
  const known = curves[id];
  if (reset || !known) {
    curves[id] = { cursor, losses, epochs };
    return;
  }
  known.cursor = cursor;
  append(known.losses, losses, "loss");
  append(known.epochs, epochs, "test_top1");
}

/** @param {Record<string, any[]>} columns @param {Record<string, any[]>} added @param {string} key kept extremes of */
function append(columns, added, key) {
  for (const [name, values] of Object.entries(added)) for (const value of values) columns[name].push(value);
  if (columns[key].length <= MAX_POINTS) return;
  const kept = extremes(columns[key], MAX_POINTS / 2);
  for (const name of Object.keys(columns)) columns[name] = kept.map((i) => columns[name][i]);
}

/** Return at most `limit` indices: the first, the last, and the lowest and highest value of each bucket between them.
 * @param {number[]} values @param {number} limit */
export function extremes(values, limit) {
  const last = values.length - 1;
  const buckets = Math.floor((limit - 2) / 2);
  const edge = (/** @type {number} */ b) => 1 + Math.floor((b * (last - 1)) / buckets);
  const kept = new Set([0, last]);
  for (let b = 0; b < buckets; b++) {
    let low = edge(b);
    let high = low;
    for (let i = low; i < edge(b + 1); i++) {
      if (values[i] < values[low]) low = i;
      if (values[i] > values[high]) high = i;
    }
    kept.add(low).add(high);
  }
  return [...kept].sort((a, b) => a - b);
}
