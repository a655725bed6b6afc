// The table of runs: all rows are here, a page of them is drawn. Texts of people are text, never HTML.
lpwd.runs = (element, server, trigger, labelled) => {
  "use strict";
  const SEEDS = 50, SMALL = 6; // of an open group; and of one small curve
  const PAGE = matchMedia("(min-width: 1200px)").matches ? 50 : 12; // lines; where the chart stands below, it is to be near
  const { make, put, parts } = lpwd.widgets, { field, act } = parts(element);
  const { whole, count } = lpwd.numbers, { ask: call } = lpwd.server;
  const labels = JSON.parse(labelled), { COLUMNS, DEFAULT, known } = lpwd.runsColumns(labels);
  const FILTERS = ["state", "method", "model", "dataset", "from"];
  const SAID = { method: (key) => labels.methods[key].label, dataset: (key) => labels.datasets[key] };
  const said = (name, value) => (SAID[name] ? SAID[name](value) : value);
  const rows = new Map(), groups = new Map(), open = new Set(), curves = new Map();
  const chosenColumns = known(lpwd.url.parameter("runs_columns").split(","));
  let columns = chosenColumns.length ? chosenColumns : DEFAULT;
  let cursor = "", page = 0, sort = lpwd.url.parameter("runs_sort") || "-created", lines = [], stamp = "", asked = "";

  const refresh = lpwd.polling.watch(element, "runs", "runs", { ask: () => ({ cursor }), take, problems: true });
  const ticks = lpwd.runsTicks((key) => groups.get(key) ?? [], () => (draw(), chart.show()));
  const chart = lpwd.runsChart(element, server, ticks);
  const acts = lpwd.runsActs(element, server, rows, ticks, refresh);
  const detail = lpwd.runDetail(element, server, trigger, { ask: acts.ask, refresh });

  // ---- rows

  function take(news) {
    if (news.problem) return put(field("count"), news.problem);
    cursor = news.cursor;
    put(field("damaged"), news.damaged);
    put(field("published"), news.published);
    if (news.reset) rows.clear();
    for (const values of news.rows) keep(Object.fromEntries(labels.columns.map((name, i) => [name, values[i]])));
    for (const id of news.gone) rows.delete(id);
    if (!news.reset && !news.rows.length && !news.gone.length) return;
    groups.clear();
    for (const row of rows.values()) groups.get(row.key)?.push(row) ?? groups.set(row.key, [row]);
    options();
    if (ticks.untouched() && !ticks.list().length && (rows.size || !news.reading)) newest();
    ticks.forget(news.gone);
    draw();
    detail.follow(rows);
  }
  function keep(row) {
    row.from = row.origin ? "published" : "trained here";
    const words = [row.id, row.name, row.note, row.state, row.origin, said("method", row.method), said("dataset", row.dataset)];
    row.words = words.join(" ").toLowerCase();
    rows.set(row.id, row);
    curves.delete(row.id);
  }
  // The race that was started last and all seeds of its settings; without one here, the newest that is published.
  function newest() {
    const own = [...rows.values()].filter((row) => !row.origin), all = own.length ? own : [...rows.values()];
    if (!all.length) return;
    const last = all.reduce((a, b) => (b.created > a.created ? b : a)), shared = (row) => row.key.split("*").slice(1).join();
    const race = all.filter((row) => (last.job ? row.job === last.job : shared(row) === shared(last)));
    const keys = [...new Set(race.map((row) => row.key))], order = Object.keys(labels.methods);
    const place = (key) => order.indexOf(groups.get(key)[0].method);
    keys.sort((a, b) => place(a) - place(b));
    ticks.arrive(keys.flatMap((key) => groups.get(key).map((row) => row.id)));
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

  // What the filters let through, as lines of one run, or of all seeds of a setting.
  function matching() {
    const words = field("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = FILTERS.filter((name) => field(name).value).map((name) => [name, field(name).value]);
    const fits = (row) => wanted.every(([n, v]) => row[n] === v) && words.every((w) => row.words.includes(w));
    const together = field("together").checked, byKey = new Map();
    for (const row of rows.values()) {
      if (!fits(row)) continue;
      const key = together ? row.key : row.id;
      byKey.get(key)?.rows.push(row) ?? byKey.set(key, { key, rows: [row] });
    }
    const name = sort.replace("-", ""), sign = sort.startsWith("-") ? -1 : 1;
    const value = name === "name" ? (line) => line.rows[0].name || line.rows[0].id : COLUMNS[name]?.[1] ?? COLUMNS.created[1];
    const found = [...byKey.values()].map((line) => Object.assign(line, { value: value(line), id: line.rows[0].id }));
    return found.sort(({ value: x, id: a }, { value: y, id: b }) => {
      if (x === null || y === null) return (x === null) - (y === null); // without a result: last, either way
      return sign * (typeof x === "number" ? x - y : x.localeCompare(y)) || (a < b ? -1 : 1);
    });
  }
  function draw() {
    lines = matching();
    page = Math.max(0, Math.min(page, Math.ceil(lines.length / PAGE) - 1));
    const filtered = field("q").value || FILTERS.some((name) => field(name).value);
    const fit = lines.reduce((sum, line) => sum + line.rows.length, 0), all = count(rows.size, "run");
    const settings = fit > lines.length ? `, ${count(lines.length, "setting")}` : "";
    put(field("count"), (filtered ? `${whole(fit)} of ${all}` : all) + settings);
    const none = "No run yet. Start a race in the Train tab; every run is listed here, and stays.";
    put(field("empty"), rows.size ? "No run matches. Clear the filters to see all of them." : none);
    field("empty").hidden = lines.length > 0;
    element.querySelector(".lp-listing .lp-scroll").hidden = !lines.length;
    element.querySelector(".lp-pager").hidden = lines.length <= PAGE;
    const shown = lines.slice(page * PAGE, (page + 1) * PAGE);
    put(field("page"), `${page * PAGE + 1} to ${page * PAGE + shown.length} of ${whole(lines.length)}`);
    act("previous").disabled = !page;
    act("next").disabled = (page + 1) * PAGE >= lines.length;
    act("clear").disabled = !filtered;
    const held = document.activeElement?.dataset?.key; // drawing again must not take the keyboard's place away
    const drawn = shown.flatMap((line) => [row(line), ...(open.has(line.key) ? line.rows.slice(0, SEEDS).map(seed) : [])]);
    element.querySelector("tbody").replaceChildren(...drawn);
    head();
    acts.draw();
    if (held) element.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
    if (lpwd.tabs.isOpen("runs")) remember();
    small(shown);
  }
  function remember() {
    const filters = Object.fromEntries(FILTERS.map((name) => [`runs_${name}`, field(name).value]));
    const runs_columns = columns.join() === DEFAULT.join() ? "" : columns.join();
    const runs_apart = field("together").checked ? "" : "1", runs_sort = sort === "-created" ? "" : sort;
    lpwd.url.remember({ runs_q: field("q").value, runs_sort, runs_columns, runs_apart, ...filters });
  }
  // The small curves of what is drawn and not known yet, asked for once.
  async function small(shown) {
    const run_ids = columns.includes("curve") ? shown.flatMap((line) => line.rows.slice(0, SMALL)).map((row) => row.id) : [];
    const missing = run_ids.filter((id) => !curves.has(id)).slice(0, 200);
    if (!missing.length || asked === missing.join()) return;
    asked = missing.join();
    const { sparks = {} } = await call(server, "sparks", { run_ids: missing });
    asked = "";
    for (const id of missing) curves.set(id, sparks[id] ?? []);
    draw();
  }
  function head() {
    const change = ({ target }) => ticks.setAll(lines.flatMap((line) => line.rows), target.checked);
    const checked = lines.length > 0 && lines.every((line) => line.rows.every(ticks.has));
    const all = tickBox("Tick every run that matches", "all", checked, change);
    const heads = [["name", "Run", "lp-left"], ...columns.map((name) => [name, COLUMNS[name][0], COLUMNS[name][3]])];
    element.querySelector("thead").replaceChildren(make("tr", {}, make("th", { scope: "col" }, all), ...heads.map(heading)));
  }
  function heading([key, title, className]) {
    const down = sort === `-${key}`, up = sort === key;
    const click = () => {
      sort = down || (!up && className.includes("lp-left")) ? key : `-${key}`; // texts from A, numbers from the largest
      page = 0;
      draw();
    };
    const textContent = title + (up ? " ↑" : down ? " ↓" : "");
    const sorter = { type: "button", className: "lp-sort", textContent, data: { key: `sort-${key}` }, on: { click } };
    return make("th", { scope: "col", className, ariaSort: down ? "descending" : up ? "ascending" : "none" }, make("button", sorter));
  }
  function row(line) {
    const ticked = line.rows.filter(ticks.has).length, several = line.rows.length > 1, [only] = line.rows;
    const whole = several && line.rows.length === (groups.get(line.key) ?? []).length;
    const change = ({ target: { checked } }) =>
      whole ? ticks.setGroup(line.key, checked) : several ? ticks.setAll(line.rows, checked) : ticks.setRun(only, checked);
    const what = several ? `${line.rows.length} seeds` : only.name || only.id;
    const label = `Tick ${said("method", only.method)}, λ ${only.weightDecay}, ${what}`;
    const box = tickBox(label, `box-${line.key}`, ticked === line.rows.length, change);
    box.indeterminate = ticked > 0 && ticked < line.rows.length;
    return tableRow(line, box, several ? group(line) : title(only), "");
  }
  function seed(one) {
    const change = ({ target }) => ticks.setRun(one, target.checked);
    const box = tickBox(`Tick seed ${one.seed}, ${one.id}`, `box-${one.id}`, ticks.has(one), change);
    return tableRow({ key: one.id, rows: [one] }, box, title(one, `seed ${one.seed}, ${one.id.slice(-8)}`), "lp-seed");
  }
  function tickBox(ariaLabel, key, checked, change) {
    return make("input", { type: "checkbox", ariaLabel, checked, data: { key }, on: { change } });
  }
  function tableRow(line, box, name, className) {
    const [{ id, origin }] = line.rows;
    const names = [className, origin && "lp-published", line.rows.length === 1 && id === detail.current() && "lp-current"];
    const task = `${line.rows[0].model}, ${said("dataset", line.rows[0].dataset)}`;
    const from = origin ? [make("em", { textContent: ` ${origin.replace(", ", " ")}`, title: `published: ${origin}` })] : [];
    const under = className ? [] : [make("small", { textContent: task, title: task })]; // a seed stands below its group
    const first = make("th", { scope: "row", className: "lp-left" }, name, ...from, ...under);
    const cell = (column) => make("td", { className: COLUMNS[column][3] }, COLUMNS[column][2](line, curves));
    return make("tr", { className: names.filter(Boolean).join(" "), data: { run: id } }, make("td", {}, box), first, ...columns.map(cell));
  }
  function group(line) {
    const is = open.has(line.key), textContent = `${is ? "▾" : "▸"} ${line.rows.length} seeds`;
    const click = () => {
      is ? open.delete(line.key) : open.add(line.key);
      draw();
    };
    return linkTo(`open-${line.key}`, click, { textContent, ariaExpanded: String(is) });
  }
  function title(one, otherwise = one.id.slice(-8)) {
    const click = async () => {
      await detail.show(one.id);
      draw();
    };
    const text = { textContent: one.name || otherwise, title: one.note ? `${one.id}: ${one.note}` : one.id };
    return linkTo(`run-${one.id}`, click, text);
  }
  function linkTo(key, click, properties) {
    return make("button", { type: "button", className: "lp-link", ...properties, data: { key }, on: { click } });
  }

  // ---- life

  const turn = (pages) => () => {
    page += pages;
    draw();
  };
  act("previous").addEventListener("click", turn(-1));
  act("next").addEventListener("click", turn(1));
  act("clear").addEventListener("click", () => {
    for (const name of [...FILTERS, "q"]) field(name).value = "";
    draw();
    field("q").focus();
  });
  for (const name of [...FILTERS, "q", "together"]) {
    field(name).addEventListener("input", () => {
      page = 0;
      draw();
    });
  }
  const pick = (name) => {
    const change = ({ target }) => {
      columns = known(target.checked ? [...columns, name] : columns.filter((other) => other !== name));
      draw();
    };
    const box = make("input", { type: "checkbox", checked: columns.includes(name), on: { change } });
    return make("label", { className: "lp-tick" }, box, COLUMNS[name][0]);
  };
  field("columns").replaceChildren(...Object.keys(COLUMNS).map(pick));
  field("q").value = lpwd.url.parameter("runs_q");
  field("together").checked = lpwd.url.parameter("runs_apart") !== "1";
  chart.show();
  lpwd.tabs.whenOpened("runs", ticks.reread);
  lpwd.shown.listen(element, ({ answer }) => {
    const now = JSON.stringify([answer?.strip.active?.ids, answer?.strip.active?.state, answer?.strip.waiting]);
    if (stamp && now !== stamp) refresh();
    stamp = now;
  });
};
