// The chart of the ticked runs, with its verdicts. Its settings are part of the address.

import { Figure } from "../shared/figure.js";
import { copy, save } from "../shared/files.js";
import { Motion } from "../shared/motion.js";
import { count } from "../shared/numbers.js";
import { watch } from "../shared/polling.js";
import { call } from "../shared/server.js";
import { parameter, remember, tabLink } from "../shared/url.js";
import { items, table, View } from "../shared/widgets.js";

const MAX_RUNS = 60; // in one chart

const read = (control) => (control.type === "checkbox" ? (control.checked ? "1" : "") : control.value);

export class Overlay extends View {
  /** @param {any} element of the tab @param {Server} server @param {import("./ticks.js").Ticks} ticks */
  constructor(element, server, ticks) {
    super(element.querySelector(".lp-compared"));
    this.server = server;
    this.ticks = ticks;
    const nodes = [...this.element.querySelectorAll("[data-v]")];
    this.controls = Object.fromEntries(nodes.map((node) => [node.dataset.v, node]));
    this.plot = new Figure(this.field("plot"));
    this.motion = new Motion(this.element, "runs");
    this.defaults = this.values();
    this.layer = parameter("layer"); // offered once the layers are known
    this.stamp = "";
    for (const [name, control] of Object.entries(this.controls)) this.listenTo(name, control);
    this.listenToButtons();
    const ask = () => (this.canDraw() ? this.question() : null);
    this.refresh = watch(element, "runs", "compare", { ask, take: (view) => this.take(view) });
  }

  listenTo(name, control) {
    const value = parameter(name);
    if (control.type === "checkbox") control.checked = value === "1";
    else if (value && (control.type === "range" || [...control.options].some((option) => option.value === value))) {
      control.value = value;
    }
    control.addEventListener("input", () => {
      if (name === "layer") this.layer = control.value;
      remember(this.parameters());
      this.show();
    });
  }

  listenToButtons() {
    const { ticks, plot } = this;
    this.on("link", "click", ({ target }) => copy(target, tabLink("runs", this.address())));
    for (const format of /** @type {const} */ (["png", "svg"])) {
      this.on(format, "click", () => plot.picture(`lpwd-runs.${format}`, format));
    }
    this.on("curves", "click", () => this.saveCurves());
    this.on("trackio", "click", () => this.saveForTrackio());
    this.on("clear", "click", () => ticks.replace([]));
  }

  // ---- controls

  values() {
    return Object.fromEntries(Object.entries(this.controls).map(([name, control]) => [name, read(control)]));
  }

  /** Return what differs from the defaults, so that links stay short. */
  parameters() {
    const changed = ([name, value]) => [name, value === this.defaults[name] ? "" : value];
    return { ...Object.fromEntries(Object.entries(this.values()).map(changed)), layer: this.layer };
  }

  address() {
    return { runs: this.ticks.list().join(","), ...this.parameters() };
  }

  canDraw() {
    return this.ticks.list().length > 0 && this.ticks.count() <= MAX_RUNS;
  }

  question() {
    const { y, x, logx, logy, smooth, value, each } = this.values();
    const options = { y, x, logs: (logx && "x") + (logy && "y"), smooth: Number(smooth), value, each: Boolean(each) };
    return { items: this.ticks.list(), ...options, layer: this.layer, stamp: this.stamp };
  }

  // ---- draw

  show() {
    const smooth = Number(this.controls.smooth.value);
    const n = this.ticks.count();
    this.say("smooth-is", smooth ? smooth.toFixed(2) : "off");
    this.field("empty").hidden = this.ticks.list().length > 0;
    this.say("problem", n > MAX_RUNS ? `${count(n, "run")} are ticked; at most ${MAX_RUNS} can be drawn.` : "");
    this.field("importing").hidden = true;
    this.stamp = "";
    this.motion.follow(this.canDraw() ? this.ticks.list() : []);
    if (this.canDraw()) this.refresh();
    else this.field("shown").hidden = true;
  }

  take(view) {
    this.say("problem", view.problem);
    if (view.problem || !this.canDraw() || view.stamp === this.stamp) return;
    this.stamp = view.stamp;
    this.field("shown").hidden = false;
    this.offerLayers(view.layers);
    this.plot.draw(view.figure);
    this.say("summary", view.summary);
    this.say("origins", view.origins);
    this.drawVerdicts(view.verdicts);
    this.drawTables(view);
  }

  /** Replace the verdicts only if they have changed: screen readers announce them. */
  drawVerdicts(verdicts) {
    const before = [...this.field("verdicts").children].map((item) => item.textContent).join();
    if (verdicts.join() !== before) this.field("verdicts").replaceChildren(...items(verdicts));
  }

  drawTables({ results, entries, settings, points }) {
    const differ = settings.length > 1;
    table(this.field("results"), results, { colors: entries.map((entry) => entry.color) });
    table(this.field("settings"), settings);
    this.say("same", differ ? "All other settings are equal, except the seeds." : "Only the seeds differ.");
    this.field("settings").hidden = !differ;
    table(this.field("points"), points);
  }

  offerLayers(layers) {
    const { layer: select } = this.controls;
    const names = ["", ...layers];
    this.field("of-layer").hidden = !layers.length;
    if (names.join() !== [...select.options].map((option) => option.value).join()) {
      select.replaceChildren(...names.map((name) => new Option(name || "every layer", name)));
    }
    select.value = names.includes(this.layer) ? this.layer : "";
  }

  // ---- export

  async saveCurves() {
    const question = { items: this.ticks.list(), y: this.controls.y.value, layer: this.layer };
    const { problem, csv } = await call(this.server, "data", question);
    this.say("problem", problem);
    if (!problem) save("lpwd-curves.csv", csv);
  }

  async saveForTrackio() {
    const { problem, text, file, line } = await call(this.server, "trackio", { items: this.ticks.list() });
    this.say("problem", problem);
    this.field("importing").hidden = Boolean(problem);
    if (problem) return;
    this.say("line", line);
    save(file, text);
  }
}
