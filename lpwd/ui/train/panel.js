// The race that the page shows: its state, charts and numbers.
lpwd.panel = (element) => {
  "use strict";
  const { put, button, link, table, parts } = lpwd.widgets, { field, act } = parts(element);
  const { NONE, fixed, whole } = lpwd.numbers, { copy, csv } = lpwd.files;
  const LANE_HEAD = ["Method", "State", "Epoch", "Training loss", "Test top-1, last (%)", "Best 10, mean ± sd (%)", "Images/s"];
  const charts = [...element.querySelectorAll("[data-chart]")].map((plot) => lpwd.chart.mount(plot, plot.dataset.chart));
  const opposing = element.querySelector("[data-chart=opposing]").closest("figure");
  let race = null, mine = false, rows = [], written = "", published = { stamp: "", lanes: [] }, seen = {};

  for (const name of ["stop", "resume"]) {
    act(name).addEventListener("click", async ({ target }) => {
      target.disabled = true;
      put(field("problem"), await lpwd.server.act(name, race.ids));
      target.disabled = false;
    });
  }
  act("copy-command").addEventListener("click", ({ target }) => copy(target, race.command));
  act("copy-csv").addEventListener("click", ({ target }) => copy(target, csv(rows)));

  function head() {
    put(field("title"), race.title);
    put(field("detail"), race.detail);
    act("stop").hidden = race.state !== "queued" || !race.canStop || !mine; // the strip stops what trains
    act("resume").hidden = !race.canResume || !mine;
    const done = race.canResume ? ` ${Math.round(race.progress * 100)} % are done.` : "";
    put(field("state"), lpwd.race.sentence(race) + done);
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
    const buttons = race.seeds.map(({ seed, state, ids, shown }) =>
      button(`seed ${seed}, ${state}`, () => lpwd.shown.show(ids), { disabled: shown }),
    );
    const runs = race.seeds.flatMap((one) => one.ids).join(",");
    const compare = link("Compare over seeds", lpwd.url.link("runs", { runs }), () => lpwd.tabs.go("runs", { runs }));
    field("seeds").replaceChildren(said, ...buttons, compare);
  }

  function numbers(curves) {
    const stamp = race.lanes.map((l) => `${l.id} ${l.state} ${l.step} ${curves[l.id]?.cursor}`).join();
    if (stamp === written) return;
    written = stamp;
    element.querySelector(".lp-below").hidden = false;
    put(field("command"), race.command);
    put(field("summary"), summary(curves));
    const colors = race.lanes.map((lane) => lane.color);
    table(field("lanes"), [LANE_HEAD, ...race.lanes.map((lane) => laneRow(lane, curves[lane.id]))], { colors });
    const columns = race.lanes.flatMap((lane) => [`${lane.label} loss`, `${lane.label} top-1 (%)`]);
    const epochs = race.lanes.map((lane) => curves[lane.id]?.epochs ?? { epoch: [] });
    const longest = epochs.reduce((a, b) => (b.epoch.length > a.epoch.length ? b : a));
    const body = longest.epoch.map((epoch) => [
      String(epoch),
      ...epochs.flatMap((e) => {
        const i = e.epoch.indexOf(epoch);
        return i < 0 ? [NONE, NONE] : [fixed(e.train_loss[i], 4), fixed(e.test_top1[i], 2)];
      }),
    ]);
    rows = [["epoch", ...columns], ...body];
    table(field("epochs"), rows);
  }
  function laneRow(lane, curve) {
    const done = curve?.epochs, last = done ? done.epoch.length - 1 : -1;
    const { best10_mean: best, best10_std: deviation } = lane.summary;
    return [
      lane.label,
      lane.state,
      `${last < 0 ? 0 : done.epoch[last]}/${lane.epochs}`,
      last < 0 ? NONE : fixed(done.train_loss[last], 4),
      last < 0 ? NONE : fixed(done.test_top1[last], 2),
      best === undefined ? NONE : `${fixed(best, 2)} ± ${fixed(deviation, 2)}`,
      lane.imagesPerSecond ? whole(Math.round(lane.imagesPerSecond)) : NONE,
    ];
  }
  // The charts in words: the last epoch that all lanes have in common, and how far apart they are.
  function summary(curves) {
    const tops = race.lanes.map((lane) => ({ lane, epochs: curves[lane.id]?.epochs }));
    const common = Math.min(...tops.map((t) => t.epochs?.epoch.at(-1) ?? 0));
    if (!common) return "";
    const at = tops.map(({ lane, epochs }) => ({ label: lane.label, top1: epochs.test_top1[epochs.epoch.indexOf(common)] }));
    const values = at.map((t) => t.top1);
    const gap = (Math.max(...values) - Math.min(...values)).toFixed(2);
    const noise = "from one seed each, so seed noise is not known";
    const apart = at.length > 1 ? ` Largest difference: ${gap} percentage points, ${noise}.` : "";
    return `Test top-1 after epoch ${common}: ${at.map(({ label, top1 }) => `${label} ${fixed(top1, 2)} %`).join(", ")}.${apart}`;
  }

  // Published runs with the same settings, behind the lanes.
  const askPublished = lpwd.polling.watch(element, "train", "published_beside", {
    ask: () => (race ? { ids: race.ids, stamp: published.stamp } : null),
    take({ stamp, lanes, line = "" }) {
      if (!lanes) return;
      published = { stamp, lanes };
      put(field("published"), line);
      draw();
    },
  });
  function draw() {
    const measured = (epochs) => epochs.opposing_count_rate.some((rate) => rate !== null);
    const hidden = !race.lanes.some(({ id }) => seen[id] && measured(seen[id].epochs));
    if (opposing.hidden !== hidden) {
      opposing.hidden = hidden;
      dispatchEvent(new Event("resize")); // the charts beside it have another width now
    }
    charts.forEach((chart) => chart(race, seen, published));
  }

  lpwd.shown.listen(element, ({ answer, curves }) => {
    if (!answer) return;
    if (answer.problem) put(field("problem"), answer.problem);
    if (!answer.race) return;
    const other = race?.ids.join() !== answer.race.ids.join();
    race = answer.race;
    if (other) {
      put(field("problem"), "");
      put(field("published"), "");
      published = { stamp: "", lanes: [] };
      askPublished();
    }
    mine = answer.mine.race;
    seen = curves;
    head();
    draw();
    numbers(curves);
  });
};
