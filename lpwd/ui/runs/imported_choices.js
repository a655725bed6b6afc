// Size limits, title and chosen columns of files from other trackers. Needs no page.

import { count } from "../shared/numbers.js";

const MAX_BYTES = 11_000_000; // of all files: the app takes 16,000,000 bytes, and base64 adds a third
const MAX_FILES = 200;

/** Return why these files are not read, or "". @param {{size: number}[]} files */
export function tooLarge(files) {
  if (files.length > MAX_FILES) return `${files.length} files were uploaded: at most ${MAX_FILES} are read at once.`;
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const megabytes = (bytes / 1e6).toFixed(1);
  return bytes > MAX_BYTES ? `These files have ${megabytes} MB: at most ${MAX_BYTES / 1e6} MB are read at once.` : "";
}

/** Return `runs.csv`, or `runs.csv and 2 more files`. @param {{name: string}[]} files */
export const fileTitle = ([first, ...others]) =>
  first.name + (others.length ? ` and ${count(others.length, "more file")}` : "");

/** Return the columns with another choice. Another value has its own default margin.
 * @param {Record<string, any>} before columns, and the margin @param {string} name @param {string} choice */
export function chosenColumns(before, name, choice) {
  const { margin, ...columns } = before;
  if (name === "margin") return Number(choice) > 0 ? { ...columns, margin: Number(choice) } : columns;
  return { ...columns, ...(name === "value" ? {} : { margin }), [name]: choice };
}

/** Return the options of a select as arguments of `new Option`: text, value, default, selected.
 * @param {string} what the select chooses @param {string[]} columns @param {string | undefined} chosen
 * @returns {[string, string, boolean, boolean][]} */
export function optionsOf(what, columns, chosen) {
  const empty = what === "seed" ? [["none: not paired", ""]] : chosen ? [] : [["choose", ""]];
  const named = [...empty, ...columns.map((name) => [name, name])];
  return named.map(([text, value]) => [text, value, false, value === (chosen ?? "")]);
}
