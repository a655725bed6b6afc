// Act one of the landing: controls, clock and figures. toy_physics.js steps, toy_line.js and toy_bowl.js draw.

import { NONE } from "../shared/numbers.js";
import { remember } from "../shared/url.js";
import { make, View } from "../shared/widgets.js";
import { Bowl } from "./toy_bowl.js";
import { NumberLine } from "./toy_line.js";
import { advance, opposingShare, run, threeWays } from "./toy_physics.js";
import { linkedSettings, settingsAddress, sliderFraction, sliderStop, sliderValue } from "./toy_settings.js";
import { bowlText, gapText, lineText, PAPER_C, percent } from "./toy_text.js";

const EXAMPLE = { ways: threeWays(0.3, -0.5, 0.5), c: 0.5, digits: 2, ms: 6500 }; // shows the defect clearly
const OPENING = 0.13; // of the line's cycle: the page opens just before its first move
const LINE_MS = 3600; // of the line, for one step of the bowl
const PACES = [
  [4, 700],
  [12, 350],
  [Infinity, 120],
]; // up to a step, the bowl's milliseconds per step
const REPLAYED = 600; // steps at most, when a setting changes
const STILL = 120; // steps, when the visitor prefers reduced motion
const FRAME_MS = 50;
const WORDS_MS = 250;
const SETTLE_MS = 900;

export class Toy extends View {
  /** @param {any} element @param {Record<string, Style>} styles by method */
  constructor(element, styles) {
    super(element);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.settings = linkedSettings();
    this.state = run(this.settings, still ? STILL : 0);
    this.within = still ? 1 : 0; // of the step that is drawn, 0 to 1
    this.lineWithin = still ? 1 : OPENING;
    this.example = true; // the line shows the example, else a step of the bowl
    /** @type {any} */
    this.step = null; // the step of the bowl that the line shows
    this.playing = false;
    this.seen = false;
    this.frame = 0;
    this.last = 0;
    this.said = 0;
    this.numberLine = new NumberLine(this.field("line"), styles);
    this.bowl = new Bowl(this.field("bowl"), styles);
    this.listen();
    const key = ({ label, color }) =>
      make("span", { className: "lp-key", textContent: label, style: { "--lane": color } });
    this.field("legend").replaceChildren(...Object.values(styles).map(key));
    element.querySelector(".lp-toy-mark").style.setProperty("--at", sliderFraction("c", PAPER_C));
    this.showSettings();
    this.draw(true);
    this.play(!still);
  }

  listen() {
    for (const name of /** @type {const} */ (["eta", "c", "noise"])) {
      this.on(name, "input", ({ target }) => this.change({ [name]: sliderValue(name, Number(target.value)) }));
    }
    this.on("form", "change", ({ target }) => target.type === "radio" && this.change({ optimizer: target.value }));
    this.on("form", "submit", (event) => event.preventDefault());
    this.onClick("paper", () => this.change({ c: PAPER_C }));
    this.onClick("play", () => this.togglePlay());
    this.onClick("step", () => this.stepOnce());
    this.onClick("reset", () => this.reset());
    new IntersectionObserver(([entry]) => {
      this.seen = entry.isIntersecting;
      this.requestFrame();
    }).observe(this.element);
  }

  // ---- settings

  showSettings() {
    for (const name of /** @type {const} */ (["eta", "c", "noise"])) {
      const value = this.settings[name];
      this.field(name).value = name === "noise" ? value : Math.round(sliderStop(name, value));
      this.field(name).setAttribute("aria-valuetext", String(value));
      this.say(`${name}-is`, String(value));
    }
    const radios = this.element.querySelectorAll("[type=radio]");
    for (const radio of radios) radio.checked = radio.value === this.settings.optimizer;
  }

  /** Replay the same path with the same noise and other settings. */
  change(values) {
    this.settings = { ...this.settings, ...values };
    remember(settingsAddress(this.settings));
    this.showSettings();
    this.state = run(this.settings, Math.min(this.state.t, REPLAYED));
    this.example &&= !this.state.t;
    if (!this.example) this.step = this.currentStep();
    this.draw(true);
    this.announce();
  }

  // ---- play, step, reset

  togglePlay() {
    this.play(!this.playing);
    if (!this.playing) this.announce();
  }

  stepOnce() {
    this.play(false);
    if (this.within >= 1 || !this.state.t) advance(this.state);
    this.showStill(1, false);
  }

  reset() {
    this.state = run(this.settings, 0);
    this.showStill(0, true);
  }

  showStill(within, example) {
    this.within = within;
    this.lineWithin = this.playing ? 0 : 1;
    this.example = example;
    this.step = example ? null : this.currentStep();
    this.draw(true);
    this.announce();
  }

  play(on) {
    this.playing = on;
    this.button("play").textContent = on ? "Pause" : "Play";
    this.requestFrame();
  }

  /** Animate only while somebody can see it. */
  requestFrame() {
    cancelAnimationFrame(this.frame);
    this.last = 0;
    if (this.playing && this.seen) this.frame = requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    if (!this.element.isConnected) return;
    const passed = this.last ? Math.min(FRAME_MS, now - this.last) : 0;
    this.last = now;
    const [, pace] = PACES.find(([until]) => this.state.t < until) ?? [];
    this.within = this.state.t ? this.within + passed / Number(pace) : 1;
    for (; this.within >= 1; this.within -= 1) advance(this.state);
    this.lineWithin += passed / (this.example ? EXAMPLE.ms : LINE_MS);
    if (this.lineWithin >= 1) this.nextLine();
    this.draw(now - this.said > WORDS_MS);
    this.frame = requestAnimationFrame((next) => this.tick(next));
  }

  nextLine() {
    this.lineWithin = 0;
    this.example = false;
    this.step = this.currentStep();
  }

  // ---- draw

  /** Return WD's weight 2 in the bowl's present step, decayed in three ways. */
  currentStep() {
    const { before, between } = this.state.paths.wd;
    const { c } = this.settings;
    return { ways: threeWays(before[1], between[1] - before[1], c), c, digits: c < 0.01 ? 5 : 3, t: this.state.t };
  }

  draw(withWords) {
    const shown = this.example ? EXAMPLE : this.step;
    this.numberLine.draw({ ...shown, share: this.lineWithin });
    this.bowl.draw(this.state, this.within);
    if (withWords) this.describe(shown);
  }

  describe(shown) {
    this.said = this.last;
    const { state } = this;
    const share = opposingShare(state);
    const live = `Live: weight 2 of WD in step ${shown.t} of the bowl, c = ${shown.c}.`;
    const lead = this.example ? "The weight is 0.30, the update −0.50, c = 0.5." : live;
    this.say("line-words", lineText(shown.ways, shown.c, shown.digits, lead));
    this.say("share", share === null ? NONE : percent(share));
    this.say("distance", state.t ? gapText(state.distance) : NONE);
    this.say("words", this.sentence());
    this.say("steps", `step ${state.t}`);
  }

  sentence() {
    const { state } = this;
    return bowlText(state, opposingShare(state), state.distance, this.bowl.pixels(state.distance));
  }

  /** Tell screen readers, once a visitor's change has settled and never by the clock. */
  announce() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.say("status", this.sentence()), SETTLE_MS);
  }
}
