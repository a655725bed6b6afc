// Sentences of act one.

import { count, signed } from "../shared/numbers.js";

export const PAPER_C = 0.0005; // the paper's largest eta lambda: 0.001 x 0.5, table 2
const VISIBLE_PX = 10; // more than the width of a dot

/** @param {number} fraction */
export const percent = (fraction) => `${(100 * fraction).toFixed(1)} %`;
/** @param {number} value */
export const gapText = (value) => (value === 0 ? "0" : value.toPrecision(2));

/** Describe the number line. @param {Decayed[]} ways @param {number} c @param {number} digits
 * @param {string} lead a sentence that says which weight is drawn */
export function lineText(ways, c, digits, lead) {
  const [wd, rwd, pwd] = ways;
  const at = (/** @type {number} */ value) => signed(value, digits);
  const wrong = "further from 0 than after the update: its decay pushed the wrong way";
  const side = wd.opposes ? wrong : "closer to 0 than after the update";
  const factor = Number((1 - c).toPrecision(4));
  return [
    `${lead} WD ends at ${at(wd.after)}, ${side}. RWD ends at ${at(rwd.after)}.`,
    `PWD’s decay never points away from 0, but with the same update PWD ends exactly at WD’s value (${at(pwd.after)}).`,
    `RWD ends closer to 0: its step from the shrunk weight (${at(pwd.between)}) is 1 − c = ${factor} times as long.`,
  ].join(" ");
}

/** Describe the bowl. @param {ToyState} state @param {number | null} share of WD's penalties that oppose
 * @param {number} gap largest distance between WD and RWD @param {number} pixels the same as drawn */
export function bowlText({ t, settings: { c } }, share, gap, pixels) {
  if (!t) return "Press Play or Step to start.";
  const times = Number((c / PAPER_C).toPrecision(2));
  const strength = times > 1 ? `${times} times the paper’s largest` : "within the paper’s range";
  const where = `in ${count(t, "step")} at c = ${c} (${strength})`;
  const some = `${percent(share ?? 0)} of WD’s penalties pushed a weight away from 0 ${where}; RWD’s and PWD’s cannot.`;
  const drawn = pixels < 0.1 ? "less than a tenth of a pixel" : `${Number(pixels.toPrecision(2))} pixels`;
  return `${share ? some : `No penalty of WD pushed a weight away from 0 ${where}.`} ${pathsText(Boolean(share), pixels)}: \
at most ${gapText(gap)} apart, ${drawn} here.`;
}

/** @param {boolean} opposed @param {number} pixels */
function pathsText(opposed, pixels) {
  const lie = pixels < 1 ? "coincide" : pixels < VISIBLE_PX ? "are close" : "separate";
  if (!opposed) return `The paths of WD and RWD ${lie}`;
  return `The defect is real, ${pixels < VISIBLE_PX ? "but" : "and"} the paths of WD and RWD ${lie}`;
}
