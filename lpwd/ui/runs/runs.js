// The list of runs: all rows are here, a page of them is drawn. Texts of people are text, never HTML.
lpwd.runs = (element, server, trigger, labelled) => {
  "use strict";
  const PAGE = 50, WATCH_MS = 3000;
  const labels = JSON.parse(labelled);
  const field = (name) => element.querySelector(`[data-f=${name}]`);
  const button = (name) => element.querySelector(`[data-act=${name}]`);
  const FILTERS = ["state", "method", "model", "dataset"];
  const SAID = { method: (key) => labels.methods[key].label, dataset: (key) => labels.datasets[key] };
  const said = (name, value) => (SAID[name] ? SAID[name](value) : value);
  const fixed = (digits) => (value) => (value === null ? "–" : value.toFixed(digits));
  // [key of the row, head, text, class]; `wide` leaves on small screens, `spare` also beside an open run
  const COLUMNS = [
    ["name", "Run", null, "lp-left"], ["state", "State", String, "lp-left"], ["method", "Method", null, "lp-left"],
    ["model", "Model", String, "lp-left wide"], ["dataset", "Data set", SAID.dataset, "lp-left wide spare"],
    ["optimizer", "Optimizer", (key) => labels.optimizers[key], "lp-left wide spare"],
    ["lr", "η", String, "wide"], ["weightDecay", "λ", String, "wide"], ["seed", "Seed", String, "wide"],
    ["epoch", "Epoch", (value, row) => `${value}/${row.epochs}`, "wide spare"], ["top1", "Best-10 top-1 (%)", fixed(2), ""],
    ["loss", "Train loss", fixed(4), "wide spare"], ["seconds", "Time", (value) => (value ? lpwd.duration(value) : "–"), "wide spare"],
    ["created", "Created", (value) => new Date(value * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "short" }), "wide spare"],
  ];
  const rows = new Map(), chosen = new Set();
  let cursor = "", page = 0, sort = "-created", shown = [], busy = false, stamp = "";
  const detail = lpwd.runDetail(element, server, trigger, { ask, refresh, open: openRuns });

  // ---- rows

  async function refresh() {
    if (busy) return;
    busy = true;
    try {
      const news = JSON.parse(await server.rows(JSON.stringify({ cursor })));
      cursor = news.cursor;
      lpwd.put(field("damaged"), news.damaged);
      if (news.reset) rows.clear();
      for (const values of news.rows) {
        const row = Object.fromEntries(labels.columns.map((name, i) => [name, values[i]]));
        row.words = [row.id, row.name, row.note, row.state, said("method", row.method), said("dataset", row.dataset)].join(" ").toLowerCase();
        rows.set(row.id, row);
      }
      for (const id of news.gone) rows.delete(id), chosen.delete(id);
      if (news.reset || news.rows.length || news.gone.length) {
        options();
        draw();
        detail.follow(rows);
      }
    } catch (error) {
      lpwd.put(field("count"), "The list could not be read; trying again.");
    }
    busy = false;
  }
  function options() {
    for (const name of FILTERS) {
      const select = field(name), value = select.value || lpwd.tabs.parameter(`runs_${name}`);
      const values = [...new Set([...rows.values()].map((row) => row[name]))].sort();
      select.replaceChildren(new Option("all", ""), ...values.map((v) => new Option(said(name, v), v)));
      select.value = values.includes(value) ? value : "";
    }
  }

  // ---- table

  function matching() {
    const words = field("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = FILTERS.filter((name) => field(name).value).map((name) => [name, field(name).value]);
    const found = [...rows.values()].filter((row) => wanted.every(([n, v]) => row[n] === v) && words.every((w) => row.words.includes(w)));
    const key = sort.replace("-", ""), sign = sort.startsWith("-") ? -1 : 1;
    const value = (row) => (key === "name" ? row.name || row.id : row[key]);
    return found.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null); // without a result: last, either way
      return sign * (typeof x === "number" ? x - y : x.localeCompare(y)) || a.id.localeCompare(b.id);
    });
  }
  function draw() {
    shown = matching();
    page = Math.max(0, Math.min(page, Math.ceil(shown.length / PAGE) - 1));
    const filtered = field("q").value || FILTERS.some((name) => field(name).value);
    lpwd.put(field("count"), filtered ? `${shown.length.toLocaleString()} of ${count(rows.size)}` : count(rows.size));
    lpwd.put(field("empty"), rows.size ? "No run matches. Clear the filters to see all of them." : "No run yet. Start a race in the Train tab; every run is listed here, and stays.");
    field("empty").hidden = shown.length > 0;
    element.querySelector(".lp-listing .lp-scroll").hidden = !shown.length;
    element.querySelector(".lp-pager").hidden = shown.length <= PAGE;
    lpwd.put(field("page"), `${page * PAGE + 1} to ${Math.min(shown.length, (page + 1) * PAGE)} of ${shown.length.toLocaleString()}`);
    button("previous").disabled = !page;
    button("next").disabled = (page + 1) * PAGE >= shown.length;
    button("clear").disabled = !filtered;
    const held = document.activeElement?.dataset?.key; // drawing again must not take the keyboard's place away
    element.querySelector("tbody").replaceChildren(...shown.slice(page * PAGE, (page + 1) * PAGE).map(line));
    head();
    selection();
    if (held) element.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
    lpwd.tabs.isOpen("runs") && lpwd.tabs.remember({ runs_q: field("q").value, runs_sort: sort === "-created" ? "" : sort, ...Object.fromEntries(FILTERS.map((n) => [`runs_${n}`, field(n).value])) });
  }
  const count = (n) => `${n.toLocaleString()} run${n === 1 ? "" : "s"}`;
  function make(tag, properties, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }
  function head() {
    const all = make("input", { type: "checkbox", ariaLabel: "Select every run that matches", checked: shown.length > 0 && shown.every((r) => chosen.has(r.id)) });
    all.dataset.key = "all";
    all.addEventListener("change", () => (shown.forEach((r) => (all.checked ? chosen.add(r.id) : chosen.delete(r.id))), draw()));
    const cells = COLUMNS.map(([key, title, , style]) => {
      const mark = sort === key ? " ↑" : sort === `-${key}` ? " ↓" : "";
      const sorter = make("button", { type: "button", className: "lp-sort", textContent: title + mark });
      sorter.dataset.key = `sort-${key}`;
      sorter.addEventListener("click", () => ((sort = sort === `-${key}` ? key : sort === key || style.includes("lp-left") === false ? `-${key}` : key), (page = 0), draw()));
      const cell = make("th", { scope: "col", className: style }, sorter);
      cell.setAttribute("aria-sort", mark ? (sort.startsWith("-") ? "descending" : "ascending") : "none");
      return cell;
    });
    element.querySelector("thead").replaceChildren(make("tr", {}, make("th", { scope: "col" }, all), ...cells));
  }
  function line(row) {
    const box = make("input", { type: "checkbox", checked: chosen.has(row.id), ariaLabel: `Select ${row.name || row.id}` });
    box.dataset.key = `box-${row.id}`;
    box.addEventListener("change", () => (box.checked ? chosen.add(row.id) : chosen.delete(row.id), selection(), head()));
    const cells = COLUMNS.map(([key, , text, style]) => {
      if (key !== "name" && key !== "method") return make("td", { className: key === "state" ? `${style} lp-is-${row.state}` : style, textContent: text(row[key], row) });
      if (key === "name") return make("th", { scope: "row", className: style }, title(row));
      const chip = make("i", { className: "lp-chip" });
      chip.style.background = labels.methods[row.method].color;
      return make("td", { className: style }, chip, said("method", row.method));
    });
    const tr = make("tr", { className: row.id === detail.current() ? "lp-current" : "" }, make("td", {}, box), ...cells);
    tr.dataset.run = row.id;
    return tr;
  }
  function title(row) {
    const link = make("button", { type: "button", className: "lp-link", textContent: row.name || row.id.slice(-8), title: row.id });
    link.dataset.key = `run-${row.id}`;
    link.addEventListener("click", async () => (await detail.show(row.id), draw()));
    const note = make("small", { textContent: row.note, title: row.note });
    return row.note ? make("span", {}, link, note) : link;
  }

  // ---- selection

  function selection() {
    for (const name of ["overlay", "csv", "json", "delete"]) button(name).disabled = !chosen.size;
    const of = chosen.size ? ` (${chosen.size.toLocaleString()})` : "";
    for (const [name, label] of [["overlay", "Show"], ["csv", "Export CSV"], ["json", "Export JSON"], ["delete", "Delete"]]) lpwd.put(button(name), label + of);
    button("overlay").disabled ||= chosen.size > 12;
    button("overlay").title = chosen.size > 12 ? "12 runs at most in one picture" : "";
  }
  function openRuns(ids) {
    lpwd.show(ids);
    lpwd.tabs.open("train");
    scrollTo(0, 0);
  }
  const exporting = (kind) => async () => {
    const answer = JSON.parse(await server.export(JSON.stringify({ run_ids: shown.map((r) => r.id).filter((id) => chosen.has(id)).concat([...chosen].filter((id) => !shown.some((r) => r.id === id))), kind })));
    lpwd.put(field("problem"), answer.problem);
    if (!answer.problem) lpwd.save(`lpwd-runs.${kind}`, answer.text);
  };
  // Ask, then delete; true where they are gone.
  async function ask(ids) {
    const dialog = element.querySelector("dialog"), one = rows.get(ids[0]);
    lpwd.put(field("ask"), ids.length === 1 ? "Delete this run?" : `Delete ${ids.length.toLocaleString()} runs?`);
    lpwd.put(field("asked"), `${ids.length === 1 ? one?.name || one?.id || ids[0] : "Their"}${ids.length === 1 ? ": its" : ""} curves, log and checkpoint are removed from the disk. This cannot be undone.`);
    dialog.returnValue = "no";
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    if (dialog.returnValue !== "yes") return false;
    const { problem } = JSON.parse(await server.remove(JSON.stringify({ run_ids: ids })));
    lpwd.put(field("problem"), problem);
    if (problem) return false;
    lpwd.forget(ids);
    await refresh();
    return true;
  }
  button("yes").addEventListener("click", () => element.querySelector("dialog").close("yes"));
  button("no").addEventListener("click", () => element.querySelector("dialog").close("no"));
  button("delete").addEventListener("click", () => ask([...chosen]));
  button("csv").addEventListener("click", exporting("csv"));
  button("json").addEventListener("click", exporting("json"));
  button("overlay").addEventListener("click", () => openRuns([...chosen]));
  button("previous").addEventListener("click", () => (page--, draw()));
  button("next").addEventListener("click", () => (page++, draw()));
  button("clear").addEventListener("click", () => ([...FILTERS, "q"].forEach((name) => (field(name).value = "")), draw(), field("q").focus()));
  for (const name of [...FILTERS, "q"]) field(name).addEventListener("input", () => ((page = 0), draw()));

  // ---- life

  field("q").value = lpwd.tabs.parameter("runs_q");
  sort = lpwd.tabs.parameter("runs_sort") || sort;
  lpwd.tabs.whenOpened("runs", refresh);
  lpwd.listen(element, ({ answer }) => {
    const now = JSON.stringify([answer?.strip.active?.ids, answer?.strip.active?.state, answer?.strip.waiting]);
    if (lpwd.tabs.isOpen("runs") && now !== stamp) refresh();
    stamp = now;
  });
  const watch = setInterval(() => {
    if (!element.isConnected) clearInterval(watch);
    else if (!document.hidden && lpwd.tabs.isOpen("runs")) refresh();
  }, WATCH_MS);
  refresh();
};
