// The Compare tab: a list to tick, the overlay of what is ticked. The whole view stands in the URL.
lpwd.compare = (element, server) => {
  "use strict";
  const { make, button, items: listItems, put, table, parts } = lpwd.widgets, { field } = parts(element);
  const { ask } = lpwd.server, { copy, save } = lpwd.files;
  const controls = Object.fromEntries([...element.querySelectorAll("[data-v]")].map((node) => [node.dataset.v, node]));
  const plot = lpwd.figure(field("plot"));
  const first = values();
  const linked = () => lpwd.url.parameter("runs").split(",").filter(Boolean);
  let items = linked(), groups = [], moving = false, stamp = "";

  // ---- the view and the URL

  function read(node) {
    return node.type === "checkbox" ? (node.checked ? "1" : "") : node.value;
  }
  function values() {
    return Object.fromEntries(Object.entries(controls).map(([name, node]) => [name, read(node)]));
  }
  // Only what differs from the first view, so that links stay short.
  function parameters() {
    const changed = Object.entries(values()).map(([name, value]) => [name, value === first[name] ? "" : value]);
    return { runs: items.join(","), ...Object.fromEntries(changed) };
  }
  for (const [name, node] of Object.entries(controls)) {
    const value = lpwd.url.parameter(name);
    if (node.type === "checkbox") node.checked = value === "1";
    else if (value && (node.type === "range" || [...node.options].some((o) => o.value === value))) node.value = value;
    node.addEventListener("input", changed);
  }

  // ---- what the server says of it

  function question() {
    const { y, x, logx, logy, smooth, value, each } = values();
    const logs = (logx && "x") + (logy && "y");
    return { items, y, x, logs, smooth: Number(smooth), value, each: Boolean(each), stamp };
  }
  const askNow = lpwd.polling.watch(element, "compare", "compare", { ask: () => (items.length ? question() : null), take });

  function changed() {
    lpwd.url.remember(parameters());
    show();
  }
  function show() {
    const smooth = Number(controls.smooth.value);
    put(field("smooth-is"), smooth ? smooth.toFixed(2) : "off");
    field("empty").hidden = items.length > 0;
    stamp = "";
    if (items.length) askNow();
    else field("shown").hidden = true;
  }
  function take(view) {
    put(field("problem"), view.problem);
    if (view.problem || !items.length) return void (moving = false);
    if (moving && !view.moving) list(); // it has ended: its state and result stand in the list too
    moving = view.moving;
    if (view.stamp === stamp) return;
    stamp = view.stamp;
    field("shown").hidden = false;
    plot.draw(view.figure);
    put(field("summary"), view.summary);
    const said = [...field("verdicts").children].map((li) => li.textContent).join();
    if (view.verdicts.join() !== said) field("verdicts").replaceChildren(...listItems(view.verdicts)); // announced
    table(field("results"), view.results, { colors: view.entries.map((entry) => entry.color) });
    table(field("settings"), view.settings);
    const differ = view.settings.length > 1;
    put(field("same"), differ ? "Everything else is equal, the seeds aside." : "No setting differs, the seeds aside.");
    field("settings").hidden = !differ;
    table(field("points"), view.points);
    chips();
  }

  // ---- choosing

  function choose(item, chosen) {
    items = chosen ? [...items, item] : items.filter((i) => i !== item);
    tick();
    changed();
  }
  function tick() {
    for (const box of field("choices").querySelectorAll("input")) box.checked = items.includes(box.value);
  }
  function box(value, ariaLabel) {
    const change = ({ target }) => choose(value, target.checked);
    return make("input", { type: "checkbox", value, checked: items.includes(value), ariaLabel, on: { change } });
  }
  function choice(group) {
    const { method, setting, detail, runs } = group;
    const facts = `${setting} · n = ${group.n} · best 10: ${group.mean} %`;
    const text = make("span", {},
      make("strong", { textContent: method }), " ", make("span", { className: "lp-num", textContent: facts }),
      make("small", { textContent: detail }),
    );
    const seed = (run) =>
      make("label", {}, box(run.id, `${method}, ${setting}, seed ${run.seed}`), `seed ${run.seed}, ${run.state}`);
    const summary = make("summary", { textContent: lpwd.numbers.count(runs.length, "run") });
    const seeds = make("details", { open: runs.some((run) => items.includes(run.id)) }, summary, ...runs.map(seed));
    const all = make("label", {}, box(group.key, `${method}, ${setting}, ${detail}`), text);
    return make("li", { style: { "--lane": group.color } }, all, seeds);
  }
  function named(item) {
    const group = groups.find((g) => g.key === item || g.runs.some((run) => run.id === item));
    if (!group) return item.includes("*") ? item.split("*").slice(0, 2).join(" ") : item;
    const run = group.runs.find((r) => r.id === item);
    return `${group.method}, ${group.setting}${run ? `, seed ${run.seed}` : ""}`;
  }
  function chips() {
    const remove = (item) => button("×", () => choose(item, false), { ariaLabel: `Remove ${named(item)}` });
    field("chips").replaceChildren(...items.map((item) => make("li", {}, named(item), remove(item))));
  }
  let typed = 0;
  async function list() {
    const mine = ++typed;
    const listed = await ask(server, "choices", { search: field("search").value });
    if (mine !== typed) return;
    const chosen = (group) => items.includes(group.key) || group.runs.some((run) => items.includes(run.id));
    groups = [...listed.groups.filter(chosen), ...listed.groups.filter((group) => !chosen(group))];
    const more = listed.found > groups.length ? `, the first ${groups.length} shown: type to narrow them` : "";
    const none = "No runs yet. Start a race on the Train tab; when it has begun, its lanes can be compared here.";
    put(field("found"), listed.runs ? `${listed.found} groups of runs that differ in the seed alone${more}` : none);
    field("choices").replaceChildren(...groups.map(choice));
    chips();
  }
  field("search").addEventListener("input", list);

  // ---- taking it away

  field("link").addEventListener("click", ({ target }) => copy(target, lpwd.url.link("compare", parameters())));
  for (const format of ["png", "svg"]) {
    field(format).addEventListener("click", () => plot.picture(`compare.${format}`, format));
  }
  field("csv").addEventListener("click", async () => {
    const { problem, csv } = await ask(server, "data", { items, y: controls.y.value });
    put(field("problem"), problem);
    if (!problem) save("compare.csv", csv);
  });
  field("clear").addEventListener("click", () => {
    items = [];
    tick();
    changed();
  });
  lpwd.tabs.whenOpened("compare", () => {
    items = linked(); // another tab may have chosen runs
    list();
    show();
  });
  list();
  show();
};
