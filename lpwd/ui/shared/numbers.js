// Text forms of numbers.

export const NONE = "–";

/** @param {number | null | undefined} value @param {number} digits after the point */
export const fixed = (value, digits) => value?.toFixed(digits) ?? NONE;

/** @param {number} value @param {number} [digits] significant digits, without trailing zeros */
export const short = (value, digits = 6) => String(Number(value.toPrecision(digits)));

/** @param {number | null} fraction 0 to 1 */
export const percent = (fraction) => (fraction === null ? NONE : `${short(100 * fraction, 3)} %`);

export const whole = (/** @type {number} */ value) => value.toLocaleString("en");

/** Return "1 run" or "2 runs". @param {number} n @param {string} noun */
export const count = (n, noun) => `${whole(n)} ${noun}${n === 1 ? "" : "s"}`;

/** Return `value` with a minus sign and without a negative zero. @param {number} value @param {number} digits */
export const signed = (value, digits) =>
  value
    .toFixed(digits)
    .replace(/^-(?=0\.?0*$)/, "")
    .replace("-", "−");

/** Return the mean of the numbers, or null if there are none. @param {number[]} values */
export const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);

/** Return n, mean and sample standard deviation (n - 1); the deviation of fewer than two values is null.
 * @param {number[]} values */
export function spread(values) {
  const n = values.length;
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - Number(middle)) ** 2, 0);
  return { n, mean: middle, std: n > 1 ? Math.sqrt(squares / (n - 1)) : null };
}

/** @param {number} seconds */
export function duration(seconds) {
  const padded = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const s = Math.max(1, Math.round(seconds));
  if (s < 90) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${padded(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${padded(Math.floor((s % 3600) / 60))} min`;
}
