// Which rows of the table of audits are shown.

/** The rows whose cells hold every word. @param {string[][]} rows @param {string} words */
export function rowsWith(rows, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => wanted.every((word) => row.join(" ").toLowerCase().includes(word)));
}
