// Recorded points of runs, which arrive in pieces: {id: {cursor, losses: {step, loss}, epochs: {epoch, ...}}}.

const MAX_POINTS = 2000; // per curve; beyond it, the next request asks for the whole curve, which the server thins to half

/** Add the new points of a run. @param {Curves} curves @param {string} id @param {CurveDelta} delta */
export function merge(curves, id, { reset, cursor, losses, epochs }) {
  const known = curves[id];
  if (reset || !known) {
    curves[id] = { cursor, losses, epochs };
    return;
  }
  append(known.losses, losses);
  append(known.epochs, epochs);
  known.cursor = Math.max(known.losses.step.length, known.epochs.epoch.length) > MAX_POINTS ? "" : cursor;
}

/** @param {Record<string, any[]>} columns @param {Record<string, any[]>} added */
function append(columns, added) {
  for (const [name, values] of Object.entries(added)) columns[name].push(...values);
}
