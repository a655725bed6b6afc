// The Demo tab: the recorded pair plays, then a pair trains here; both stand in one chart. A link carries all of it.
lpwd.demo = (element, server, props) => {
  "use strict";
  const PLAY_MS = 5000, FRAME_MS = 80, SETTLE_MS = 250, RETRY_MS = 2000, AGAIN_MS = 4000;
  const ENDED = ["finished", "diverged"];
  const field = (name) => element.querySelector(`[data-f=${name}]`);
  const button = (name) => element.querySelector(`[data-act=${name}]`);
  const charts = [...element.querySelectorAll("[data-chart]")].map((plot) => lpwd.chart.mount(plot, plot.dataset.chart, props.plotly));
  const heatmaps = lpwd.demoFigures(element, props.plotly);
  const stops = JSON.parse(props.stops);
  const sliders = { lr: slider("lr"), weightDecay: slider("weightDecay") };
  let recorded = null, version = "", at = 0, playing = 0; // the recorded pair, drawn up to epoch `at`
  let ids = [], live = null, curves = {}, heats = null, stamp = ""; // the pair that trains or trained here
  let known = null, asked = 0, looking = 0, settling = 0, starting = false, busy = false, touched = false, rows = [];

  // ---- settings: sliders and URL

  function slider(name) {
    const node = field(name), values = [...stops[name]];
    const show = () => {
      const text = String(values[node.value]);
      lpwd.put(field(`${name}-is`), text);
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
    lpwd.tabs.remember({ tab: "demo", demo_lr: String(lr), demo_wd: String(weight_decay), demo_runs: ids.join(",") });
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
    const answer = JSON.parse(await server.situation(JSON.stringify(wanted())));
    if (mine !== asked) return;
    known = answer.problem ? null : answer;
    lpwd.put(field("problem"), answer.problem);
    say();
  }
  // What came with the page is drawn at once; published results that were read since then follow.
  async function readRecorded() {
    if (props.first && !recorded) takeRecorded(JSON.parse(props.first));
    takeRecorded(JSON.parse(await server.recorded(JSON.stringify({ version }))));
  }
  function takeRecorded(answer) {
    const before = recorded?.key;
    version = answer.version;
    if (answer.pair) recorded = answer.pair;
    if (answer.reading) setTimeout(readRecorded, AGAIN_MS);
    if (!recorded || recorded.key === before) return draw();
    const within = (name) => recorded[name] >= stops[name][0] && recorded[name] <= stops[name].at(-1);
    if (!touched && !live && within("lr") && within("weightDecay")) given([recorded.lr, recorded.weightDecay]);
    play();
  }
  function watch(next) {
    if (next.join() === ids.join() && next.length) return look();
    clearTimeout(looking);
    [ids, live, curves, heats, stamp] = [next, null, {}, null, ""];
    look();
    draw();
  }
  async function look() {
    clearTimeout(looking);
    if (!ids.length) return;
    if (document.hidden || !lpwd.tabs.isOpen("demo")) return void (looking = setTimeout(look, RETRY_MS));
    const mine = ids, first = !live, before = working();
    const cursors = Object.fromEntries(ids.map((id) => [id, curves[id]?.cursor ?? ""]));
    let delay = RETRY_MS;
    try {
      const answer = JSON.parse(await server.look_at(JSON.stringify({ ids, cursors, stamp })));
      if (mine !== ids) return;
      lpwd.put(field("problem"), answer.problem);
      if (answer.problem) return void watch([]), lpwd.put(field("problem"), answer.problem);
      take(answer);
      delay = answer.pollMs;
    } catch (error) {
      if (mine !== ids) return; // the strip says that there is no connection
    }
    if (live && first && !atSliders()) sliders.lr.set(live.lr), sliders.weightDecay.set(live.weightDecay), situation();
    if (before && !working()) situation();
    if (!ENDED.includes(live?.race.state)) looking = setTimeout(look, delay); // a stopped one may go on
  }
  function take(answer) {
    live = answer;
    for (const [id, delta] of Object.entries(answer.curves)) lpwd.merge(curves, id, delta);
    if (answer.heats) heats = answer.heats;
    stamp = answer.stamp;
    draw();
    say();
  }
  const working = () => Boolean(live) && ["queued", "running", "stopping"].includes(live.race.state);

  // ---- act

  field("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (starting) return;
    starting = true;
    lpwd.put(field("problem"), "");
    say();
    try {
      const answer = JSON.parse(await server.run_pair(JSON.stringify(wanted())));
      lpwd.put(field("problem"), answer.problem ? `Not started. ${answer.problem}` : "");
      if (answer.ids) {
        watch(answer.ids);
        remember();
        lpwd.wake();
      }
    } catch (error) {
      lpwd.put(field("problem"), "No answer from the app; try again.");
    }
    starting = false;
    say();
  });
  button("stop").addEventListener("click", async () => {
    lpwd.put(field("problem"), await lpwd.act("stop", ids));
    look();
  });
  button("copy-epochs").addEventListener("click", (event) => lpwd.copy(event.target, rows.map((row) => row.join(",")).join("\n") + "\n"));

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
    return rest && whole < values.length ? [...shown, values[whole - 1] + rest * (values[whole] - values[whole - 1])] : shown;
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
      const id = `recorded-${lane.method}`;
      lanes.push({ ...lane, id, label: `${lane.label}, recorded${otherwise()}`, thin: true, faded: Boolean(live), totalSteps: 1, epochs: recorded.epochs });
      points[id] = { cursor: `${recorded.key} ${at}`, losses: { step: [], loss: [] }, epochs: { epoch: cut(lane.epoch), train_loss: cut(lane.train_loss), test_top1: cut(lane.test_top1) } };
    }
    if (live) lanes.push(...live.race.lanes);
    const epochs = Math.max(live?.race.epochs ?? 0, together() ? recorded.epochs : 0);
    if (lanes.length) charts.forEach((chart) => chart({ ids: lanes.map((lane) => lane.id), lanes, epochs, ranges: live ? null : ranges() }, points));
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
      const lanes = heats.map((found, i) => ({ ...live.race.lanes[i], heat: found, words: found.words, where: `here, seed ${live.seed}` }));
      heatmaps.draw(lanes, Math.max(...heats.map((found) => found.z[0].length - 1)), live.race.epochs, stamp);
    } else if (recorded && !live) {
      heatmaps.draw(recorded.lanes.map((lane) => ({ ...lane, where: `recorded, seed ${recorded.seed}` })), Math.floor(at), recorded.epochs, recorded.key);
    }
  }
  function numbers() {
    if (playing && recorded && at < recorded.epochs && !live) return;
    const series = [];
    if (together()) for (const lane of recorded.lanes) series.push([`${lane.label} recorded`, lane]);
    if (live) for (const lane of live.race.lanes) if (curves[lane.id]) series.push([`${lane.label} here`, curves[lane.id].epochs]);
    const longest = Math.max(0, ...series.map(([, points]) => points.epoch.length));
    const cell = (value, digits) => value?.toFixed(digits) ?? "–";
    const body = Array.from({ length: longest }, (_, i) => [String(i + 1), ...series.flatMap(([, points]) => [cell(points.train_loss[i], 4), cell(points.test_top1[i], 2)])]);
    const next = [["epoch", ...series.flatMap(([name]) => [`${name} loss`, `${name} top-1 (%)`])], ...body];
    if (next.join() === rows.join()) return;
    rows = next;
    lpwd.table(field("epochs"), rows);
    const ends = series.filter(([, points]) => points.epoch.length).map(([name, points]) => `${name} ${points.test_top1.at(-1).toFixed(2)} % (epoch ${points.epoch.at(-1)})`);
    lpwd.put(field("summary"), ends.length ? `Last test top-1: ${ends.join(", ")}.` : "");
  }

  // ---- words

  function words() {
    if (!recorded) return lpwd.put(field("verdict-recorded"), "No published pair of WD and LPWD is at hand; run one here.");
    lpwd.put(field("verdict-recorded"), recorded.verdict);
    const apart = together() ? "" : " It is of another data set or model than the pair trained here, so it is not drawn beside it.";
    lpwd.put(field("source"), `Recorded: ${recorded.line}${apart}`);
  }
  function say() {
    const mine = working();
    lpwd.put(button("run"), label());
    button("run").setAttribute("aria-disabled", String(starting)); // a disabled one would lose the focus
    hide("run", mine && atSliders() && !starting, "stop");
    hide("stop", !mine, "run");
    button("stop").disabled = mine && !(live.race.canStop && live.mine); // somebody else's may only be watched
    field("progress").hidden = !mine;
    if (mine) {
      lpwd.bar(field("progress").firstElementChild, live.race.progress);
      lpwd.put(field("when"), lpwd.race.when(live.race));
    }
    lpwd.put(field("state"), starting ? "Checking model and data …" : live ? progress() : "");
    lpwd.put(field("offer"), known ? offer() : "");
    const said = known?.verdict || (mine ? "No verdict yet: it follows when both lanes have finished." : "");
    field("here").hidden = !said;
    lpwd.put(field("verdict-here"), said);
  }
  // Who pressed the one by keyboard stands on the other.
  function hide(name, hidden, other) {
    const focused = document.activeElement === button(name);
    button(name).hidden = hidden;
    if (hidden && focused) button(other).hidden = false, button(other).focus();
  }
  function label() {
    if (!known) return "Run it here";
    if (known.working) return `Watch seed ${known.next}`;
    if (known.begun) return `Go on with seed ${known.next}`;
    return known.next ? `Run seed ${known.next} here` : "Run it here";
  }
  function progress() {
    if (live.race.state === "stopped") return `Seed ${live.seed} was stopped in epoch ${Math.max(1, live.race.epoch)} of ${live.race.epochs}; it can go on from there.`;
    const doing = { running: "Training", finished: "Finished here:" }[live.race.state];
    const whose = working() && !live.mine ? ", started by somebody else" : "";
    const what = doing ? `${doing} seed ${live.seed}, ${live.race.device || "this machine"}${whose}.` : "";
    return `${what} ${lpwd.race.sentence(live.race)}`.trim();
  }
  function offer() {
    const { lr, weight_decay } = wanted(), share = (value) => `${Number((100 * value).toPrecision(3))} %`;
    const seeds = known.finished.length ? ` Finished here at these settings: seed${known.finished.length > 1 ? "s" : ""} ${known.finished.join(", ")}.` : "";
    const waits = (working() ? !atSliders() : busy) ? " Another race is training, so this one would wait for it." : "";
    const does = working() && atSliders() ? "Running here" : "To run here";
    return `${does}: ${known.line}. Each step shrinks the weights by ηλ = ${share(lr * weight_decay)}, and with LPWD by up to twice that in the deepest layer.${seeds}${waits}`;
  }

  // ---- life

  const number = (name) => {
    const value = Number(lpwd.tabs.parameter(name));
    return Number.isFinite(value) && value > 0 ? value : null;
  };
  const linked = { lr: number("demo_lr"), weightDecay: number("demo_wd"), ids: lpwd.tabs.parameter("demo_runs").split(",").filter(Boolean) };
  const given = (first) => {
    sliders.lr.set(linked.lr ?? first[0]);
    sliders.weightDecay.set(linked.weightDecay ?? first[1]);
  };
  given(stops.strong);
  if (linked.ids.length) watch(linked.ids);
  readRecorded().finally(situation);
  lpwd.listen(element, ({ answer }) => {
    const active = answer?.strip.active, now = Boolean(active) && active.ids.join() !== ids.join();
    if (now === busy) return;
    busy = now;
    say();
  });
  lpwd.tabs.whenOpened("demo", () => {
    window.dispatchEvent(new Event("resize")); // drawn while it was hidden
    look();
  });
  document.addEventListener("visibilitychange", () => document.hidden || look());
};
