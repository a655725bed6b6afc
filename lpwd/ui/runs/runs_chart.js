// The pinned chart: the overlay of what is ticked, with its verdicts. What it shows stands in the URL.
lpwd.runsChart = (element, server, ticks) => {
  "use strict";
  const MOST = 60; // runs in one picture
  const panel = element.querySelector(".lp-compared");
  const { items: listItems, put, table, parts } = lpwd.widgets, { field } = parts(panel);
  const { ask } = lpwd.server, { copy, save } = lpwd.files;
  const controls = Object.fromEntries([...panel.querySelectorAll("[data-v]")].map((node) => [node.dataset.v, node]));
  const plot = lpwd.figure(field("plot"));
  const first = values();
  let stamp = "", layer = lpwd.url.parameter("layer"); // which is offered once the layers are known

  function read(node) {
    return node.type === "checkbox" ? (node.checked ? "1" : "") : node.value;
  }
  function values() {
    return Object.fromEntries(Object.entries(controls).map(([name, node]) => [name, read(node)]));
  }
  // Only what differs from the first view, so that links stay short.
  function parameters() {
    const changed = Object.entries(values()).map(([name, value]) => [name, value === first[name] ? "" : value]);
    return { ...Object.fromEntries(changed), layer };
  }
  for (const [name, node] of Object.entries(controls)) {
    const value = lpwd.url.parameter(name);
    if (node.type === "checkbox") node.checked = value === "1";
    else if (value && (node.type === "range" || [...node.options].some((o) => o.value === value))) node.value = value;
    node.addEventListener("input", () => {
      if (name === "layer") layer = node.value;
      lpwd.url.remember(parameters());
      show();
    });
  }

  // ---- what the server says of it

  const drawable = () => ticks.list().length > 0 && ticks.count() <= MOST;
  function question() {
    const { y, x, logx, logy, smooth, value, each } = values();
    const logs = (logx && "x") + (logy && "y");
    return { items: ticks.list(), y, x, logs, smooth: Number(smooth), value, each: Boolean(each), layer, stamp };
  }
  const askNow = lpwd.polling.watch(element, "runs", "compare", { ask: () => (drawable() ? question() : null), take, problems: true });

  function show() {
    const smooth = Number(controls.smooth.value), many = ticks.count();
    put(field("smooth-is"), smooth ? smooth.toFixed(2) : "off");
    field("empty").hidden = ticks.list().length > 0;
    put(field("problem"), many > MOST ? `${lpwd.numbers.count(many, "run")} are ticked: at most ${MOST} are drawn.` : "");
    field("importing").hidden = true;
    stamp = "";
    if (drawable()) askNow();
    else field("shown").hidden = true;
  }
  function take(view) {
    put(field("problem"), view.problem);
    if (view.problem || !drawable() || view.stamp === stamp) return;
    stamp = view.stamp;
    field("shown").hidden = false;
    offer(view.layers);
    plot.draw(view.figure);
    put(field("summary"), view.summary);
    put(field("origins"), view.origins);
    const said = [...field("verdicts").children].map((li) => li.textContent).join();
    if (view.verdicts.join() !== said) field("verdicts").replaceChildren(...listItems(view.verdicts)); // announced
    table(field("results"), view.results, { colors: view.entries.map((entry) => entry.color) });
    table(field("settings"), view.settings);
    const differ = view.settings.length > 1;
    put(field("same"), differ ? "Everything else is equal, the seeds aside." : "No setting differs, the seeds aside.");
    field("settings").hidden = !differ;
    table(field("points"), view.points);
  }
  function offer(layers) {
    field("of-layer").hidden = !layers.length;
    const names = ["", ...layers];
    if (names.join() !== [...controls.layer.options].map((o) => o.value).join())
      controls.layer.replaceChildren(...names.map((name) => new Option(name || "every layer", name)));
    controls.layer.value = names.includes(layer) ? layer : "";
  }

  // ---- taking it away

  const all = () => ({ tab: "runs", runs: ticks.list().join(","), ...parameters() });
  field("link").addEventListener("click", ({ target }) => copy(target, lpwd.url.link("runs", all())));
  for (const format of ["png", "svg"]) {
    field(format).addEventListener("click", () => plot.picture(`lpwd-runs.${format}`, format));
  }
  field("curves").addEventListener("click", async () => {
    const { problem, csv } = await ask(server, "data", { items: ticks.list(), y: controls.y.value, layer });
    put(field("problem"), problem);
    if (!problem) save("lpwd-curves.csv", csv);
  });
  field("trackio").addEventListener("click", async () => {
    const { problem, text, file, line } = await ask(server, "trackio", { items: ticks.list() });
    put(field("problem"), problem);
    field("importing").hidden = Boolean(problem);
    if (problem) return;
    put(field("line"), line);
    save(file, text);
  });
  field("copy-line").addEventListener("click", ({ target }) => copy(target, field("line").textContent));
  field("clear").addEventListener("click", () => ticks.replace([]));
  return { show };
};
