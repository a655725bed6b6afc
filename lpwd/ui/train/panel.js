// The race that the page shows: its state, charts and numbers.
lpwd.panel = (element, plotlyPath) => {
  "use strict";
  const field = (name) => element.querySelector(`[data-f=${name}]`);
  const button = (name) => element.querySelector(`[data-act=${name}]`);
  const progress = element.querySelector(".lp-progress");
  const charts = [...element.querySelectorAll("[data-chart]")].map((plot) => lpwd.chart.mount(plot, plot.dataset.chart, plotlyPath));
  const LANE_HEAD = ["Method", "State", "Epoch", "Training loss", "Test top-1, last (%)", "Best 10, mean ± sd (%)", "Images/s"];
  let race = null, mine = false, rows = [], written = "";
  lpwd.chart.plotly(plotlyPath);

  const act = (name) => async (event) => {
    event.target.disabled = true;
    lpwd.put(field("problem"), await lpwd.act(name, race.ids));
    event.target.disabled = false;
  };
  button("stop").addEventListener("click", act("stop"));
  button("resume").addEventListener("click", act("resume"));
  button("copy-command").addEventListener("click", (event) => lpwd.copy(event.target, race.command));
  button("copy-csv").addEventListener("click", (event) => lpwd.copy(event.target, rows.map((row) => row.join(",")).join("\n") + "\n"));

  function head() {
    lpwd.put(field("title"), race.title);
    lpwd.put(field("detail"), race.detail);
    button("stop").hidden = !race.canStop || !mine;
    button("resume").hidden = !race.canResume || !mine;
    const moving = ["running", "stopping"].includes(race.state);
    progress.hidden = !(moving || race.canResume);
    lpwd.bar(progress.firstElementChild, race.progress);
    lpwd.put(field("when"), moving ? lpwd.race.when(race) : `${Math.round(race.progress * 100)} % done`);
    lpwd.put(field("state"), lpwd.race.sentence(race));
    seeds();
  }
  // Races that were started together: one is on this page, the others are a click away.
  function seeds() {
    const stamp = JSON.stringify(race.seeds);
    if (field("seeds").dataset.stamp === stamp) return;
    field("seeds").dataset.stamp = stamp;
    field("seeds").hidden = !race.seeds.length;
    const waiting = race.seeds.filter((one) => one.state === "queued").length;
    const said = `Started with ${race.seeds.length} seeds${waiting ? `, ${waiting} still waiting` : ""}:`;
    const one = ({ seed, state, ids, shown }) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "lp-button", textContent: `seed ${seed}, ${state}`, disabled: shown });
      button.addEventListener("click", () => lpwd.show(ids));
      return button;
    };
    const runs = race.seeds.flatMap((one) => one.ids).join(",");
    const compare = Object.assign(document.createElement("a"), { textContent: "Compare over seeds", href: lpwd.tabs.address("compare", { runs }) });
    compare.addEventListener("click", (event) => (event.preventDefault(), lpwd.tabs.go("compare", { runs })));
    field("seeds").replaceChildren(said, ...race.seeds.map(one), compare);
  }

  function number(value, digits) {
    return value === null || value === undefined ? "–" : value.toFixed(digits);
  }
  function numbers(curves) {
    const stamp = race.lanes.map((l) => `${l.id} ${l.state} ${l.step} ${curves[l.id]?.cursor}`).join();
    if (stamp === written) return;
    written = stamp;
    element.querySelector(".lp-below").hidden = false;
    lpwd.put(field("command"), race.command);
    lpwd.put(field("summary"), summary(curves));
    table(field("lanes"), [LANE_HEAD, ...race.lanes.map((lane) => laneRow(lane, curves[lane.id]))], race.lanes);
    const columns = race.lanes.flatMap((lane) => [`${lane.label} loss`, `${lane.label} top-1 (%)`]);
    const epochs = race.lanes.map((lane) => curves[lane.id]?.epochs ?? { epoch: [] });
    const longest = epochs.reduce((a, b) => (b.epoch.length > a.epoch.length ? b : a));
    const body = longest.epoch.map((epoch) => [
      String(epoch),
      ...epochs.flatMap((e) => {
        const i = e.epoch.indexOf(epoch);
        return i < 0 ? ["–", "–"] : [number(e.train_loss[i], 4), number(e.test_top1[i], 2)];
      }),
    ]);
    rows = [["epoch", ...columns], ...body];
    table(field("epochs"), rows);
  }
  function laneRow(lane, curve) {
    const done = curve?.epochs, last = done ? done.epoch.length - 1 : -1;
    const best = lane.summary.best10_mean === undefined ? "–" : `${number(lane.summary.best10_mean, 2)} ± ${number(lane.summary.best10_std, 2)}`;
    return [
      lane.label,
      lane.state,
      `${last < 0 ? 0 : done.epoch[last]}/${lane.epochs}`,
      last < 0 ? "–" : number(done.train_loss[last], 4),
      last < 0 ? "–" : number(done.test_top1[last], 2),
      best,
      lane.imagesPerSecond ? Math.round(lane.imagesPerSecond).toLocaleString("en") : "–",
    ];
  }
  // The charts in words: the last epoch that all lanes have in common, and how far apart they are.
  function summary(curves) {
    const tops = race.lanes.map((lane) => ({ lane, epochs: curves[lane.id]?.epochs }));
    const common = Math.min(...tops.map((t) => t.epochs?.epoch.at(-1) ?? 0));
    if (!common) return "";
    const at = tops.map(({ lane, epochs }) => ({ label: lane.label, top1: epochs.test_top1[epochs.epoch.indexOf(common)] }));
    const parts = at.map(({ label, top1 }) => `${label} ${number(top1, 2)} %`).join(", ");
    const values = at.map((t) => t.top1);
    const gap = (Math.max(...values) - Math.min(...values)).toFixed(2);
    const apart = at.length > 1 ? ` Largest difference: ${gap} percentage points, from one seed each, so seed noise is not known.` : "";
    return `Test top-1 after epoch ${common}: ${parts}.${apart}`;
  }
  function table(node, [heads, ...body], lanes) {
    const row = (cells, tag) => {
      const tr = document.createElement("tr");
      cells.forEach((cell, i) => {
        const td = tr.appendChild(document.createElement(i === 0 && tag === "td" ? "th" : tag));
        td.textContent = cell;
        if (tag === "th") td.scope = "col";
        else if (i === 0) td.scope = "row";
      });
      return tr;
    };
    const parts = [document.createElement("thead"), document.createElement("tbody")];
    parts[0].append(row(heads, "th"));
    parts[1].append(...body.map((cells) => row(cells, "td")));
    lanes?.forEach((lane, i) => parts[1].rows[i].style.setProperty("--lane", lane.color));
    node.classList.toggle("lp-lanes", Boolean(lanes));
    node.replaceChildren(...parts);
  }

  lpwd.listen(element, ({ answer, curves }) => {
    if (!answer) return;
    if (answer.problem) lpwd.put(field("problem"), answer.problem);
    if (!answer.race) return;
    if (race?.ids.join() !== answer.race.ids.join()) lpwd.put(field("problem"), "");
    race = answer.race;
    mine = answer.mine.race;
    head();
    charts.forEach((draw) => draw(race, curves));
    numbers(curves);
  });
};
