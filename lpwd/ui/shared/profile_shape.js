// A profile of lambda over the layers as bars. No page here.

/** Return the multipliers of a text at so many places, linear between them; null if it is no profile.
 * @param {string} text @param {number} count */
export function barsOf(text, count) {
  const given = text
    .split(/[,;\s]+/)
    .filter(Boolean)
    .map(Number);
  if (!given.length || given.some((value) => !(value >= 0))) return null;
  return Array.from({ length: count }, (_, i) => {
    const at = (i * (given.length - 1)) / (count - 1);
    const low = Math.floor(at);
    return given[low] + (at - low) * ((given[low + 1] ?? given[low]) - given[low]);
  });
}

/** Return each bar over the mean of all: lambda of that depth over lambda. @param {number[]} bars */
export function overMean(bars) {
  const mean = bars.reduce((sum, value) => sum + value, 0) / bars.length;
  return bars.map((value) => (mean ? value / mean : 0));
}
