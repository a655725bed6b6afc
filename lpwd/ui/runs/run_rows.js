// Filter and sort the rows of the table, and choose the runs that are ticked first. Needs no page.

export const FILTERS = ["state", "method", "model", "dataset", "from"];

/** Return the rows by their group. @param {Iterable<any>} rows @returns {Map<string, any[]>} */
export const groupsOf = (rows) => groupBy(rows, (row) => row.key);

/** @param {Iterable<any>} rows @param {(row: any) => string} keyOf */
function groupBy(rows, keyOf) {
  const groups = new Map();
  for (const row of rows) groups.get(keyOf(row))?.push(row) ?? groups.set(keyOf(row), [row]);
  return groups;
}

/** Return lines of rows that match: one per run, or one per setting with all its seeds.
 * @param {Iterable<any>} rows @param {{words: string, filters: Record<string, string>, together: boolean}} wanted */
export function matching(rows, { words, filters, together }) {
  const texts = words.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (/** @type {any} */ row) =>
    FILTERS.every((name) => !filters[name] || row[name] === filters[name]) &&
    texts.every((text) => row.words.includes(text));
  const found = groupBy([...rows].filter(fits), (row) => (together ? row.key : row.id));
  return [...found].map(([key, members]) => ({ key, rows: members }));
}

/** Sort lines by a value; lines without a value come last in either direction.
 * @template {{rows: any[]}} T @param {T[]} lines @param {(line: T) => any} value @param {boolean} descending */
export function sorted(lines, value, descending) {
  const sign = descending ? -1 : 1;
  const keyed = lines.map((line) => ({ line, key: value(line), id: line.rows[0].id }));
  keyed.sort(({ key: x, id: a }, { key: y, id: b }) => {
    if (x === null || y === null) return Number(x === null) - Number(y === null) || (a < b ? -1 : 1);
    return sign * (typeof x === "number" ? x - y : x.localeCompare(y)) || (a < b ? -1 : 1);
  });
  return keyed.map(({ line }) => line);
}

/** Return the ids of the race that was started last here, with all seeds of its settings, in the order of methods;
 * without runs of this app, of the newest published race.
 * @param {any[]} rows @param {string[]} methods */
export function newestRace(rows, methods) {
  const own = rows.filter((row) => !row.origin);
  const candidates = own.length ? own : rows;
  if (!candidates.length) return [];
  const last = candidates.reduce((a, b) => (b.created > a.created ? b : a));
  const withoutMethod = (/** @type {any} */ row) => row.key.split("*").slice(1).join();
  const isBeside = (/** @type {any} */ row) =>
    last.job ? row.job === last.job : withoutMethod(row) === withoutMethod(last);
  const keys = new Set(candidates.filter(isBeside).map((row) => row.key));
  const groups = [...groupsOf(rows.filter((row) => keys.has(row.key))).values()];
  const place = (/** @type {any[]} */ group) => methods.indexOf(group[0].method);
  return groups.sort((a, b) => place(a) - place(b)).flatMap((group) => group.map((row) => row.id));
}
