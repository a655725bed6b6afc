// The data of act two's charts: recorded lines and bands, lines of the live seed, and axes.

import { fixed } from "../shared/numbers.js";

const CLOSE_POINTS = 8; // of top-1 in a close-up
export const VALUES = { best10_mean: "mean of the best 10 epochs", last_top1: "last epoch" };

/** What is selected in act two.
 * @typedef {object} Selection
 * @property {any} frame axes and methods of the scan @property {any} scan the recorded scan, or null
 * @property {any[]} styles methods that are shown @property {number} at index of lambda @property {string} value of a run
 * @property {boolean} close whether the top-1 axis is a close-up @property {any[]} lanes of the live seed
 * @property {(id: string) => Curve} points of a live lane */

/** Return the axes of the three charts. @param {Selection} selection */
export function axesOf({ frame, scan, close }) {
  const highest = Math.ceil(scan?.highest.top1 ?? 100);
  const { decays } = frame;
  const epochs = { title: "epoch", range: [0, frame.epochs] };
  const loss = { title: "cross-entropy (nats)", range: [0, Math.max(0.5, scan?.highest.loss ?? 5)] };
  const top1 = { title: "test top-1 (%)", range: close ? [highest - CLOSE_POINTS, highest] : [0, 100] };
  const range = [decays[0] / 1.2, decays.at(-1) * 1.2];
  const strengths = { title: "weight decay λ", log: true, range, values: decays };
  return { loss: { x: epochs, y: loss }, top1: { x: epochs, y: top1 }, result: { x: strengths, y: top1 } };
}

/** Return the lines of the loss or top-1 chart. @param {"loss" | "top1"} name @param {Selection} selection */
export function curveSeries(name, { frame, scan, styles, at, lanes, points }) {
  const epochs = Array.from({ length: frame.epochs }, (_, i) => i + 1);
  const opacity = lanes.length ? 0.5 : 1;
  const recorded = (scan ? styles : []).flatMap((style) => {
    const cell = scan.methods[style.method][at];
    if (!cell) return [];
    const y = cell[name].mean ?? [];
    return [{ ...style, id: style.method, opacity, x: y.length ? epochs : [], y, ...band(y, cell[name].std ?? []) }];
  });
  return [...recorded, ...lanes.flatMap((lane) => liveSeries(name, lane, points(lane.id)))];
}

/** Return the values minus and plus their deviations, with null for missing values.
 * @param {(number | null)[]} values @param {(number | null)[]} deviations */
function band(values, deviations) {
  const beside = (/** @type {number} */ sign) =>
    values.map((value, i) => (value == null || deviations[i] == null ? null : value + sign * Number(deviations[i])));
  return { low: beside(-1), high: beside(1) };
}

/** @param {"loss" | "top1"} name @param {any} lane @param {Curve} curve */
function liveSeries(name, lane, { losses, epochs }) {
  const y = [...(name === "loss" ? epochs.train_loss : epochs.test_top1)];
  const line = { ...lane, label: `${lane.label}, here`, width: 3.5, x: [...epochs.epoch], y, dots: y.length === 1 };
  if (name !== "loss" || !lane.totalSteps || y.length > 1) return [line];
  const x = losses.step.map((step) => (step * lane.epochs) / lane.totalSteps); // until there is a curve by epoch
  return [line, { ...line, id: `${lane.id}-steps`, raw: true, width: 1, dots: false, x, y: [...losses.loss] }];
}

/** Return the lines of the chart over lambda. @param {Selection} selection */
export function resultSeries({ frame, scan, styles, at, value, lanes }) {
  const recorded = (scan ? styles : []).map((style) => {
    const found = scan.methods[style.method].map((cell) => (cell?.[value].n ? cell[value] : null));
    const y = found.map((spread) => spread?.mean ?? null);
    const deviations = found.map((spread) => spread?.std ?? null);
    return { ...style, id: style.method, dots: true, x: frame.decays, y, ...band(y, deviations) };
  });
  const done = lanes.filter(({ summary }) => summary[value] !== undefined);
  const live = done.map((lane) => {
    const point = { x: [frame.decays[at]], y: [lane.summary[value]] };
    return { ...lane, label: `${lane.label}, here`, width: 3, dots: true, ...point };
  });
  return [...recorded, ...live];
}

/** Return the numbers of the two charts over epochs as a table.
 * @param {number} epochs @param {any[]} losses series @param {any[]} tops series */
export function epochRows(epochs, losses, tops) {
  const columns = (/** @type {any[]} */ series, /** @type {string} */ unit, /** @type {number} */ digits) =>
    series.filter(({ raw }) => !raw).map(({ label, y }) => ({ head: `${label} ${unit}`, y, digits }));
  const all = [...columns(losses, "loss", 4), ...columns(tops, "top-1 (%)", 2)];
  const rows = Array.from({ length: epochs }, (_, i) => [
    String(i + 1),
    ...all.map(({ y, digits }) => fixed(y[i], digits)),
  ]);
  return [["epoch", ...all.map(({ head }) => head)], ...rows];
}
