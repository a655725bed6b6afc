// The numbers of a race as rows of texts. No page here.

import { fixed, NONE, whole } from "../shared/numbers.js";

export const LANE_HEAD = [
  "Method",
  "State",
  "Epoch",
  "Training loss",
  "Test top-1, last (%)",
  "Best 10, mean ± sd (%)",
  "Images/s",
];
const NOISE = "from one seed each, so seed noise is not known";

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

/** Return loss and top-1 of all lanes by epoch, the head first. @param {Lane[]} lanes @param {Curves} curves */
export function epochRows(lanes, curves) {
  const heads = lanes.flatMap(({ label }) => [`${label} loss`, `${label} top-1 (%)`]);
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
  const all = lanes.map(({ id, label }) => ({ label, epochs: curves[id]?.epochs }));
  const common = Math.min(...all.map(({ epochs }) => epochs?.epoch.at(-1) ?? 0));
  if (!common) return "";
  const tops = all.map(({ label, epochs }) => ({ label, top1: epochs.test_top1[epochs.epoch.indexOf(common)] }));
  const values = tops.map(({ top1 }) => top1);
  const gap = (Math.max(...values) - Math.min(...values)).toFixed(2);
  const apart = tops.length > 1 ? ` Largest difference: ${gap} percentage points, ${NOISE}.` : "";
  return `Test top-1 after epoch ${common}: ${tops.map(({ label, top1 }) => `${label} ${fixed(top1, 2)} %`).join(", ")}.${apart}`;
}
