// Sentences of act two: the strength of decay, layers that one step zeroes, and results at larger lambda.

import { fixed, NONE, short } from "../shared/numbers.js";

const TINY = 1e-5;

const signedPoints = (/** @type {number} */ value) => `${value < 0 ? "−" : "+"}${fixed(Math.abs(value), 2)}`;

/** Return the share that a step keeps, with two digits of the lost share: 98.2 %, 99.99 %. @param {number} lost */
function keptText(lost) {
  const percent = 100 * lost;
  if (!(percent > 0 && percent < 100)) return `${percent > 0 ? 0 : 100} %`;
  return `${short(Number((100 - percent).toFixed(Math.max(0, 1 - Math.floor(Math.log10(percent))))), 12)} %`;
}

/** Return the share of a weight that decay alone leaves: (1 - eta lambda)^steps. @param {any} frame @param {number} rate */
export const remaining = (frame, rate) => Math.max(0, 1 - frame.lr * rate) ** frame.decayingSteps;

/** @param {any} frame @param {number} rate */
function remainingText(frame, rate) {
  const share = remaining(frame, rate);
  return share < TINY ? `less than ${100 * TINY} %` : `${short(100 * share, 2)} %`;
}

/** Say how strong decay is at this lambda. @param {any} frame @param {number} decay @param {any} lpwd its cell */
export function shrinkText(frame, decay, lpwd) {
  const c = frame.lr * decay;
  const about = frame.decayingSteps === frame.steps ? "" : "about ";
  const wd =
    `η λ = ${short(c, 3)} per step. Under WD each step keeps ${keptText(c)} of every weight. After the ${frame.steps} ` +
    `steps of a run, decay alone leaves ${about}${remainingText(frame, decay)} of its initial value`;
  if (!lpwd?.rates) return `${wd}.`;
  const [first, last] = lpwd.rates.map((/** @type {number} */ rate) => remainingText(frame, rate));
  const layers = `Under LPWD it leaves ${first} in the layer with the lowest rate and ${last} in the layer with the highest`;
  return `${wd}. ${layers}. LPWD’s mean rate over parameters is ${short(lpwd.meanRate / decay, 3)} λ.`;
}

/** Warn if one step zeroes a layer or changes its sign, else return "".
 * @param {any} frame @param {number} decay @param {Record<string, any>} cells by the label of a method */
export function zeroedText(frame, decay, cells) {
  const rates = Object.entries(cells).map(([label, cell]) => ({
    label,
    rate: Math.max(decay, ...(cell?.rates ?? [])),
  }));
  const zeroed = rates.filter(({ rate }) => frame.lr * rate >= 1);
  if (!zeroed.length) return "";
  const named = zeroed.map(({ label, rate }) => `${label} (η λᵢ = ${short(frame.lr * rate, 3)})`);
  return `A single step would zero a whole layer: ${named.join(", ")}. Such a run cannot learn.`;
}

/** Say where LPWD is behind WD at a stronger decay, else return "". @param {any} scan @param {string} value @param {number} at */
export function hintText(scan, value, at) {
  /** @type {([number, number | null, number | null] | null)[]} mean and 95 % interval of LPWD minus WD */
  const gaps = scan.minusWd[value]?.lpwd ?? [];
  const isBehind = (/** @type {number} */ i) => i > at && Number(gaps[i]?.[2] ?? 0) < 0;
  const behind = [...gaps.keys()].filter(isBehind);
  if (!behind.length) return "";
  const gap = (/** @type {number} */ i) => Number(gaps[i]?.[0]);
  const worst = behind.reduce((a, b) => (gap(b) < gap(a) ? b : a));
  const toTheEnd = behind.length > 1 && behind.length === scan.decays.length - behind[0];
  const decays = behind.map((i) => scan.decays[i]);
  const where = toTheEnd ? `from λ ${decays[0]} on` : `at λ ${decays.join(", ")}`;
  const points = fixed(-gap(worst), 1);
  return `Drag to the right: LPWD is behind WD ${where}, by ${points} points at λ ${scan.decays[worst]}.`;
}

/** @param {{n: number, mean: number | null, std: number | null}} found */
const spreadText = ({ n, mean, std }) =>
  n ? `${fixed(mean, 2)}${std === null ? "" : `±${fixed(std, 2)}`} (n = ${n})` : NONE;

/** @param {[number, number | null, number | null] | null | undefined} gap mean and 95 % interval */
export function differenceText(gap) {
  if (!gap) return NONE;
  const [mean, low, high] = gap;
  if (low === null || high === null) return signedPoints(mean);
  return `${signedPoints(mean)} (${signedPoints(low)} to ${signedPoints(high)})`;
}

/** Return the table at one strength, its head first.
 * @param {any} frame @param {any} scan @param {string} value @param {number} at */
export function methodRows(frame, scan, value, at) {
  const result = value === "best10_mean" ? "best-10 top-1 (%)" : "last top-1 (%)";
  const head = ["method", "mean λ over parameters", "decay alone leaves", result, "minus WD, 95 % interval"];
  return [head, ...frame.methods.map((/** @type {any} */ style) => methodRow(frame, scan, value, at, style))];
}

/** @param {any} frame @param {any} scan @param {string} value @param {number} at @param {any} style */
function methodRow(frame, scan, value, at, { method, label }) {
  const cell = scan?.methods[method]?.[at];
  if (!cell) return [label, NONE, NONE, NONE, NONE];
  const remains = [...new Set((cell.rates ?? []).map((/** @type {number} */ rate) => remainingText(frame, rate)))];
  const unit = cell.rates && method === "l2sp" ? " of the distance from the start" : "";
  const diverged = cell.diverged ? `, ${cell.diverged} diverged` : "";
  const gap = method === "wd" ? "" : differenceText(scan.minusWd[value][method]?.[at]);
  return [
    label,
    short(cell.meanRate, 3),
    (remains.join(" to ") || NONE) + unit,
    spreadText(cell[value]) + diverged,
    gap,
  ];
}

/** Return the results by lambda as a table. @param {any} frame @param {any} scan @param {string} value */
export function strengthRows(frame, scan, value) {
  const heads = frame.methods.flatMap((/** @type {any} */ { label, method }) =>
    method === "wd" ? [label] : [label, `${label} minus WD`],
  );
  const cells = (/** @type {number} */ i) =>
    frame.methods.flatMap((/** @type {any} */ { method }) => {
      const own = spreadText(scan?.methods[method][i]?.[value] ?? { n: 0 });
      return method === "wd" ? [own] : [own, differenceText(scan?.minusWd[value][method]?.[i])];
    });
  return [
    ["λ", ...heads],
    ...frame.decays.map((/** @type {number} */ decay, /** @type {number} */ i) => [String(decay), ...cells(i)]),
  ];
}
