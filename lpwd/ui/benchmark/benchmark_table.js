// The table of a preset: the paper's numbers beside ours; groups without a run fold into a line. Returns its legend.
lpwd.benchTable = (node, found) => {
  "use strict";
  const { table, verdicts, reported } = found;
  const { make, link } = lpwd.widgets, { NONE } = lpwd.numbers;
  const columns = [ // between the method and its runs
    ...(reported ? [["Paper", (row) => row.paper || NONE]] : []),
    ["Ours, best 10", (row) => row.ours || "missing", (row) => (row.ours ? "lp-own" : "lp-missing")],
    ["n", (row) => (row.n < row.of && row.n ? `${row.n} of ${row.of}` : String(row.n))],
    ["Published", (row) => (row.n ? String(row.published) : NONE)],
    ["Last epoch", (row) => row.last || NONE],
    ["Validation-selected", (row) => row.selected || NONE],
    ["η, λ", (row) => row.setting || NONE],
    ["Mean λᵢ", (row) => row.decay || NONE],
    ["Diverged", (row) => String(row.diverged)],
  ];
  const heads = ["Method", ...columns.map(([title]) => title), "Your runs"];

  function group(rows) {
    const [{ column }] = rows;
    const said = (names.length > 1 ? verdicts[column] ?? [] : []).slice(0, 1).map((textContent) => make("p", { textContent }));
    const head = make("th", { colSpan: heads.length, scope: "colgroup", textContent: column }, ...said);
    return [make("tr", { className: "lp-group" }, head), ...rows.map(line)];
  }
  function line(row) {
    const chip = make("i", { className: "lp-chip", style: { background: row.color } });
    const control = row.control ? [make("small", { textContent: " control, not in the paper" })] : [];
    const method = make("th", { scope: "row" }, chip, row.label, ...control);
    const cell = ([, text, style]) => make("td", { textContent: text(row), className: style ? style(row) : "" });
    const open = () => lpwd.shown.open(row.runs);
    const name = row.runs.length === row.n ? `seed ${row.seeds.join(", ")}` : lpwd.numbers.count(row.runs.length, "run");
    const runs = row.runs.length ? [link(name, lpwd.url.ofRace(row.runs), open)] : [];
    return make("tr", {}, method, ...columns.map(cell), make("td", {}, ...runs));
  }
  const names = [...new Set(table.map((row) => row.column))];
  const groups = names.map((name) => table.filter((row) => row.column === name));
  const run = groups.filter((rows) => rows.some((row) => row.n || row.diverged)), rest = groups.filter((rows) => !run.includes(rows));
  const folded = rest.map(([{ column }]) => column).join("; ");
  const textContent = `${rest.length} of ${groups.length} settings not run: ${folded}`;
  const last = rest.length ? [make("tr", {}, make("td", { colSpan: heads.length, className: "lp-missing", textContent }))] : [];
  const head = make("tr", {}, ...heads.map((textContent) => make("th", { scope: "col", textContent })));
  node.replaceChildren(make("thead", {}, head), make("tbody", {}, ...run.flatMap(group), ...last));
  const ten = reported ? "; the paper’s deviation is that of ten epochs of one run" : "";
  return "Test top-1 (%), mean±deviation over seeds at the best η and λ of each method" + ten +
    ". Published: how many of the n runs are published ones; where a cell has both, yours is used.";
};
