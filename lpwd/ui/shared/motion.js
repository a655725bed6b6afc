// Angular updates and norms of a layer by epoch, with the predicted equilibrium.

import { Figure } from "./figure.js";
import { watch } from "./polling.js";
import { items, View } from "./widgets.js";

export class Motion extends View {
  /** @param {any} element around motion.html @param {string} tab that shows it */
  constructor(element, tab) {
    super(element.querySelector(".lp-motion"));
    /** @type {string[]} */
    this.items = [];
    this.figure = new Figure(this.field("plot"));
    this.layer = "";
    this.stamp = "";
    /** @type {any} */
    this.answer = null;
    const question = () => ({ items: this.items, layer: this.layer, stamp: this.stamp });
    this.ask = watch(element, tab, "motion", {
      ask: () => (this.element.open && this.items.length ? question() : null),
      take: (answer) => this.take(answer),
      showsProblems: true,
    });
    this.element.addEventListener("toggle", () => this.ask());
    this.on("layer", "change", ({ target }) => this.choose(target.value));
    this.on("quantity", "change", () => this.draw());
  }

  /** Show these runs. @param {string[]} chosen ids of runs and keys of groups of seeds */
  follow(chosen) {
    if (chosen.join() === this.items.join()) return;
    this.items = chosen;
    this.answer = null;
    this.choose("");
  }

  choose(/** @type {string} */ layer) {
    this.layer = layer;
    this.stamp = "";
    this.ask();
  }

  take(answer) {
    this.say("problem", answer.problem);
    if (answer.problem) return;
    this.stamp = answer.stamp;
    if (!answer.lanes) return;
    this.answer = answer;
    this.field("layer").replaceChildren(...answer.layers.map((name, i) => new Option(`${i + 1} ${name}`, name)));
    this.field("layer").value = answer.layer;
    this.field("said").replaceChildren(...items(answer.lanes.map(({ label, said }) => `${label}: ${said}`)));
    this.field("empty").hidden = answer.lanes.length > 0;
    this.field("shown").hidden = !answer.lanes.length;
    this.draw();
  }

  draw() {
    if (!this.answer?.lanes.length) return;
    const quantity = this.field("quantity").value;
    const title = this.field("quantity").selectedOptions[0].textContent;
    const data = this.answer.lanes.flatMap((lane) => traces(lane, quantity));
    this.figure.draw({ data, layout: { xaxis: { title: "epoch" }, yaxis: { title, rangemode: "tozero" } } });
  }
}

/** @param {any} lane @param {string} quantity */
function traces({ label, color, dash, epoch, predicted, ...values }, quantity) {
  const line = { type: "scatter", mode: "lines", name: label, x: epoch, y: values[quantity], line: { color, dash } };
  if (quantity !== "angular_update" || predicted === null) return [line];
  const level = { ...line, name: `${label}, predicted`, x: [epoch[0], epoch.at(-1)], y: [predicted, predicted] };
  return [line, { ...level, line: { color, dash: "dash", width: 1 }, showlegend: false }];
}
