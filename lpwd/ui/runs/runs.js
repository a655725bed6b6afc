// The list of runs: all rows are here, a page of them is drawn. Texts of people are text, never HTML.
lpwd.runs = (element, server, trigger, labelled) => {
  "use strict";
  const PAGE = 50, SHOWN = 12; // rows of a page; runs in one picture
  const { make, put, sure, parts } = lpwd.widgets, { field, act } = parts(element);
  const { fixed, whole, count, duration } = lpwd.numbers;
  const labels = JSON.parse(labelled);
  const FILTERS = ["state", "method", "model", "dataset"];
  const SAID = { method: (key) => labels.methods[key].label, dataset: (key) => labels.datasets[key] };
  const said = (name, value) => (SAID[name] ? SAID[name](value) : value);
  const day = (seconds) => new Date(seconds * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
  const digits = (n) => (value) => fixed(value, n);
  // [key of the row, head, text, class]; `wide` leaves on small screens, `spare` also beside an open run
  const COLUMNS = [
    ["name", "Run", null, "lp-left"],
    ["state", "State", String, "lp-left"],
    ["method", "Method", null, "lp-left"],
    ["model", "Model", String, "lp-left wide"],
    ["dataset", "Data set", SAID.dataset, "lp-left wide spare"],
    ["optimizer", "Optimizer", (key) => labels.optimizers[key], "lp-left wide spare"],
    ["lr", "η", String, "wide"],
    ["weightDecay", "λ", String, "wide"],
    ["seed", "Seed", String, "wide"],
    ["epoch", "Epoch", (value, row) => `${value}/${row.epochs}`, "wide spare"],
    ["top1", "Best-10 top-1 (%)", digits(2), ""],
    ["loss", "Train loss", digits(4), "wide spare"],
    ["seconds", "Time", (value) => (value ? duration(value) : lpwd.numbers.NONE), "wide spare"],
    ["created", "Created", day, "wide spare"],
  ];
  const rows = new Map(), chosen = new Set();
  let cursor = "", page = 0, sort = lpwd.url.parameter("runs_sort") || "-created", shown = [], stamp = "";

  // ---- rows

  const refresh = lpwd.polling.watch(element, "runs", "runs", { ask: () => ({ cursor }), take });
  const detail = lpwd.runDetail(element, server, trigger, { ask, refresh });

  function take(news) {
    if (news.problem) return put(field("count"), news.problem);
    cursor = news.cursor;
    put(field("damaged"), news.damaged);
    if (news.reset) rows.clear();
    for (const values of news.rows) {
      const row = Object.fromEntries(labels.columns.map((name, i) => [name, values[i]]));
      const words = [row.id, row.name, row.note, row.state, said("method", row.method), said("dataset", row.dataset)];
      row.words = words.join(" ").toLowerCase();
      rows.set(row.id, row);
    }
    for (const id of news.gone) rows.delete(id), chosen.delete(id);
    if (!news.reset && !news.rows.length && !news.gone.length) return;
    options();
    draw();
    detail.follow(rows);
  }
  function options() {
    for (const name of FILTERS) {
      const select = field(name), value = select.value || lpwd.url.parameter(`runs_${name}`);
      const values = [...new Set([...rows.values()].map((row) => row[name]))].sort();
      select.replaceChildren(new Option("all", ""), ...values.map((v) => new Option(said(name, v), v)));
      select.value = values.includes(value) ? value : "";
    }
  }

  // ---- table

  function matching() {
    const words = field("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = FILTERS.filter((name) => field(name).value).map((name) => [name, field(name).value]);
    const fits = (row) => wanted.every(([n, v]) => row[n] === v) && words.every((w) => row.words.includes(w));
    const key = sort.replace("-", ""), sign = sort.startsWith("-") ? -1 : 1;
    const value = (row) => (key === "name" ? row.name || row.id : row[key]);
    return [...rows.values()].filter(fits).sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null); // without a result: last, either way
      return sign * (typeof x === "number" ? x - y : x.localeCompare(y)) || a.id.localeCompare(b.id);
    });
  }
  function draw() {
    shown = matching();
    page = Math.max(0, Math.min(page, Math.ceil(shown.length / PAGE) - 1));
    const filtered = field("q").value || FILTERS.some((name) => field(name).value);
    const all = count(rows.size, "run");
    put(field("count"), filtered ? `${whole(shown.length)} of ${all}` : all);
    const none = "No run yet. Start a race in the Train tab; every run is listed here, and stays.";
    put(field("empty"), rows.size ? "No run matches. Clear the filters to see all of them." : none);
    field("empty").hidden = shown.length > 0;
    element.querySelector(".lp-listing .lp-scroll").hidden = !shown.length;
    element.querySelector(".lp-pager").hidden = shown.length <= PAGE;
    const last = Math.min(shown.length, (page + 1) * PAGE);
    put(field("page"), `${page * PAGE + 1} to ${last} of ${whole(shown.length)}`);
    act("previous").disabled = !page;
    act("next").disabled = (page + 1) * PAGE >= shown.length;
    act("clear").disabled = !filtered;
    const held = document.activeElement?.dataset?.key; // drawing again must not take the keyboard's place away
    element.querySelector("tbody").replaceChildren(...shown.slice(page * PAGE, (page + 1) * PAGE).map(line));
    head();
    selection();
    if (held) element.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
    if (lpwd.tabs.isOpen("runs")) remember();
  }
  function remember() {
    const filters = Object.fromEntries(FILTERS.map((name) => [`runs_${name}`, field(name).value]));
    lpwd.url.remember({ runs_q: field("q").value, runs_sort: sort === "-created" ? "" : sort, ...filters });
  }
  function head() {
    const change = ({ target }) => {
      for (const row of shown) target.checked ? chosen.add(row.id) : chosen.delete(row.id);
      draw();
    };
    const checked = shown.length > 0 && shown.every((row) => chosen.has(row.id));
    const ariaLabel = "Select every run that matches";
    const all = make("input", { type: "checkbox", ariaLabel, checked, data: { key: "all" }, on: { change } });
    const box = make("th", { scope: "col" }, all);
    element.querySelector("thead").replaceChildren(make("tr", {}, box, ...COLUMNS.map(heading)));
  }
  function heading([key, title, , className]) {
    const down = sort === `-${key}`, up = sort === key;
    const click = () => {
      const rising = down || (!up && className.includes("lp-left")); // texts from A, numbers from the largest
      sort = rising ? key : `-${key}`;
      page = 0;
      draw();
    };
    const textContent = title + (up ? " ↑" : down ? " ↓" : "");
    const sorter = { type: "button", className: "lp-sort", textContent, data: { key: `sort-${key}` }, on: { click } };
    const ariaSort = down ? "descending" : up ? "ascending" : "none";
    return make("th", { scope: "col", className, ariaSort }, make("button", sorter));
  }
  function line(row) {
    const change = ({ target }) => {
      target.checked ? chosen.add(row.id) : chosen.delete(row.id);
      selection();
      head();
    };
    const ariaLabel = `Select ${row.name || row.id}`, data = { key: `box-${row.id}` };
    const box = make("input", { type: "checkbox", checked: chosen.has(row.id), ariaLabel, data, on: { change } });
    const className = row.id === detail.current() ? "lp-current" : "";
    return make("tr", { className, data: { run: row.id } }, make("td", {}, box), ...COLUMNS.map((column) => cell(row, column)));
  }
  function cell(row, [key, , text, className]) {
    if (key === "name") return make("th", { scope: "row", className }, title(row));
    if (key === "state") return make("td", { className: `${className} lp-is-${row.state}`, textContent: row.state });
    if (key !== "method") return make("td", { className, textContent: text(row[key], row) });
    const chip = make("i", { className: "lp-chip", style: { background: labels.methods[row.method].color } });
    return make("td", { className }, chip, said("method", row.method));
  }
  function title(row) {
    const click = async () => {
      await detail.show(row.id);
      draw();
    };
    const text = { textContent: row.name || row.id.slice(-8), title: row.id };
    const data = { key: `run-${row.id}` };
    const link = make("button", { type: "button", className: "lp-link", ...text, data, on: { click } });
    return row.note ? make("span", {}, link, make("small", { textContent: row.note, title: row.note })) : link;
  }

  // ---- selection

  function selection() {
    const acts = { overlay: "Show", csv: "Export CSV", json: "Export JSON", delete: "Delete" };
    const of = chosen.size ? ` (${whole(chosen.size)})` : "";
    for (const [name, label] of Object.entries(acts)) {
      act(name).disabled = !chosen.size;
      put(act(name), label + of);
    }
    act("overlay").disabled ||= chosen.size > SHOWN;
    act("overlay").title = chosen.size > SHOWN ? `${SHOWN} runs at most in one picture` : "";
  }
  const exporting = (kind) => async () => {
    const ordered = shown.map((row) => row.id).filter((id) => chosen.has(id));
    const run_ids = [...new Set([...ordered, ...chosen])];
    const { problem, text } = await lpwd.server.ask(server, "export", { run_ids, kind });
    put(field("problem"), problem);
    if (!problem) lpwd.files.save(`lpwd-runs.${kind}`, text);
  };
  // Ask, then delete; true where they are gone.
  async function ask(ids) {
    const one = rows.get(ids[0]), single = ids.length === 1;
    put(field("ask"), single ? "Delete this run?" : `Delete ${count(ids.length, "run")}?`);
    const whose = single ? `${one?.name || one?.id || ids[0]}: its` : "Their";
    put(field("asked"), `${whose} curves, log and checkpoint are removed from the disk. This cannot be undone.`);
    if (!(await sure(element.querySelector("dialog")))) return false;
    const { problem } = await lpwd.server.ask(server, "remove", { run_ids: ids });
    put(field("problem"), problem);
    if (problem) return false;
    lpwd.shown.forget(ids);
    refresh();
    return true;
  }
  const turn = (pages) => () => {
    page += pages;
    draw();
  };
  act("delete").addEventListener("click", () => ask([...chosen]));
  act("csv").addEventListener("click", exporting("csv"));
  act("json").addEventListener("click", exporting("json"));
  act("overlay").addEventListener("click", () => lpwd.shown.open([...chosen]));
  act("previous").addEventListener("click", turn(-1));
  act("next").addEventListener("click", turn(1));
  act("clear").addEventListener("click", () => {
    for (const name of [...FILTERS, "q"]) field(name).value = "";
    draw();
    field("q").focus();
  });
  for (const name of [...FILTERS, "q"]) {
    field(name).addEventListener("input", () => {
      page = 0;
      draw();
    });
  }

  // ---- life

  field("q").value = lpwd.url.parameter("runs_q");
  lpwd.shown.listen(element, ({ answer }) => {
    const now = JSON.stringify([answer?.strip.active?.ids, answer?.strip.active?.state, answer?.strip.waiting]);
    if (stamp && now !== stamp) refresh();
    stamp = now;
  });
};
