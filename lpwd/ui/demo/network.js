// Act three of the landing: a recorded pair layer by layer on one clock, and what decay alone leaves under other rules,
// at other strengths and in the paper's networks, of which nothing is recorded.
lpwd.network = (element, server, props) => {
  "use strict";
  const PLAY_MS = 6000, SETTLE_MS = 900, PAPER_DECAY = 0.5, OWN = { rule: "2i/n", order: "deep", mean: "layers" };
  const OTHERWISE = "not recorded with these settings: the height too is what decay alone leaves";
  const { put, make, table, parts } = lpwd.widgets, { field, act } = parts(element), { short, percent } = lpwd.numbers;
  const { CIVIDIS, mean, rates, course, left, color, between } = lpwd.networkRates;
  const heatmaps = lpwd.networkHeat(element), clock = field("clock"), selects = ["rule", "order", "mean"].map(field);
  let subjects = [], pair = null, decay = 0, etas = [], blocks = [], playing = 0, settling = 0, rows = [];

  // ---- what is shown

  function take({ pair: newest, multipliers, networks }) {
    if (pair && (!newest || subjects.some(({ key }) => key === newest.key))) return;
    const own = newest && { ...newest, multipliers, label: "the recorded pair", line: `Recorded: ${newest.line}` };
    subjects = [...(own ? [own] : []), ...networks];
    field("network").replaceChildren(...subjects.map(({ label }, i) => new Option(label, i)));
    choose(subjects[0]);
  }
  function choose(subject) {
    pair = subject;
    etas = course(pair.lr, pair.lanes[0].steps ?? 0, pair.lanes[0].schedule);
    clock.max = pair.epochs;
    clock.value = pair.key ? pair.epochs / 4 : pair.epochs; // at a recorded one's end hardly anything is left to see
    turn(pair.weightDecay);
    field("mean").disabled = !counts().length;
    field("fold").hidden = !pair.key;
    put(field("source"), pair.line);
    lay();
    draw();
  }
  function turn(lambda) {
    decay = lambda;
    field("decay").value = Math.log10(lambda);
    put(field("decay-is"), short(lambda, 2));
    field("decay").setAttribute("aria-valuetext", `λ ${short(lambda, 2)}`);
  }
  const counts = () => pair.lanes[0].heat.counts ?? [];
  const steps = () => Math.round((Number(clock.value) / pair.epochs) * etas.length);
  const chosen = () => Object.fromEntries(selects.map((node) => [node.dataset.f, node.value]));
  const asRecorded = () => Object.entries(OWN).every(([name, value]) => chosen()[name] === value);
  // Each row: its rates, whether its norms were recorded under them, what decay alone leaves and the norm now, by layer.
  function row(lane) {
    const { rule, order, mean: at } = chosen(), layered = lane.method === "lpwd";
    const recorded = Boolean(lane.heat.z) && decay === pair.weightDecay && (!layered || asRecorded());
    const multipliers = layered ? pair.multipliers[rule][order] : lane.heat.layers.map(() => 1);
    const own = recorded ? lane.heat.rates : rates(multipliers, decay, counts(), layered && at === "parameters");
    const done = etas.slice(0, steps()), alone = own.map((rate) => left(rate, done));
    const now = recorded ? lane.heat.z.map((series) => between(series, Number(clock.value))) : alone;
    return { lane, recorded, rates: own, alone, now };
  }

  // ---- draw

  function lay() {
    const width = (i) => ({ "--width": counts()[i] ?? 1 });
    blocks = [];
    const drawn = pair.lanes.map((lane) => {
      const own = lane.heat.layers.map((_, i) => make("div", { style: width(i) }, make("i"), make("b")));
      const title = make("span"), host = make("div", { className: "lp-net-blocks" }, ...own);
      host.setAttribute("role", "img");
      blocks.push({ own, title, host });
      return make("div", {}, make("h3", { textContent: `${lane.label} ` }, title), host);
    });
    const numbers = pair.lanes[0].heat.layers.map((_, i) => make("span", { style: width(i), textContent: String(i + 1) }));
    drawn.at(-1).append(make("div", { className: "lp-net-numbers", ariaHidden: "true" }, ...numbers));
    field("rows").replaceChildren(...drawn);
  }
  function draw() {
    const all = pair.lanes.map(row), most = Math.max(...all.flatMap((one) => one.rates));
    const epoch = Number(clock.value).toFixed(1), at = `epoch ${epoch} of ${pair.epochs}, step ${steps()}`;
    put(field("clock-is"), `${epoch} of ${pair.epochs}`);
    clock.setAttribute("aria-valuetext", at);
    all.forEach((one, i) => drawRow(one, blocks[i], most));
    const ramp = make("i", { style: { "--ramp": `linear-gradient(to right, ${CIVIDIS.join()})` } });
    field("scale").replaceChildren("λᵢ 0", ramp, short(most, 3));
    put(field("words"), words(all));
    numbers(all);
    norms();
  }
  const norms = () => field("fold").open && pair.key && heatmaps.draw(pair); // of a paper's network none are recorded
  function drawRow({ lane, recorded, rates: own, alone, now }, { own: nodes, title, host }, most) {
    put(title, recorded ? "recorded" : pair.key ? OTHERWISE : "what decay alone leaves");
    host.classList.toggle("lp-net-formula", !recorded);
    host.setAttribute("aria-label", `${lane.label}: ${nodes.length} layers; their numbers follow as a table`);
    nodes.forEach((node, i) => {
      node.style.setProperty("--now", Math.min(1, now[i]).toFixed(4));
      node.style.setProperty("--left", Math.min(1, Math.max(0, alone[i])).toFixed(4));
      node.style.setProperty("--fill", color(own[i] / most));
      node.title = `${i + 1} ${lane.heat.layers[i]}: λᵢ ${short(own[i], 3)}, norm now ${percent(now[i])}, alone ${percent(alone[i])}`;
    });
  }
  function words(all) {
    const [wd, lpwd_] = all, span = (values) => [Math.min(...values), Math.max(...values)].map(percent);
    const [low, high] = span(lpwd_.alone), weighted = mean(lpwd_.rates, counts()) / decay;
    const first = pair.lanes[0].schedule === "cosine" ? "The first" : "Each";
    const each = `${first} step takes ${percent(pair.lr * decay)} of a weight under WD`;
    const alone = `${each}; after ${lpwd.numbers.whole(steps())} steps decay alone leaves ${span(wd.alone)[0]} of its start`;
    const layered = `under LPWD between ${low} and ${high}, by layer`;
    const more = Math.abs(weighted - 1) < 0.005 ? "as much as WD" : `${short(weighted, 3)} times as much as WD`;
    const total = counts().length ? `Over all parameters LPWD decays ${more}.` : "How many parameters a layer has was not recorded.";
    const above = all.some((one) => one.recorded) ? " What stands above a mark was learned, or kept up by the gradients." : "";
    return `${alone}, ${layered}. ${total}${above}`;
  }
  function numbers(all) {
    const heads = all.flatMap(({ lane: { label } }) => [`${label} λᵢ`, `${label} decay alone leaves`, `${label} norm now`]);
    const body = pair.lanes[0].heat.layers.map((name, i) => [
      `${i + 1} ${name}`,
      counts().length ? lpwd.numbers.whole(counts()[i]) : lpwd.numbers.NONE,
      ...all.flatMap((one) => [short(one.rates[i], 4), percent(one.alone[i]), one.recorded ? percent(one.now[i]) : lpwd.numbers.NONE]),
    ]);
    rows = [["layer, shallow to deep", "parameters", ...heads], ...body];
    table(field("numbers"), rows);
  }

  // ---- act

  function play(on) {
    cancelAnimationFrame(playing);
    put(act("play"), on ? "Pause" : "Play");
    playing = 0;
    if (!on) return;
    if (Number(clock.value) >= pair.epochs) clock.value = 0;
    let last = 0, at = Number(clock.value);
    const tick = (now) => {
      at += last ? ((now - last) / PLAY_MS) * pair.epochs : 0;
      last = now;
      clock.value = at;
      draw();
      if (at >= pair.epochs || !element.isConnected) return play(false);
      playing = requestAnimationFrame(tick);
    };
    playing = requestAnimationFrame(tick);
  }
  function changed() {
    draw();
    clearTimeout(settling);
    settling = setTimeout(() => put(field("status"), field("words").textContent), SETTLE_MS);
  }
  act("play").addEventListener("click", () => pair && play(!playing));
  clock.addEventListener("input", () => {
    play(false);
    changed();
  });
  for (const node of selects) node.addEventListener("change", changed);
  field("network").addEventListener("change", ({ target }) => {
    play(false);
    choose(subjects[target.value]);
    changed();
  });
  field("decay").addEventListener("input", ({ target }) => {
    turn(Number((10 ** target.value).toPrecision(2)));
    changed();
  });
  act("paper").addEventListener("click", () => {
    turn(PAPER_DECAY);
    changed();
  });
  const { min, max } = field("decay");
  field("mark").style.setProperty("--at", (Math.log10(PAPER_DECAY) - min) / (max - min));
  field("fold").addEventListener("toggle", norms);
  act("copy").addEventListener("click", ({ target }) => lpwd.files.copy(target, lpwd.files.csv(rows)));

  take(JSON.parse(props.first));
  if (props.reading) lpwd.server.ask(server, "network").then(take, () => {}); // what came with the page stays
};
