// The Compare tab: a list to tick, the overlay of what is ticked. The whole view stands in the URL.
lpwd.compare = (element, server, plotlyPath) => {
  "use strict";
  const field = (name) => element.querySelector(`[data-f=${name}]`);
  const controls = Object.fromEntries([...element.querySelectorAll("[data-v]")].map((node) => [node.dataset.v, node]));
  const plot = lpwd.figure(field("plot"), plotlyPath);
  const first = Object.fromEntries(Object.entries(controls).map(([name, node]) => [name, read(node)]));
  const FOLLOW_MS = 2000; // while a chosen run trains and somebody looks
  const linked = () => lpwd.tabs.parameter("runs").split(",").filter(Boolean);
  let items = linked(), groups = [], asking = false, again = false, moving = false, stamp = "";

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
  function link() {
    return lpwd.tabs.address("compare", parameters());
  }
  for (const [name, node] of Object.entries(controls)) {
    const asked = lpwd.tabs.parameter(name);
    if (node.type === "checkbox") node.checked = asked === "1";
    else if (asked && (node.type === "range" || [...node.options].some((o) => o.value === asked))) node.value = asked;
    node.addEventListener("input", changed);
  }

  // ---- asking: one request at a time, the last wish wins

  function changed() {
    lpwd.tabs.remember(parameters());
    show();
  }
  // `follow`: the same view again, where a run may have recorded more.
  async function show(follow = false) {
    const smooth = Number(controls.smooth.value);
    lpwd.put(field("smooth-is"), smooth ? smooth.toFixed(2) : "off");
    field("empty").hidden = items.length > 0;
    if (!items.length) return void (field("shown").hidden = true);
    if (asking) return void (again = !follow || again);
    asking = true;
    if (!follow) stamp = "";
    const v = values();
    const asked = { items, y: v.y, x: v.x, logs: (v.logx && "x") + (v.logy && "y"), smooth, value: v.value, each: Boolean(v.each), stamp };
    try {
      take(JSON.parse(await server.compare_view(JSON.stringify(asked))));
    } catch (error) {
      lpwd.put(field("problem"), "No answer from the app; try again.");
    }
    asking = false;
    if (again) {
      again = false;
      show();
    }
  }
  function take(told) {
    lpwd.put(field("problem"), told.problem ?? "");
    if (told.problem || !items.length) return void (moving = false);
    if (moving && !told.moving) list(); // it has ended: its state and result stand in the list too
    moving = told.moving;
    if (told.stamp === stamp) return;
    stamp = told.stamp;
    field("shown").hidden = false;
    plot.draw(told.figure);
    lpwd.put(field("summary"), told.summary);
    if (told.verdicts.join() !== [...field("verdicts").children].map((li) => li.textContent).join()) field("verdicts").replaceChildren(...told.verdicts.map((text) => node("li", text))); // announced only where it is another
    lpwd.table(field("results"), told.results);
    told.entries.forEach((entry, i) => field("results").tBodies[0].rows[i].style.setProperty("--lane", entry.color));
    lpwd.table(field("settings"), told.settings);
    lpwd.put(field("same"), told.settings.length > 1 ? "Everything else is equal, the seeds aside." : "No setting differs, the seeds aside.");
    field("settings").hidden = told.settings.length === 1;
    lpwd.table(field("points"), told.points);
    chips();
  }

  // ---- choosing

  function node(tag, text, className = "") {
    return Object.assign(document.createElement(tag), { textContent: text, className });
  }
  function choose(item, chosen) {
    items = chosen ? [...items, item] : items.filter((i) => i !== item);
    tick();
    changed();
  }
  function tick() {
    for (const box of field("choices").querySelectorAll("input")) box.checked = items.includes(box.value);
  }
  function box(value, name) {
    const input = Object.assign(document.createElement("input"), { type: "checkbox", value, checked: items.includes(value) });
    input.setAttribute("aria-label", name);
    input.addEventListener("change", () => choose(value, input.checked));
    return input;
  }
  function choice(group) {
    const li = document.createElement("li"), label = document.createElement("label"), text = document.createElement("span");
    li.style.setProperty("--lane", group.color);
    const name = node("strong", group.method), facts = node("span", `${group.setting} · n = ${group.n} · best 10: ${group.mean} %`, "lp-num");
    text.append(name, " ", facts, node("small", group.detail));
    label.append(box(group.key, `${group.method}, ${group.setting}, ${group.detail}`), text);
    li.append(label);
    const seeds = document.createElement("details");
    seeds.append(node("summary", `${group.runs.length} run${group.runs.length > 1 ? "s" : ""}`));
    for (const run of group.runs) {
      const one = document.createElement("label");
      one.append(box(run.id, `${group.method}, ${group.setting}, seed ${run.seed}`), `seed ${run.seed}, ${run.state}`);
      seeds.append(one);
    }
    seeds.open = group.runs.some((run) => items.includes(run.id));
    li.append(seeds);
    return li;
  }
  function named(item) {
    const group = groups.find((g) => g.key === item || g.runs.some((run) => run.id === item));
    if (!group) return item.includes("*") ? item.split("*").slice(0, 2).join(" ") : item;
    const run = group.runs.find((r) => r.id === item);
    return `${group.method}, ${group.setting}${run ? `, seed ${run.seed}` : ""}`;
  }
  function chips() {
    const one = (item) => {
      const li = document.createElement("li"), button = node("button", "×", "lp-button");
      button.type = "button";
      button.setAttribute("aria-label", `Remove ${named(item)}`);
      button.addEventListener("click", () => choose(item, false));
      li.append(named(item), button);
      return li;
    };
    field("chips").replaceChildren(...items.map(one));
  }
  let typed = 0;
  async function list() {
    const mine = ++typed;
    const told = JSON.parse(await server.choices(JSON.stringify({ search: field("search").value })));
    if (mine !== typed) return;
    const chosen = (group) => items.includes(group.key) || group.runs.some((run) => items.includes(run.id));
    groups = [...told.groups.filter(chosen), ...told.groups.filter((group) => !chosen(group))];
    const more = told.found > groups.length ? `, the first ${groups.length} shown: type to narrow them` : "";
    const none = "No runs yet. Start a race on the Train tab; when it has begun, its lanes can be compared here.";
    lpwd.put(field("found"), told.runs ? `${told.found} groups of runs that differ in the seed alone${more}` : none);
    field("choices").replaceChildren(...groups.map(choice));
    chips();
  }
  field("search").addEventListener("input", list);

  // ---- taking it away

  field("link").addEventListener("click", (event) => lpwd.copy(event.target, link()));
  for (const format of ["png", "svg"]) field(format).addEventListener("click", () => plot.picture(`compare.${format}`, format));
  field("csv").addEventListener("click", async () => {
    const told = JSON.parse(await server.data(JSON.stringify({ items, y: controls.y.value })));
    const url = URL.createObjectURL(new Blob([told.csv], { type: "text/csv" }));
    lpwd.download("compare.csv", url);
    URL.revokeObjectURL(url);
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
  const watch = setInterval(() => {
    if (!element.isConnected) clearInterval(watch);
    else if (moving && !document.hidden && lpwd.tabs.isOpen("compare")) show(true);
  }, FOLLOW_MS);
  list();
  show();
};
