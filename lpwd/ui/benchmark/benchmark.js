// The paper's tables and figures. What changed is fetched; a missing cell can be run from here.
lpwd.benchmark = (element, server, props) => {
  "use strict";
  const VERDICTS = 8, RUNS = 12; // sentences before a fold; runs in one picture
  const { make, items, link, put, sure, parts } = lpwd.widgets, { field, act } = parts(element);
  const { NONE, whole, duration } = lpwd.numbers;
  const choices = JSON.parse(props.choices);
  const NOTHING = "No run of this preset has finished here yet, so there is nothing to conclude. " +
    "Run a missing cell below, or all of them with the command at the end of this page.";
  let found = null;

  const wanted = () => ({ name: field("preset").value, scale: field("scale").value });

  // ---- fetch

  const askNow = lpwd.polling.watch(element, "benchmark", "benchmark", {
    ask: () => ({ ...wanted(), stamp: found?.stamp ?? "" }),
    take: (answer) => {
      put(field("problem"), answer.problem);
      if (!answer.problem && answer.title) draw((found = answer));
    },
  });
  function changed() {
    const { name, scale } = wanted();
    found = null;
    put(field("told"), "");
    put(field("status"), "Reading the runs …");
    lpwd.url.remember({ preset: name, scale: scale === choices.first[1] ? "" : scale });
    askNow();
  }

  // ---- draw

  function draw() {
    element.querySelector(".lp-found").hidden = false;
    const done = `${whole(found.done)} of ${whole(found.total)} runs done`;
    put(field("status"), `${found.source} · scale ${field("scale").value} · ${done}`);
    for (const name of ["title", "question", "note", "command"]) put(field(name), found[name]);
    const warning = (textContent) => make("p", { className: "lp-problem", textContent });
    field("warnings").replaceChildren(...found.warnings.map(warning));
    const said = found.done ? found.sentences : [NOTHING];
    field("sentences").replaceChildren(...items(said.slice(0, VERDICTS)));
    field("rest").replaceChildren(...items(said.slice(VERDICTS)));
    field("more").hidden = said.length <= VERDICTS;
    put(field("more-count"), `${said.length - VERDICTS} more`);
    act("runs").disabled = !found.done;
    cells();
    table();
    lpwd.benchFigures(field("figures"), found.figures, JSON.stringify(wanted()), choose);
  }
  function cells() {
    const select = field("open"), before = select.value;
    field("cell").hidden = !found.open.length;
    put(field("cell-count"), `Cells without a result (${whole(found.open.length)})`);
    select.replaceChildren(...found.open.map((cell) => {
      const [column, method, lr, decay] = cell.place;
      const state = cell.state === "missing" ? "" : `, ${cell.state}`;
      return new Option(`${method} · ${column} · η ${lr}, λ ${decay} · seed ${cell.seed}${state}`, cell.id);
    }));
    if (found.open.some((cell) => cell.id === before)) select.value = before;
    chosen();
  }
  function chosen() {
    const cell = found.open.find((one) => one.id === field("open").value);
    act("run").disabled = !cell || cell.waiting;
    const waits = cell?.waiting ? `It is ${cell.state}; its place fills when it is done.` : "";
    const took = cell?.about ? `Finished runs of this model took about ${duration(cell.about)}.` : "";
    put(field("cost"), waits || took);
  }
  // A click on an empty place of a heatmap: its caption, method, eta and lambda.
  function choose([caption, ...place]) {
    const there = (cell) => caption.startsWith(`${cell.place[0]}:`) && cell.place.slice(1).join() === place.join();
    const cell = found.open.find(there);
    if (!cell) return;
    field("open").value = cell.id;
    chosen();
    field("open").focus();
    field("cell").scrollIntoView({ block: "center" });
  }
  function table() {
    field("table-block").hidden = !found.table.length;
    if (!found.table.length) return;
    const paper = [
      ["Paper", (row) => row.paper || NONE],
      ["Cached", (row) => (row.cached ? `${row.cached} (n ${row.cachedN})` : NONE)],
    ];
    const columns = [ // between the method and its runs
      ...(found.reported ? paper : []),
      ["Own, best 10", (row) => row.ours || "missing", (row) => (row.ours ? "lp-own" : "lp-missing")],
      ["n", (row) => String(row.n)],
      ["Last epoch", (row) => row.last || NONE],
      ["Validation-selected", (row) => row.selected || NONE],
      ["η, λ", (row) => row.setting || NONE],
      ["Mean λᵢ", (row) => row.decay || NONE],
      ["Diverged", (row) => String(row.diverged)],
    ];
    const heads = ["Method", ...columns.map(([title]) => title), "Runs"];
    const group = ({ column }) => {
      const said = (found.verdicts[column] ?? []).slice(0, 1).map((textContent) => make("p", { textContent }));
      const head = make("th", { colSpan: heads.length, scope: "colgroup", textContent: column }, ...said);
      return make("tr", { className: "lp-group" }, head);
    };
    const body = found.table.flatMap((row, i) => {
      const begins = row.column !== found.table[i - 1]?.column;
      return [...(begins ? [group(row)] : []), line(row, columns)];
    });
    const head = make("tr", {}, ...heads.map((textContent) => make("th", { scope: "col", textContent })));
    field("table").replaceChildren(make("thead", {}, head), make("tbody", {}, ...body));
    const ten = found.reported ? "; the paper’s deviation is that of ten epochs of one run" : "";
    const cached = found.reported ? " Cached: the published results named at the top of this tab." : "";
    const best = "mean±deviation over seeds at the best η and λ of each method";
    put(field("legend"), `Test top-1 (%), ${best}${ten}.${cached}`);
  }
  function line(row, columns) {
    const chip = make("i", { className: "lp-chip", style: { background: row.color } });
    const control = row.control ? [make("small", { textContent: " control, not in the paper" })] : [];
    const method = make("th", { scope: "row" }, chip, row.label, ...control);
    const cell = ([, text, style]) => make("td", { textContent: text(row), className: style ? style(row) : "" });
    const open = () => lpwd.shown.open(row.runs);
    const runs = row.runs.length ? [link(`seed ${row.seeds.join(", ")}`, lpwd.url.ofRace(row.runs), open)] : [];
    return make("tr", {}, method, ...columns.map(cell), make("td", {}, ...runs));
  }

  // ---- act

  const runCell = (cell) => lpwd.server.ask(server, "run_cell", cell);
  field("cell").addEventListener("submit", async (event) => {
    event.preventDefault();
    act("run").disabled = true;
    put(field("told"), "Checking model and data …");
    const cell = { ...wanted(), run_id: field("open").value };
    let { problem, ask } = await runCell(cell);
    if (ask) put(field("ask"), ask); // a long run is begun only by somebody who knows how long it takes
    if (ask && !(await sure(element.querySelector("dialog")))) problem = "Nothing was queued.";
    else if (ask) ({ problem } = await runCell({ ...cell, sure: true }));
    act("run").disabled = false;
    put(field("told"), problem ? `Not started. ${problem}` : "Queued. The strip above shows its progress.");
    askNow();
  });
  field("open").addEventListener("change", chosen);
  act("runs").addEventListener("click", () => lpwd.shown.open(found.runs.slice(0, RUNS)));
  act("copy").addEventListener("click", ({ target }) => lpwd.files.copy(target, found.command));

  // ---- life

  const firsts = { preset: [choices.presets, choices.first[0]], scale: [choices.scales, choices.first[1]] };
  for (const [name, [options, first]] of Object.entries(firsts)) {
    const linked = lpwd.url.parameter(name);
    field(name).replaceChildren(...options.map(([value, label]) => new Option(label, value)));
    field(name).value = options.some(([value]) => value === linked) ? linked : first;
    field(name).addEventListener("change", changed);
  }
  document.addEventListener("lpwd:published", () => element.isConnected && askNow());
  changed();
};
