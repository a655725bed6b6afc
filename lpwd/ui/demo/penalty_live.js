// One live seed of the cell under the slider: started, watched, stopped, and said in words.
// `cell()` is {scan, decay, methods}; `changed(moved)` is called when there is something else to draw, with the cell that
// a link or another page's seed is of, once, where it is not the one under the slider.
lpwd.penaltyLive = (element, server, cell, changed) => {
  "use strict";
  const ENDED = ["finished", "diverged"], { put, bar, parts } = lpwd.widgets, { field, act } = parts(element);
  let ids = [], live = null, curves = {}, known = null, asked = 0, starting = false, busy = false;
  let waiting = []; // the lanes that were queued behind those on the page

  const working = () => Boolean(live) && ["queued", "running", "stopping"].includes(live.race.state);
  const here = ({ scan, decay } = cell()) => Boolean(live) && live.scan === scan && live.decay === decay;

  // ---- what the server knows

  async function ask() {
    const mine = ++asked;
    const answer = await lpwd.server.ask(server, "situation", cell());
    if (mine !== asked) return;
    known = answer.problem ? null : answer;
    put(field("problem"), answer.problem);
    if (!working() && !here() && (live || !ids.length)) watch(known?.finished.length ? known.shown : []);
    say();
  }
  const look = lpwd.polling.watch(element, "demo", "seed", {
    problems: true,
    ask() {
      if (!ids.length || ENDED.includes(live?.race.state)) return null; // a stopped one may go on
      return { ids, cursors: Object.fromEntries(ids.map((id) => [id, curves[id]?.cursor ?? ""])) };
    },
    take,
  });
  function watch(next) {
    if (next.join() !== ids.join()) {
      [ids, live, curves] = [next, null, {}];
      remember();
      changed();
    }
    look();
  }
  function take(answer) {
    put(field("problem"), answer.problem);
    if (answer.problem) return void watch([]);
    const first = !live, before = working();
    live = answer;
    for (const [id, delta] of Object.entries(answer.curves)) lpwd.curves.merge(curves, id, delta);
    changed(first && !here() ? { scan: live.scan, decay: live.decay } : null);
    say();
    if (!before || working()) return;
    if (waiting.length) watch(waiting);
    waiting = [];
    ask();
  }

  // ---- act

  act("run").addEventListener("click", async () => {
    if (starting) return;
    const queued = !known?.working; // else the click asks to see what trains or waits already
    starting = true;
    put(field("problem"), "");
    say();
    try {
      const answer = await lpwd.server.ask(server, "run_seed", cell());
      put(field("problem"), answer.problem ? `Not started. ${answer.problem}` : "");
      if (answer.ids && queued && working()) [waiting] = [answer.ids], ask(); // what is watched stays until its end
      else if (answer.ids) watch(answer.ids);
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
  const remember = () => lpwd.url.remember({ demo_runs: ids.join(",") });

  // ---- words

  function say() {
    const mine = working();
    put(act("run"), label());
    act("run").setAttribute("aria-disabled", String(starting)); // a disabled one would lose the focus
    hide("run", mine && here() && !starting, "stop");
    act("run").classList.toggle("lp-starts", !known?.working); // to see what trains anyone may press it
    hide("stop", !mine || !live.mine, "run"); // somebody else's may only be watched
    act("stop").disabled = mine && !live.race.canStop;
    field("progress").hidden = !mine;
    if (mine) {
      bar(field("progress").firstElementChild, live.race.progress);
      put(field("when"), lpwd.race.when(live.race));
    }
    put(field("state"), starting ? "Checking model and data …" : live ? state() : "");
    put(field("offer"), known ? offer() : "");
    const verdict = known?.verdict ? `Here: ${known.verdict}` : "";
    field("here").hidden = !verdict;
    put(field("here"), verdict);
  }
  // Who pressed the one by keyboard stands on the other.
  function hide(name, hidden, other) {
    const focused = document.activeElement === act(name);
    act(name).hidden = hidden;
    if (hidden && focused) act(other).hidden = false, act(other).focus();
  }
  function label() {
    if (known?.working) return `Watch seed ${known.next}`;
    if (known?.begun) return `Go on with seed ${known.next}`;
    return "Run it here";
  }
  function state() {
    const { race, seed, mine, decay } = live, at = `epoch ${Math.max(1, race.epoch)} of ${race.epochs}`;
    const which = `seed ${seed} at λ ${decay}`, drawn = here() ? "" : " Drawn when λ is there.";
    if (race.state === "stopped") return `Here: ${which} was stopped in ${at}; it can go on from there.${drawn}`;
    const doing = { running: "training", finished: "finished" }[race.state];
    const whose = working() && !mine ? ", started by somebody else" : "";
    const what = doing ? `Here: ${doing} ${which}, ${race.device || "this machine"}${whose}, the thick lines.` : "";
    return `${what} ${lpwd.race.sentence(race)}${drawn}`.trim();
  }
  function offer() {
    const { finished } = known, count = cell().methods.length;
    const seeds = finished.length ? ` Finished here: seed${finished.length > 1 ? "s" : ""} ${finished.join(", ")}.` : "";
    const waits = (working() ? !here() : busy) ? " Another race is training, so this one would wait for it." : "";
    const does = working() && here() ? "Running here" : "To run here";
    return `${does}: ${count === 1 ? "one lane" : `${count} lanes`}, one a method shown: ${known.line}.${seeds}${waits}`;
  }
  lpwd.shown.listen(element, ({ answer }) => {
    const active = answer?.strip.active, now = Boolean(active) && active.ids.join() !== ids.join();
    if (now === busy) return;
    busy = now;
    say();
  });
  // The lanes that are drawn at this cell: those of a method that is shown.
  function lanes() {
    if (!here()) return [];
    const { methods } = cell();
    return live.race.lanes.filter(({ method, id }) => methods.includes(method) && curves[id]);
  }
  return { ask, watch, lanes, points: (id) => curves[id], seed: () => live?.seed };
};
