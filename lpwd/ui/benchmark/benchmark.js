// The scorecard, and below a tile what is known of it. What changed is fetched; missing cells can be run from here.
lpwd.benchmark = (element, server, props) => {
  "use strict";
  const VERDICTS = 8, RUNS = 12; // sentences before a fold; runs in one picture
  const { make, items, put, sure, parts } = lpwd.widgets, { field, act } = parts(element);
  const { whole, count, duration } = lpwd.numbers;
  const choices = JSON.parse(props.choices);
  const NOTHING = "No run of it has finished yet, so there is nothing to conclude. Run a missing cell, or all of them.";
  let cards = null, found = null, scrolls = false;

  const wanted = () => ({ name: field("preset").value, scale: field("scale").value });

  // ---- fetch

  const askCards = lpwd.polling.watch(element, "benchmark", "scorecard", {
    problems: true,
    ask: () => ({ scale: field("scale").value, stamp: cards?.stamp ?? "" }),
    take: (answer) => {
      put(field("unread"), answer.problem);
      if (!answer.problem && answer.tiles) tiles((cards = answer));
    },
  });
  const askNow = lpwd.polling.watch(element, "benchmark", "benchmark", {
    problems: true,
    ask: () => (wanted().name ? { ...wanted(), stamp: found?.stamp ?? "" } : null),
    take: (answer) => {
      put(field("problem"), answer.problem);
      if (!answer.problem && answer.title) draw((found = answer));
    },
  });
  function changed() {
    const { name, scale } = wanted();
    found = null;
    put(field("told"), "");
    element.querySelector(".lp-found").hidden = true;
    lpwd.url.remember({ preset: name, scale: scale === choices.firstScale ? "" : scale });
    if (cards) tiles(cards);
    askNow();
  }
  function open(name) {
    field("preset").value = name === field("preset").value ? "" : name;
    scrolls = Boolean(field("preset").value);
    changed();
  }

  // ---- draw

  function tiles({ tiles: all, summary }) {
    put(field("summary"), `At scale ${field("scale").value}: ${summary}.`);
    lpwd.scorecard(field("tiles"), all, field("preset").value, open);
  }
  function draw() {
    element.querySelector(".lp-found").hidden = false;
    const done = `${whole(found.done)} of ${whole(found.total)} runs done`;
    const origin = found.origin ? ` (${found.origin})` : "";
    put(field("status"), `${found.source} · scale ${field("scale").value} · ${done}${origin}`);
    for (const name of ["title", "question", "note", "command"]) put(field(name), found[name]);
    const warning = (textContent) => make("p", { className: "lp-problem", textContent });
    field("warnings").replaceChildren(...found.warnings.map(warning));
    const said = found.done ? found.sentences : [NOTHING];
    field("sentences").replaceChildren(...items(said.slice(0, VERDICTS)));
    field("rest").replaceChildren(...items(said.slice(VERDICTS)));
    field("more").hidden = said.length <= VERDICTS;
    put(field("more-count"), `${said.length - VERDICTS} more`);
    act("runs").hidden = !found.runs.length;
    cells();
    field("table-block").hidden = !found.table.length;
    if (found.table.length) put(field("legend"), lpwd.benchTable(field("table"), found));
    figures();
    if (!scrolls) return;
    scrolls = false;
    field("title").focus({ preventScroll: true });
    field("title").scrollIntoView({ block: "start" });
  }
  // Figures without a run fold into a line; what is in a fold is drawn once it is opened.
  function figures() {
    const key = JSON.stringify(wanted()), blank = found.figures.filter((figure) => figure.empty);
    lpwd.benchFigures(field("figures"), found.figures.filter((figure) => !figure.empty), key, choose);
    field("blank").hidden = !blank.length;
    put(field("blank-count"), `${blank.length} of ${count(found.figures.length, "figure")} not run: click an empty cell to run it`);
    lpwd.benchFigures(field("blanks"), field("blank").open ? blank : [], key, choose);
  }
  function cells() {
    const select = field("open"), before = select.value, idle = missing();
    field("cell").hidden = !found.open.length;
    put(field("cell-count"), `Cells without a result (${whole(found.open.length)})`);
    select.replaceChildren(...found.open.map((cell) => {
      const [column, method, lr, decay] = cell.place;
      const state = cell.state === "missing" ? "" : `, ${cell.state}`;
      return new Option(`${method} · ${column} · η ${lr}, λ ${decay} · seed ${cell.seed}${state}`, cell.id);
    }));
    if (found.open.some((cell) => cell.id === before)) select.value = before;
    const seconds = idle.reduce((sum, cell) => sum + (cell.about ?? NaN), 0);
    act("all").hidden = idle.length < 2;
    put(act("all"), `Run all missing (${whole(idle.length)}${seconds ? `, about ${duration(seconds)}` : ""})`);
    chosen();
  }
  const missing = () => found.open.filter((cell) => !cell.waiting);
  function chosen() {
    const cell = found.open.find((one) => one.id === field("open").value);
    act("run").disabled = !cell || cell.waiting;
    const waits = cell?.waiting ? `It is ${cell.state}; its place fills when it is done.` : "";
    const took = cell?.about ? `Finished runs like it took about ${duration(cell.about)}.` : "";
    put(field("cost"), waits || took);
  }

  // ---- act

  const runCells = (cells) => lpwd.server.ask(server, "run_cells", cells);
  async function run(chosenCells) {
    const ids = chosenCells.map((cell) => cell.id), cells = { ...wanted(), run_ids: ids };
    act("run").disabled = act("all").disabled = true;
    put(field("told"), "Checking model and data …");
    let { problem, ask } = await runCells(cells);
    if (ask) put(field("ask"), ask); // much is begun only by somebody who knows how long it takes
    if (ask && !(await sure(element.querySelector("dialog")))) problem = "Nothing was queued.";
    else if (ask) ({ problem } = await runCells({ ...cells, sure: true }));
    act("run").disabled = act("all").disabled = false;
    const queued = `Queued: ${count(ids.length, "run")}. The strip above shows the progress.`;
    put(field("told"), problem ? `Not started. ${problem}` : queued);
    askNow();
    askCards();
  }
  // A click on an empty place of a heatmap (its caption, method, eta and lambda) runs its missing seeds.
  function choose([caption, ...place]) {
    const there = (cell) => caption.startsWith(`${cell.place[0]}:`) && cell.place.slice(1).join() === place.join();
    const here = missing().filter(there);
    if (!here.length) return;
    field("open").value = here[0].id;
    chosen();
    run(here);
  }
  field("cell").addEventListener("submit", (event) => {
    event.preventDefault();
    run(missing().filter((cell) => cell.id === field("open").value));
  });
  act("all").addEventListener("click", () => run(missing()));
  field("open").addEventListener("change", chosen);
  field("blank").addEventListener("toggle", () => found && figures());
  act("runs").addEventListener("click", () => lpwd.shown.open(found.runs.slice(0, RUNS)));
  act("copy").addEventListener("click", ({ target }) => lpwd.files.copy(target, found.command));

  // ---- life

  const firsts = { preset: [[["", "choose"], ...choices.presets], ""], scale: [choices.scales, choices.firstScale] };
  for (const [name, [options, first]] of Object.entries(firsts)) {
    const linked = lpwd.url.parameter(name);
    field(name).replaceChildren(...options.map(([value, label]) => new Option(label, value)));
    field(name).value = options.some(([value]) => value === linked) ? linked : first;
  }
  field("preset").addEventListener("change", changed);
  field("scale").addEventListener("change", () => {
    cards = null;
    put(field("summary"), "Reading the runs …");
    askCards();
    changed();
  });
  document.addEventListener("lpwd:published", () => {
    if (element.isConnected) for (const now of [askCards, askNow]) now();
  });
  changed();
};
