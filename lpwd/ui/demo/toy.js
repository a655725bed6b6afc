// Act one of the landing: controls, clock and figures; toy_physics.js steps, toy_line.js and toy_bowl.js draw.
lpwd.toy = (element, props) => {
  "use strict";
  const { put, make, parts } = lpwd.widgets, { field, act } = parts(element);
  const { advance, run, share, threeWays } = lpwd.toyPhysics, { PAPER, percent, distance, ...words } = lpwd.toyWords;
  const styles = JSON.parse(props.styles);
  const USUAL = { eta: 0.3, c: 0.2, noise: 0.35, optimizer: "sgd", seed: 7 };
  const EXAMPLE = { ways: threeWays(0.3, -0.5, 0.5), c: 0.5, digits: 2, ms: 6500 }; // it shows the defect beyond doubt
  const OPENING = 0.13; // of the line's cycle: the page opens just before its first move
  const LIVE_MS = 3600; // of the line, for one step of the bowl
  const PACES = [[4, 700], [12, 350], [Infinity, 120]]; // up to a step, the bowl's milliseconds a step
  const REPLAYED = 600, STILL = 120; // steps: at most, when a setting changes; shown by a page that may not move
  const FRAME_MS = 50, WORDS_MS = 250, SETTLE_MS = 900;
  const LOG = { eta: [Math.log10(0.005), Math.log10(0.5), 100], c: [-4, Math.log10(0.9), 200] }; // from, to, stops
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const numberLine = lpwd.toyLine(field("line"), styles), bowl = lpwd.toyBowl(field("bowl"), styles);
  let settings = linked(), state = run(settings, 0), within = 0; // of the step that is drawn, 0 to 1
  let example = true, shownStep = null, lineWithin = OPENING, playing = false, seen = false, frame = 0, last = 0, said = 0, settling = 0;

  // ---- settings: controls and address

  function linked() {
    const number = (name) => Number(lpwd.url.parameter(`toy_${name}`)) || USUAL[name];
    const inside = (value, low, high) => Math.min(high, Math.max(low, value));
    const optimizer = lpwd.url.parameter("toy_optimizer") === "adam" ? "adam" : "sgd";
    const noise = lpwd.url.parameter("toy_noise") === "0" ? 0 : inside(number("noise"), 0, 1);
    return { ...USUAL, eta: inside(number("eta"), 0.005, 0.5), c: inside(number("c"), 0.0001, 0.9), noise, optimizer };
  }
  const stopOf = (name, value) => (LOG[name][2] * (Math.log10(value) - LOG[name][0])) / (LOG[name][1] - LOG[name][0]);
  const atStop = (name, stop) => Number((10 ** (LOG[name][0] + (stop / LOG[name][2]) * (LOG[name][1] - LOG[name][0]))).toPrecision(2));
  function showSettings() {
    for (const name of ["eta", "c", "noise"]) {
      const node = field(name), text = String(settings[name]);
      node.value = name === "noise" ? settings.noise : Math.round(stopOf(name, settings[name]));
      node.setAttribute("aria-valuetext", text);
      put(field(`${name}-is`), text);
    }
    for (const radio of element.querySelectorAll("[type=radio]")) radio.checked = radio.value === settings.optimizer;
  }
  // The same path, the same noise, other settings: the picture follows the hand.
  function change(values) {
    settings = { ...settings, ...values };
    const { eta, c, noise, optimizer } = settings;
    lpwd.url.remember({ tab: "demo", toy_eta: `${eta}`, toy_c: `${c}`, toy_noise: `${noise}`, toy_optimizer: optimizer });
    showSettings();
    state = run(settings, Math.min(state.t, REPLAYED));
    example = example && !state.t;
    if (!example) shownStep = step();
    draw(true);
    announce();
  }
  for (const name of ["eta", "c"]) {
    field(name).addEventListener("input", ({ target }) => change({ [name]: atStop(name, target.value) }));
  }
  field("noise").addEventListener("input", ({ target }) => change({ noise: Number(target.value) }));
  field("form").addEventListener("change", ({ target }) => target.type === "radio" && change({ optimizer: target.value }));
  field("form").addEventListener("submit", (event) => event.preventDefault());
  act("paper").addEventListener("click", () => change({ c: PAPER }));

  // ---- play, step, reset

  act("play").addEventListener("click", () => {
    play(!playing);
    if (!playing) announce();
  });
  act("step").addEventListener("click", () => {
    play(false);
    if (within >= 1 || !state.t) advance(state);
    [within, lineWithin, example, shownStep] = [1, 1, false, step()];
    draw(true);
    announce();
  });
  act("reset").addEventListener("click", () => {
    state = run(settings, 0);
    [within, lineWithin, example, shownStep] = [0, 0, true, null];
    if (!playing) lineWithin = 1; // the example as a still
    draw(true);
    announce();
  });
  function play(on) {
    playing = on;
    put(act("play"), on ? "Pause" : "Play");
    go();
  }
  // Frames are asked for only while somebody can see them.
  function go() {
    cancelAnimationFrame(frame);
    last = 0;
    if (playing && seen) frame = requestAnimationFrame(tick);
  }
  function tick(now) {
    if (!element.isConnected) return;
    const passed = last ? Math.min(FRAME_MS, now - last) : 0;
    last = now;
    within = state.t ? within + passed / PACES.find(([until]) => state.t < until)[1] : 1;
    while (within >= 1) {
      advance(state);
      within -= 1;
    }
    lineWithin += passed / (example ? EXAMPLE.ms : LIVE_MS);
    if (lineWithin >= 1) [lineWithin, example, shownStep] = [0, false, step()];
    draw(now - said > WORDS_MS);
    frame = requestAnimationFrame(tick);
  }

  // ---- draw and say

  // WD's weight 2 in the bowl's present step, decayed in three ways.
  function step() {
    const { before, between } = state.paths.wd, { c } = settings;
    return { ways: threeWays(before[1], between[1] - before[1], c), c, digits: c < 0.01 ? 5 : 3, t: state.t };
  }
  function draw(withWords) {
    const shown = example ? EXAMPLE : shownStep;
    numberLine.draw({ ...shown, share: lineWithin });
    bowl.draw(state, within);
    if (!withWords) return;
    said = last;
    const live = `Live: weight 2 of WD in step ${shown.t} of the bowl, c = ${shown.c}.`;
    const lead = example ? "The weight is 0.30, the update −0.50, c = 0.5." : live;
    put(field("line-words"), words.line(shown.ways, shown.c, shown.digits, lead));
    put(field("share"), share(state) === null ? "–" : percent(share(state)));
    put(field("distance"), state.t ? distance(state.distance) : "–");
    put(field("words"), sentence());
    put(field("steps"), `step ${state.t}`);
  }
  const sentence = () => words.bowl(state, share(state), state.distance, bowl.pixels(state.distance));
  // To who does not see: once a person's change has settled, never by the clock.
  function announce() {
    clearTimeout(settling);
    settling = setTimeout(() => put(field("status"), sentence()), SETTLE_MS);
  }

  const key = ({ label, color }) => make("span", { className: "lp-key", textContent: label, style: { "--lane": color } });
  field("legend").replaceChildren(...Object.values(styles).map(key));
  element.querySelector(".lp-toy-mark").style.setProperty("--at", stopOf("c", PAPER) / LOG.c[2]);
  showSettings();
  if (still) {
    state = run(settings, STILL);
    [within, lineWithin] = [1, 1];
  }
  draw(true);
  new IntersectionObserver(([entry]) => {
    seen = entry.isIntersecting;
    go();
  }).observe(element);
  play(!still);
};
