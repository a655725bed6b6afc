// The paper's tables and figures. What changed is fetched; a missing cell can be run from here.
lpwd.benchmark = (element, server, props) => {
  "use strict";
  const VERDICTS = 8, WATCH_MS = 2000, IDLE_MS = 10_000;
  const field = (name) => element.querySelector(`[data-f=${name}]`);
  const choices = JSON.parse(props.choices);
  let found = null, asking = 0, next = 0;

  function make(tag, properties, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }
  const list = (node, texts) => node.replaceChildren(...texts.map((textContent) => make("li", { textContent })));
  const wanted = () => ({ name: field("preset").value, scale: field("scale").value });

  // ---- fetch

  async function refresh(changed = false) {
    const mine = ++asking;
    if (changed) {
      found = null;
      lpwd.put(field("told"), "");
      lpwd.put(field("status"), "Reading the runs …");
      lpwd.tabs.remember({ preset: field("preset").value, scale: field("scale").value === choices.first[1] ? "" : field("scale").value });
    }
    try {
      const answer = JSON.parse(await server.find(JSON.stringify({ ...wanted(), stamp: found?.stamp ?? "" })));
      if (mine !== asking) return; // another preset was chosen meanwhile
      lpwd.put(field("problem"), answer.problem);
      if (!answer.problem && answer.title) draw((found = answer));
    } catch (error) {
      if (mine === asking) lpwd.put(field("status"), "The results could not be read; trying again.");
    }
    next = Date.now() + (found?.open.some((cell) => cell.waiting) ? WATCH_MS : IDLE_MS);
  }

  // ---- draw

  function draw() {
    element.querySelector(".lp-found").hidden = false;
    lpwd.put(field("status"), `${found.source} · scale ${field("scale").value} · ${found.done.toLocaleString()} of ${found.total.toLocaleString()} runs done`);
    for (const name of ["title", "question", "note", "command"]) lpwd.put(field(name), found[name]);
    field("warnings").replaceChildren(...found.warnings.map((textContent) => make("p", { className: "lp-problem", textContent })));
    const said = found.done ? found.sentences : ["No run of this preset has finished here yet, so there is nothing to conclude. Run a missing cell below, or all of them with the command at the end of this page."];
    list(field("sentences"), said.slice(0, VERDICTS));
    list(field("rest"), said.slice(VERDICTS));
    field("more").hidden = said.length <= VERDICTS;
    lpwd.put(field("more-count"), `${said.length - VERDICTS} more`);
    element.querySelector("[data-act=runs]").disabled = !found.done;
    cells();
    table();
    lpwd.benchFigures(field("figures"), found.figures, { path: props.plotly, key: JSON.stringify(wanted()), chosen: choose });
  }
  function cells() {
    const select = field("open"), before = select.value;
    field("cell").hidden = !found.open.length;
    lpwd.put(field("cell-count"), `Cells without a result (${found.open.length.toLocaleString()})`);
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
    element.querySelector("[data-act=run]").disabled = !cell || cell.waiting;
    lpwd.put(field("cost"), !cell ? "" : cell.waiting ? `It is ${cell.state}; its place fills when it is done.` : cell.about ? `Finished runs of this model took about ${lpwd.duration(cell.about)}.` : "");
  }
  // A click on an empty place of a heatmap.
  function choose(place) {
    const cell = found.open.find((one) => one.place[1] === place[1] && one.place[2] === place[2] && one.place[3] === place[3] && place[0].startsWith(`${one.place[0]}:`));
    if (!cell) return;
    field("open").value = cell.id;
    chosen();
    field("open").focus();
    field("cell").scrollIntoView({ block: "center" });
  }
  function table() {
    field("table-block").hidden = !found.table.length;
    if (!found.table.length) return;
    const paper = found.reported ? [["Paper", (row) => row.paper || "–"], ["Cached", (row) => (row.cached ? `${row.cached} (n ${row.cachedN})` : "–")]] : [];
    const columns = [
      ["Method", null], ...paper, ["Own, best 10", (row) => row.ours || "missing"], ["n", (row) => String(row.n)], ["Last epoch", (row) => row.last || "–"],
      ["Validation-selected", (row) => row.selected || "–"], ["η, λ", (row) => row.setting || "–"], ["Mean λᵢ", (row) => row.decay || "–"], ["Diverged", (row) => String(row.diverged)], ["Runs", null],
    ];
    const body = [];
    for (const [i, row] of found.table.entries()) {
      if (row.column !== found.table[i - 1]?.column) body.push(make("tr", { className: "lp-group" }, make("th", { colSpan: columns.length, scope: "colgroup", textContent: row.column }, ...(found.verdicts[row.column] ?? []).slice(0, 1).map((textContent) => make("p", { textContent })))));
      const chip = make("i", { className: "lp-chip" });
      chip.style.background = row.color;
      const method = make("th", { scope: "row" }, chip, row.label, ...(row.control ? [make("small", { textContent: " control, not in the paper" })] : []));
      const cells = columns.slice(1, -1).map(([title, text]) => make("td", { textContent: text(row), className: title === "Own, best 10" ? (row.ours ? "lp-own" : "lp-missing") : "" }));
      const link = row.runs.length ? make("a", { href: lpwd.linkTo(row.runs), textContent: `seed ${row.seeds.join(", ")}` }) : "";
      if (link) link.addEventListener("click", (event) => (event.preventDefault(), open(row.runs)));
      body.push(make("tr", {}, method, ...cells, make("td", {}, link)));
    }
    const head = make("tr", {}, ...columns.map(([textContent]) => make("th", { scope: "col", textContent })));
    field("table").replaceChildren(make("thead", {}, head), make("tbody", {}, ...body));
    const cached = found.reported ? " Cached: the published results named at the top of this tab." : "";
    lpwd.put(field("legend"), `Test top-1 (%), mean±deviation over seeds at the best η and λ of each method${found.reported ? "; the paper’s deviation is that of ten epochs of one run" : ""}.${cached}`);
  }
  function open(ids) {
    lpwd.show(ids);
    lpwd.tabs.open("train");
    scrollTo(0, 0);
  }

  // ---- act

  field("cell").addEventListener("submit", async (event) => {
    event.preventDefault();
    const run = element.querySelector("[data-act=run]");
    run.disabled = true;
    lpwd.put(field("told"), "Checking model and data …");
    const cell = { ...wanted(), run_id: field("open").value };
    let { problem, ask } = JSON.parse(await server.run_cell(JSON.stringify(cell)));
    if (ask && !(await sure(ask))) problem = "Nothing was queued.";
    else if (ask) ({ problem } = JSON.parse(await server.run_cell(JSON.stringify({ ...cell, sure: true }))));
    run.disabled = false;
    lpwd.put(field("told"), problem ? `Not started. ${problem}` : "Queued. The strip above shows its progress.");
    await refresh();
  });
  // A long run is begun only by somebody who knows how long it takes.
  async function sure(question) {
    const dialog = element.querySelector("dialog");
    lpwd.put(field("ask"), question);
    dialog.returnValue = "no";
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    return dialog.returnValue === "yes";
  }
  for (const answer of ["yes", "no"]) element.querySelector(`[data-act=${answer}]`).addEventListener("click", () => element.querySelector("dialog").close(answer));
  field("open").addEventListener("change", chosen);
  element.querySelector("[data-act=runs]").addEventListener("click", () => open(found.runs.slice(0, 12)));
  element.querySelector("[data-act=copy]").addEventListener("click", (event) => lpwd.copy(event.target, found.command));

  // ---- life

  for (const [name, options, first] of [["preset", choices.presets, choices.first[0]], ["scale", choices.scales, choices.first[1]]]) {
    const asked = lpwd.tabs.parameter(name);
    field(name).replaceChildren(...options.map(([value, label]) => new Option(label, value)));
    field(name).value = options.some(([value]) => value === asked) ? asked : first;
    field(name).addEventListener("change", () => refresh(true));
  }
  lpwd.tabs.whenOpened("benchmark", () => refresh());
  document.addEventListener("lpwd:published", () => element.isConnected && refresh());
  const watch = setInterval(() => {
    if (!element.isConnected) clearInterval(watch);
    else if (!document.hidden && lpwd.tabs.isOpen("benchmark") && Date.now() > next) (next = Infinity), refresh();
  }, 500);
  refresh(true);
};
