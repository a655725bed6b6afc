// The Demo tab: the recorded pair plays, then a pair trains here; both stand in one chart. A link carries all of it.
lpwd.demo = (element, server, props) => {
  "use strict";
  const PLAY_MS = 5000, FRAME_MS = 80, SETTLE_MS = 250;
  const ENDED = ["finished", "diverged"];
  const { put, bar, table, parts } = lpwd.widgets, { field, act } = parts(element);
  const { fixed, short, percent } = lpwd.numbers, { copy, csv } = lpwd.files;
  const charts = [...element.querySelectorAll("[data-chart]")].map((plot) => lpwd.chart.mount(plot, plot.dataset.chart));
  const heatmaps = lpwd.demoFigures(element);
  const stops = JSON.parse(props.stops);
  const sliders = { lr: slider("lr"), weightDecay: slider("weightDecay") };
  let recorded = null, version = "", reading = true, at = 0, playing = 0; // the recorded pair, drawn up to epoch `at`
  let ids = [], live = null, curves = {}, heats = null, stamp = ""; // the pair that trains or trained here
  let known = null, asked = 0, settling = 0, starting = false, busy = false, touched = false, rows = [];

  // ---- settings: sliders and URL

  function slider(name) {
    const node = field(name), values = [...stops[name]];
    const show = () => {
      const text = String(values[node.value]);
      put(field(`${name}-is`), text);
      node.setAttribute("aria-valuetext", text);
    };
    const set = (value) => {
      if (!values.includes(value)) values.push(value), values.sort((a, b) => a - b);
      node.max = values.length - 1;
      node.value = values.indexOf(value);
      show();
    };
    node.addEventListener("input", () => {
      touched = true;
      show();
      clearTimeout(settling);
      settling = setTimeout(moved, SETTLE_MS);
    });
    return { set, value: () => values[node.value] };
  }
  const wanted = () => ({ lr: sliders.lr.value(), weight_decay: sliders.weightDecay.value() });
  function remember() {
    const { lr, weight_decay } = wanted();
    lpwd.url.remember({ tab: "demo", demo_lr: String(lr), demo_wd: String(weight_decay), demo_runs: ids.join(",") });
  }
  const atSliders = () => live && live.lr === sliders.lr.value() && live.weightDecay === sliders.weightDecay.value();
  async function moved() {
    await situation();
    if (!working() && !atSliders()) known?.finished.length ? watch(known.shown) : watch([]);
    remember();
    say();
  }

  // ---- what the server knows

  async function situation() {
    const mine = ++asked;
    const answer = await lpwd.server.ask(server, "situation", wanted());
    if (mine !== asked) return;
    known = answer.problem ? null : answer;
    put(field("problem"), answer.problem);
    say();
  }
  // What came with the page is drawn at once; published results that were read since then follow.
  lpwd.polling.watch(element, "demo", "recorded", { ask: () => (reading ? { version } : null), take: takeRecorded });

  function takeRecorded(answer) {
    const before = recorded?.key;
    [version, reading] = [answer.version, answer.reading];
    if (answer.pair) recorded = answer.pair;
    const changed = recorded && recorded.key !== before;
    const within = (name) => recorded[name] >= stops[name][0] && recorded[name] <= stops[name].at(-1);
    if (changed && !touched && !live && within("lr") && within("weightDecay")) given([recorded.lr, recorded.weightDecay]);
    if (changed || !asked) situation();
    if (changed) play();
    else draw();
  }
  const look = lpwd.polling.watch(element, "demo", "pair", {
    ask() {
      if (!ids.length || ENDED.includes(live?.race.state)) return null; // a stopped one may go on
      return { ids, cursors: Object.fromEntries(ids.map((id) => [id, curves[id]?.cursor ?? ""])), stamp };
    },
    take,
  });
  function watch(next) {
    if (next.join() !== ids.join() || !next.length) {
      [ids, live, curves, heats, stamp] = [next, null, {}, null, ""];
      draw();
    }
    look();
  }
  function take(answer) {
    put(field("problem"), answer.problem);
    if (answer.problem) return void watch([]);
    const first = !live, before = working();
    live = answer;
    for (const [id, delta] of Object.entries(answer.curves)) lpwd.curves.merge(curves, id, delta);
    if (answer.heats) heats = answer.heats;
    stamp = answer.stamp;
    draw();
    say();
    if (first && !atSliders()) {
      sliders.lr.set(live.lr);
      sliders.weightDecay.set(live.weightDecay);
      situation();
    }
    if (before && !working()) situation();
  }
  const working = () => Boolean(live) && ["queued", "running", "stopping"].includes(live.race.state);

  // ---- act

  field("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (starting) return;
    starting = true;
    put(field("problem"), "");
    say();
    try {
      const answer = await lpwd.server.ask(server, "run_pair", wanted());
      put(field("problem"), answer.problem ? `Not started. ${answer.problem}` : "");
      if (answer.ids) {
        watch(answer.ids);
        remember();
      }
    } catch (error) {
      put(field("problem"), "No answer from the app; try again.");
    }
    starting = false;
    say();
  });
  act("stop").addEventListener("click", async () => {
    put(field("problem"), await lpwd.server.act("stop", ids));
    look();
  });
  act("copy-epochs").addEventListener("click", ({ target }) => copy(target, csv(rows)));

  // ---- play and draw

  function play() {
    clearInterval(playing);
    const begun = performance.now(), last = recorded.epochs;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches || live;
    at = still ? last : Math.min(1, last);
    draw();
    if (still) return;
    playing = setInterval(() => {
      at = Math.min(last, 1 + ((performance.now() - begun) / PLAY_MS) * (last - 1));
      if (at === last || !element.isConnected) clearInterval(playing);
      draw();
    }, FRAME_MS);
  }
  // The curve up to a place between two epochs.
  function cut(values) {
    const whole = Math.floor(at), rest = at - whole, shown = values.slice(0, whole);
    if (!rest || whole >= values.length) return shown;
    return [...shown, values[whole - 1] + rest * (values[whole] - values[whole - 1])];
  }
  const together = () => recorded && (!live || live.task === recorded.task);
  // In what settings the recorded pair differs from the one beside it.
  function otherwise() {
    const differs = [["η", "lr"], ["λ", "weightDecay"]].filter(([, name]) => live && live[name] !== recorded[name]);
    return differs.map(([symbol, name]) => ` ${symbol} ${recorded[name]}`).join();
  }
  function draw() {
    const lanes = [], points = { ...curves };
    for (const lane of together() ? recorded.lanes : []) {
      const id = `recorded-${lane.method}`, label = `${lane.label}, recorded${otherwise()}`;
      lanes.push({ ...lane, id, label, thin: true, faded: Boolean(live), totalSteps: 1, epochs: recorded.epochs });
      const epochs = { epoch: cut(lane.epoch), train_loss: cut(lane.train_loss), test_top1: cut(lane.test_top1) };
      points[id] = { cursor: `${recorded.key} ${at}`, losses: { step: [], loss: [] }, epochs };
    }
    if (live) lanes.push(...live.race.lanes);
    const epochs = Math.max(live?.race.epochs ?? 0, together() ? recorded.epochs : 0);
    const race = { ids: lanes.map((lane) => lane.id), lanes, epochs };
    if (lanes.length) charts.forEach((chart) => chart({ ...race, ranges: live ? null : ranges() }, points));
    heat();
    numbers();
    words();
  }
  // While the recorded pair plays alone, its axes stand still.
  function ranges() {
    const range = (name) => {
      const values = recorded.lanes.flatMap((lane) => lane[name]), low = Math.min(...values), high = Math.max(...values);
      const pad = 0.06 * (high - low || 1);
      return [low - pad, high + pad];
    };
    return { loss: range("train_loss"), top1: range("test_top1") };
  }
  function heat() {
    if (heats?.every(Boolean)) {
      const where = `here, seed ${live.seed}`;
      const lanes = heats.map((found, i) => ({ ...live.race.lanes[i], heat: found, words: found.words, where }));
      heatmaps.draw(lanes, Math.max(...heats.map((found) => found.z[0].length - 1)), live.race.epochs, stamp);
    } else if (recorded && !live) {
      const lanes = recorded.lanes.map((lane) => ({ ...lane, where: `recorded, seed ${recorded.seed}` }));
      heatmaps.draw(lanes, Math.floor(at), recorded.epochs, recorded.key);
    }
  }
  function numbers() {
    if (playing && recorded && at < recorded.epochs && !live) return;
    const series = [];
    if (together()) for (const lane of recorded.lanes) series.push([`${lane.label} recorded`, lane]);
    for (const lane of live?.race.lanes ?? []) if (curves[lane.id]) series.push([`${lane.label} here`, curves[lane.id].epochs]);
    const longest = Math.max(0, ...series.map(([, points]) => points.epoch.length));
    const both = (points, i) => [fixed(points.train_loss[i], 4), fixed(points.test_top1[i], 2)];
    const body = Array.from({ length: longest }, (_, i) => [String(i + 1), ...series.flatMap(([, points]) => both(points, i))]);
    const next = [["epoch", ...series.flatMap(([name]) => [`${name} loss`, `${name} top-1 (%)`])], ...body];
    if (next.join() === rows.join()) return;
    rows = next;
    table(field("epochs"), rows);
    const end = ([name, { epoch, test_top1: top1 }]) => `${name} ${fixed(top1.at(-1), 2)} % (epoch ${epoch.at(-1)})`;
    const ends = series.filter(([, points]) => points.epoch.length).map(end);
    put(field("summary"), ends.length ? `Last test top-1: ${ends.join(", ")}.` : "");
  }

  // ---- words

  function words() {
    if (!recorded) return put(field("verdict-recorded"), "No published pair of WD and LPWD is at hand; run one here.");
    put(field("verdict-recorded"), recorded.verdict);
    const other = " It is of another data set or model than the pair trained here, so it is not drawn beside it.";
    put(field("source"), `Recorded: ${recorded.line}${together() ? "" : other}`);
  }
  function say() {
    const mine = working();
    put(act("run"), label());
    act("run").setAttribute("aria-disabled", String(starting)); // a disabled one would lose the focus
    hide("run", mine && atSliders() && !starting, "stop");
    hide("stop", !mine, "run");
    act("stop").disabled = mine && !(live.race.canStop && live.mine); // somebody else's may only be watched
    field("progress").hidden = !mine;
    if (mine) {
      bar(field("progress").firstElementChild, live.race.progress);
      put(field("when"), lpwd.race.when(live.race));
    }
    put(field("state"), starting ? "Checking model and data …" : live ? progress() : "");
    put(field("offer"), known ? offer() : "");
    const said = known?.verdict || (mine ? "No verdict yet: it follows when both lanes have finished." : "");
    field("here").hidden = !said;
    put(field("verdict-here"), said);
  }
  // Who pressed the one by keyboard stands on the other.
  function hide(name, hidden, other) {
    const focused = document.activeElement === act(name);
    act(name).hidden = hidden;
    if (hidden && focused) act(other).hidden = false, act(other).focus();
  }
  function label() {
    if (!known) return "Run it here";
    if (known.working) return `Watch seed ${known.next}`;
    if (known.begun) return `Go on with seed ${known.next}`;
    return known.next ? `Run seed ${known.next} here` : "Run it here";
  }
  function progress() {
    const { race, seed, mine } = live, at = `epoch ${Math.max(1, race.epoch)} of ${race.epochs}`;
    if (race.state === "stopped") return `Seed ${seed} was stopped in ${at}; it can go on from there.`;
    const doing = { running: "Training", finished: "Finished here:" }[race.state];
    const whose = working() && !mine ? ", started by somebody else" : "";
    const what = doing ? `${doing} seed ${seed}, ${race.device || "this machine"}${whose}.` : "";
    return `${what} ${lpwd.race.sentence(race)}`.trim();
  }
  function offer() {
    const { lr, weight_decay } = wanted(), { finished } = known;
    const done = `Finished here at these settings: seed${finished.length > 1 ? "s" : ""} ${finished.join(", ")}.`;
    const seeds = finished.length ? ` ${done}` : "";
    const waits = (working() ? !atSliders() : busy) ? " Another race is training, so this one would wait for it." : "";
    const does = working() && atSliders() ? "Running here" : "To run here";
    const shrink = `Each step shrinks the weights by ηλ = ${percent(lr * weight_decay)}`;
    return `${does}: ${known.line}. ${shrink}, and with LPWD by up to twice that in the deepest layer.${seeds}${waits}`;
  }

  // ---- life

  const number = (name) => {
    const value = Number(lpwd.url.parameter(name));
    return Number.isFinite(value) && value > 0 ? value : null;
  };
  const linked = { lr: number("demo_lr"), weightDecay: number("demo_wd") };
  const given = (first) => {
    sliders.lr.set(linked.lr ?? first[0]);
    sliders.weightDecay.set(linked.weightDecay ?? first[1]);
  };
  given(stops.strong);
  const linkedIds = lpwd.url.parameter("demo_runs").split(",").filter(Boolean);
  if (linkedIds.length) watch(linkedIds);
  if (props.first) takeRecorded(JSON.parse(props.first));
  lpwd.shown.listen(element, ({ answer }) => {
    const active = answer?.strip.active, now = Boolean(active) && active.ids.join() !== ids.join();
    if (now === busy) return;
    busy = now;
    say();
  });
  lpwd.tabs.whenOpened("demo", () => window.dispatchEvent(new Event("resize"))); // drawn while it was hidden
};
