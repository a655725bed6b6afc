// The results table of a preset: the paper's numbers beside ours. Groups without a run fold into one line.

import { count, NONE } from "../shared/numbers.js";
import { openRuns } from "../shared/page_race.js";
import { raceLink } from "../shared/url.js";
import { link, make } from "../shared/widgets.js";

const PAPER = { title: "Paper", text: (row) => row.paper || NONE };
/** @type {{title: string, text: (row: any) => string, className?: (row: any) => string}[]} */
const COLUMNS = [
  {
    title: "Ours, best 10",
    text: (row) => row.ours || "missing",
    className: (row) => (row.ours ? "lp-own" : "lp-missing"),
  },
  { title: "n", text: (row) => (row.n < row.of && row.n ? `${row.n} of ${row.of}` : String(row.n)) },
  { title: "Published", text: (row) => (row.n ? String(row.published) : NONE) },
  { title: "Last epoch", text: (row) => row.last || NONE },
  { title: "Validation-selected", text: (row) => row.selected || NONE },
  { title: "η, λ", text: (row) => row.setting || NONE },
  { title: "Mean λᵢ", text: (row) => row.decay || NONE },
  { title: "Diverged", text: (row) => String(row.diverged) },
];

/** Fill the table and return its legend. @param {any} node @param {any} answer about a preset */
export function drawResults(node, { table, verdicts, reported }) {
  const columns = reported ? [PAPER, ...COLUMNS] : COLUMNS;
  const heads = ["Method", ...columns.map(({ title }) => title), "Your runs"];
  const names = [...new Set(table.map((row) => row.column))];
  const groups = names.map((name) => table.filter((row) => row.column === name));
  const hasRuns = (rows) => rows.some((row) => row.n || row.diverged);
  const verdict = (rows) => (names.length > 1 ? verdicts[rows[0].column]?.[0] : "");
  const body = groups.filter(hasRuns).flatMap((rows) => groupRows(rows, columns, heads.length, verdict(rows)));
  const missing = groups.filter((rows) => !hasRuns(rows)).map(([{ column }]) => column);
  const textContent = `${missing.length} of ${groups.length} settings not run: ${missing.join("; ")}`;
  const last = missing.length
    ? [make("tr", {}, make("td", { colSpan: heads.length, className: "lp-missing", textContent }))]
    : [];
  const head = make("tr", {}, ...heads.map((title) => make("th", { scope: "col", textContent: title })));
  node.replaceChildren(make("thead", {}, head), make("tbody", {}, ...body, ...last));
  const paper = reported ? "; the paper’s deviation is over ten epochs of one run" : "";
  return `Test top-1 (%), mean±deviation over seeds at the best η and λ of each method${paper}. \
Published: how many of the n runs are published; if a cell has both, your run is used.`;
}

function groupRows(rows, columns, width, verdict) {
  const said = verdict ? [make("p", { textContent: verdict })] : [];
  const head = make("th", { colSpan: width, scope: "colgroup", textContent: rows[0].column }, ...said);
  return [make("tr", { className: "lp-group" }, head), ...rows.map((row) => methodRow(row, columns))];
}

function methodRow(row, columns) {
  const chip = make("i", { className: "lp-chip", style: { background: row.color } });
  const control = row.control ? [make("small", { textContent: " control, not in the paper" })] : [];
  const method = make("th", { scope: "row" }, chip, row.label, ...control);
  const cells = columns.map(({ text, className }) =>
    make("td", { textContent: text(row), className: className?.(row) ?? "" }),
  );
  return make("tr", {}, method, ...cells, make("td", {}, ...runsLink(row)));
}

function runsLink({ runs, n, seeds }) {
  if (!runs.length) return [];
  const name = runs.length === n ? `seed ${seeds.join(", ")}` : count(runs.length, "run");
  return [link(name, raceLink(runs), () => openRuns(runs))];
}
