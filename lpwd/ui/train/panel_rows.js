// The numbers of a race as rows of text. Needs no page.

import { fixed, NONE, spread, whole } from "../shared/numbers.js";
import { byMethod } from "../shared/seeds.js";

const LANE_HEAD = [
  "Method",
  "State",
  "Epoch",
  "Training loss",
  "Test top-1, last (%)",
  "Best 10, mean ± sd (%)",
  "Images/s",
];
const METHOD_HEAD = [
  "Method",
  "Seeds finished",
  "Training loss, mean ± sd",
  "Test top-1, last, mean ± sd (%)",
  "Best 10, mean ± sd (%)",
];
const NOISE = "one seed per method, so seed noise is unknown: choose 5 seeds to measure it";

/** @param {Lane} lane @param {Curve | undefined} curve */
export function laneRow(lane, curve) {
  const epochs = curve?.epochs;
  const { best10_mean: best, best10_std: deviation } = lane.summary;
  return [
    lane.label,
    lane.state,
    `${epochs?.epoch.at(-1) ?? 0}/${lane.epochs}`,
    fixed(epochs?.train_loss.at(-1), 4),
    fixed(epochs?.test_top1.at(-1), 2),
    best === undefined ? NONE : `${fixed(best, 2)} ± ${fixed(deviation, 2)}`,
    lane.imagesPerSecond ? whole(Math.round(lane.imagesPerSecond)) : NONE,
  ];
}

/** Return the row of a method: results over its finished seeds. @param {Lane[]} lanes of one method */
export function methodRow(lanes) {
  const done = lanes.filter(({ summary }) => summary.best10_mean !== undefined);
  const over = (/** @type {string} */ name, /** @type {number} */ digits) => {
    const { n, mean, std } = spread(done.map(({ summary }) => summary[name]));
    if (!n) return NONE;
    return std === null ? fixed(mean, digits) : `${fixed(mean, digits)} ± ${fixed(std, digits)}`;
  };
  const results = [over("train_loss", 4), over("last_top1", 2), over("best10_mean", 2)];
  return [lanes[0].label, `${done.length}/${lanes.length}`, ...results];
}

/** Return the head, the rows and their colours: one row per lane, or with several seeds one per method.
 * @param {Lane[]} lanes @param {Curves} curves */
export function resultRows(lanes, curves) {
  const groups = byMethod(lanes);
  const several = groups.some((group) => group.length > 1);
  const rows = several ? groups.map(methodRow) : lanes.map((lane) => laneRow(lane, curves[lane.id]));
  return { rows: [several ? METHOD_HEAD : LANE_HEAD, ...rows], colors: groups.map(([{ color }]) => color) };
}

/** Return loss and top-1 of all lanes by epoch, the head first. @param {Lane[]} lanes @param {Curves} curves */
export function epochRows(lanes, curves) {
  const several = new Set(lanes.map(({ seed }) => seed)).size > 1;
  const names = lanes.map(({ label, seed }) => (several ? `${label}, seed ${seed}` : label));
  const heads = names.flatMap((name) => [`${name} loss`, `${name} top-1 (%)`]);
  const all = lanes.map(({ id }) => curves[id]?.epochs ?? { epoch: [], train_loss: [], test_top1: [] });
  const longest = all.reduce((a, b) => (b.epoch.length > a.epoch.length ? b : a));
  const cells = (/** @type {number} */ epoch) =>
    all.flatMap((epochs) => {
      const i = epochs.epoch.indexOf(epoch);
      return [fixed(epochs.train_loss[i], 4), fixed(epochs.test_top1[i], 2)];
    });
  return [["epoch", ...heads], ...longest.epoch.map((epoch) => [String(epoch), ...cells(epoch)])];
}

/** Return the charts in words: the last epoch that all lanes have, and the largest difference there.
 * @param {Lane[]} lanes @param {Curves} curves */
export function summaryText(lanes, curves) {
  if (byMethod(lanes).some((group) => group.length > 1)) return "";
  const all = lanes.map(({ id, label }) => ({ label, epochs: curves[id]?.epochs }));
  const common = Math.min(...all.map(({ epochs }) => epochs?.epoch.at(-1) ?? 0));
  if (!common) return "";
  const tops = all.map(({ label, epochs }) => ({ label, top1: epochs.test_top1[epochs.epoch.indexOf(common)] }));
  const values = tops.map(({ top1 }) => top1);
  const gap = (Math.max(...values) - Math.min(...values)).toFixed(2);
  const apart = tops.length > 1 ? ` Largest difference: ${gap} points, with ${NOISE}.` : "";
  return `Test top-1 after epoch ${common}: ${tops.map(({ label, top1 }) => `${label} ${fixed(top1, 2)} %`).join(", ")}.${apart}`;
}
