// Act two of the landing: a recorded scan over lambda under a slider, and one live seed in the same charts.
lpwd.penalty = (element, server, props) => {
  "use strict";
  const SETTLE_MS = 250, CLOSE = 8; // points of top-1 in a close-up
  const { put, make, table, parts } = lpwd.widgets, { field, act } = parts(element), { copy, csv } = lpwd.files;
  const words = lpwd.penaltyWords, { frames, ...first } = JSON.parse(props.scans);
  const VALUES = { best10_mean: "mean of the best 10 epochs", last_top1: "last epoch" };
  const scans = {}; // name -> what was fetched
  let digests = first.digests, reading = first.reading, settling = 0, touched = false, tables = {};
  const linked = { scan: lpwd.url.parameter("demo_scan"), decay: Number(lpwd.url.parameter("demo_wd")) };
  let frame = frames.find(({ name }) => name === linked.scan) ?? frames.find(({ name }) => digests[name]) ?? frames[0];
  let at = 0, value = "best10_mean", close = false;
  const hidden = new Set(); // methods
  const charts = Object.fromEntries(["loss", "top1", "result"].map((name) => [name, lpwd.penaltyChart.mount(field(name))]));
  const scan = () => scans[frame.name] ?? null, decay = () => frame.decays[at];
  const shown = () => frame.methods.filter(({ method }) => !hidden.has(method));
  const cell = () => ({ scan: frame.name, decay: decay(), methods: shown().map(({ method }) => method) });

  // ---- controls

  function choices(name, options, chosen, choose) {
    for (const [key, text] of Object.entries(options)) {
      const input = make("input", { type: "radio", name: `lp-penalty-${name}`, value: key, checked: key === chosen });
      input.addEventListener("change", () => choose(key));
      field(name).append(make("label", {}, input, text));
    }
  }
  choices("scans", Object.fromEntries(frames.map(({ name, label }) => [name, label])), frame.name, (name) => {
    frame = frames.find((other) => other.name === name);
    begin();
  });
  choices("values", { best10_mean: "best 10", last_top1: "last epoch" }, value, (key) => ((value = key), draw()));
  choices("axes", { whole: "0–100", close: "close up" }, "whole", (key) => ((close = key === "close"), draw()));
  field("decay").addEventListener("input", ({ target }) => turn(Number(target.value)));
  lpwd.penaltyPointer(field("loss"), charts.loss, "epoch", 3);
  lpwd.penaltyPointer(field("top1"), charts.top1, "epoch", 2);
  lpwd.penaltyPointer(field("result"), charts.result, "λ", 2, (wanted) => turn(place(wanted)));

  // The recorded lambda nearest to this one in ratio.
  function place(wanted) {
    const away = frame.decays.map((value) => Math.abs(Math.log(value / wanted)));
    return away.indexOf(Math.min(...away));
  }
  function turn(next) {
    if (next === at) return;
    [at, touched] = [next, true];
    draw();
    settle();
  }
  // When the hand rests: the address, and what the server knows of this cell.
  function settle() {
    clearTimeout(settling);
    settling = setTimeout(() => {
      lpwd.url.remember({ tab: "demo", demo_scan: frame.name, demo_wd: String(decay()) });
      folds();
      live.ask();
    }, SETTLE_MS);
  }
  function legend() {
    field("legend").replaceChildren(...frame.methods.map((style) => {
      const click = ({ currentTarget }) => {
        if (!hidden.delete(style.method)) hidden.add(style.method);
        currentTarget.setAttribute("aria-pressed", String(!hidden.has(style.method)));
        draw();
        settle();
      };
      const node = lpwd.widgets.button("", click);
      node.setAttribute("aria-pressed", String(!hidden.has(style.method)));
      node.append(lpwd.penaltyAxes.sample(style), style.label);
      return node;
    }));
  }

  // ---- the recorded scan: fetched once, after the page is painted

  // A scan comes up: at the strength of the link, else where its rule opens it.
  function begin() {
    const open = linked.decay || scan()?.open || 0.5;
    at = place(linked.scan && linked.scan !== frame.name ? scan()?.open || 0.5 : open);
    bring();
  }
  function bring() {
    field("decay").max = frame.decays.length - 1;
    legend();
    draw();
    if (digests[frame.name] && !scan()) fetchScan(); // which asks
    else live.ask();
  }
  async function fetchScan() {
    const { name } = frame, digest = digests[name];
    if (!digest || scans[name]?.digest === digest) return;
    try {
      const found = await lpwd.penaltyScan.read(name, digest);
      if (found) scans[name] = { ...found, digest };
      else digests = { ...digests, [name]: "" };
    } catch (error) {
      put(field("says"), "The recorded scan did not arrive; reload the page to try again.");
      return live.ask();
    }
    if (name !== frame.name) return;
    if (!digests[name]) return bring();
    if (!touched && !linked.decay && scan().open) at = place(scan().open);
    draw();
    folds();
    live.ask();
  }
  lpwd.polling.watch(element, "demo", "scans", {
    ask: () => (reading ? {} : null),
    take(answer) {
      [digests, reading] = [answer.digests, answer.reading];
      fetchScan();
    },
  });

  // ---- draw

  function draw() {
    const drawnLive = live.lanes(), opacity = drawnLive.length ? 0.5 : 1;
    const cells = scan() ? shown().map((style) => ({ ...style, cell: scan().methods[style.method][at] })).filter((line) => line.cell) : [];
    const epochs = Array.from({ length: frame.epochs }, (_, i) => i + 1);
    const curves = (name) => [
      ...cells.map(({ cell: { [name]: { mean, low, high } }, ...style }) =>
        ({ ...style, id: style.method, opacity, x: mean.length ? epochs : [], y: mean, low, high })),
      ...drawnLive.flatMap((lane) => liveLines(lane, name)),
    ];
    const top = close ? [Math.ceil(scan()?.highestTop1 ?? 100) - CLOSE, Math.ceil(scan()?.highestTop1 ?? 100)] : [0, 100];
    const epochAxis = { title: "epoch", range: [0, frame.epochs] }, where = `at λ ${decay()}; the numbers follow below`;
    const nats = { title: "cross-entropy (nats)", range: [0, Math.max(0.5, scan()?.highestLoss ?? 5)] };
    const level = { value: frame.chance, name: `chance, ${frame.chance} %` };
    const percent = { title: "test top-1 (%)", range: top }, { decays } = frame;
    const strengths = { title: "weight decay λ", log: true, range: [decays[0] / 1.2, decays.at(-1) * 1.2], values: decays };
    const overStrengths = `Test top-1, ${VALUES[value]}, over λ, the cursor at ${decay()}`;
    charts.loss.draw({ x: epochAxis, y: nats }, curves("loss"), { label: `Training loss over epochs ${where}` });
    charts.top1.draw({ x: epochAxis, y: percent }, curves("top1"), { label: `Test top-1 over epochs ${where}`, level });
    charts.result.draw({ x: strengths, y: percent }, results(drawnLive), { label: overStrengths, level, cursor: decay() });
    say();
  }
  function results(drawnLive) {
    const lines = (scan() ? shown() : []).map((style) => {
      const found = scan().methods[style.method].map((cell) => (cell?.[value].n ? cell[value] : null));
      const beside = (sign) => found.map((spread) => (spread?.std == null ? null : spread.mean + sign * spread.std));
      const y = found.map((spread) => spread?.mean ?? null);
      return { ...style, id: style.method, dots: true, x: frame.decays, y, low: beside(-1), high: beside(1) };
    });
    const done = drawnLive.filter(({ summary }) => summary[value] !== undefined);
    return [...lines, ...done.map((lane) =>
      ({ ...lane, label: `${lane.label}, here`, width: 3, dots: true, x: [decay()], y: [lane.summary[value]] }))];
  }
  function liveLines(lane, name) {
    const { losses, epochs } = live.points(lane.id), y = name === "loss" ? epochs.train_loss : epochs.test_top1;
    const line = { ...lane, label: `${lane.label}, here`, width: 3.5, x: [...epochs.epoch], y: [...y], dots: y.length === 1 };
    if (name !== "loss" || !lane.totalSteps || y.length > 1) return [line];
    const x = losses.step.map((step) => (step * lane.epochs) / lane.totalSteps); // before there is a curve
    return [line, { ...line, id: `${lane.id}-steps`, raw: true, width: 1, dots: false, x, y: [...losses.loss] }];
  }

  // ---- words: of what is drawn

  function say() {
    const found = scan(), slider = field("decay"), text = `λ ${decay()}`;
    slider.value = at;
    slider.setAttribute("aria-valuetext", text);
    put(field("decay-is"), String(decay()));
    put(field("result-title"), `Test top-1 over λ, ${VALUES[value]}`);
    const none = digests[frame.name] ? "Reading the recorded scan …" : empty();
    put(field("says"), found ? found.says[value][at] || `Nothing is recorded at ${text} yet.` : none);
    put(field("hint"), found ? words.hint(found, value, at) : "");
    const cells = Object.fromEntries(frame.methods.map(({ method, label }) => [label, found?.methods[method][at]]));
    put(field("shrink"), words.shrink(frame, decay(), found?.methods.lpwd?.[at]));
    put(field("warning"), words.warning(frame, decay(), cells));
    fill(field("at"), words.rows(frame, found, value, at), frame.methods.map(({ color }) => color));
    put(field("source"), found ? `Recorded: ${found.line}; from ${found.source}. Bands: one standard deviation over seeds.` : "");
  }
  const empty = () =>
    `No run of preset ${frame.name} is published yet, so nothing is recorded here: run a seed here, or train all with ` +
    `\`python -m lpwd sweep ${frame.name}\`.`;
  // Cells of a table that is there already are only written anew.
  function fill(node, rows, colors) {
    const cells = node.querySelectorAll("th, td");
    if (cells.length !== rows.flat().length) return table(node, rows, { colors });
    rows.flat().forEach((text, i) => put(cells[i], text));
    node.querySelectorAll("tbody tr").forEach((row, i) => row.style.setProperty("--lane", colors[i]));
  }
  // The long tables: made when they are open and the hand rests.
  function folds() {
    tables = { epochs: byEpoch, strengths: byStrength };
    for (const [name, rows] of Object.entries(tables)) if (field(`${name}-fold`).open) table(field(name), rows());
  }
  for (const name of ["epochs", "strengths"]) {
    field(`${name}-fold`).addEventListener("toggle", folds);
    act(`copy-${name}`).addEventListener("click", ({ target }) => copy(target, csv(tables[name]())));
  }
  function byEpoch() {
    const series = ["loss", "top1"].flatMap((name) => charts[name].series().filter(({ raw }) => !raw)
      .map(({ label, y }) => [`${label} ${name === "loss" ? "loss" : "top-1 (%)"}`, y, name === "loss" ? 4 : 2]));
    const rows = Array.from({ length: frame.epochs }, (_, i) =>
      [String(i + 1), ...series.map(([, y, digits]) => lpwd.numbers.fixed(y[i], digits))]);
    return [["epoch", ...series.map(([head]) => head)], ...rows];
  }
  function byStrength() {
    const found = scan(), heads = frame.methods.flatMap(({ label, method }) => [label, ...(method === "wd" ? [] : [`${label} minus WD`])]);
    const row = (i) => frame.methods.flatMap(({ method }) => {
      const spread = found?.methods[method][i]?.[value] ?? { n: 0 }, own = words.spread(spread);
      return method === "wd" ? [own] : [own, words.difference(found?.minusWd[value][method]?.[i])];
    });
    return [["λ", ...heads], ...frame.decays.map((strength, i) => [String(strength), ...row(i)])];
  }

  // ---- life

  const live = lpwd.penaltyLive(element, server, cell, (moved) => {
    if (moved) {
      frame = frames.find(({ name }) => name === moved.scan);
      field("scans").querySelector(`[value=${frame.name}]`).checked = true;
      [at, touched] = [place(moved.decay), true];
      bring();
    } else draw();
    folds();
  });
  const ids = lpwd.url.parameter("demo_runs").split(",").filter(Boolean);
  if (ids.length) live.watch(ids);
  begin();
};
