// How each layer of the race moves, epoch by epoch, beside the equilibrium that theory predicts.

import { onPoll } from "../shared/page_race.js";
import { draw, figureLayout, onThemeChange, whenSized } from "../shared/plotly.js";
import { watch } from "../shared/polling.js";
import { items, View } from "../shared/widgets.js";

/** @type {Mount} */
export const mount = (element) => void new Motion(element);

class Motion extends View {
  constructor(element) {
    super(element);
    this.fold = element.querySelector("details");
    /** @type {string[]} */
    this.ids = [];
    this.layer = -1;
    this.stamp = "";
    /** @type {any} */
    this.answer = null;
    this.ask = watch(element, "train", "motion", {
      ask: () => (this.fold.open && this.ids.length ? { ids: this.ids, layer: this.layer, stamp: this.stamp } : null),
      take: (answer) => this.take(answer),
      showsProblems: true,
    });
    this.fold.addEventListener("toggle", () => this.ask());
    this.on("layer", "change", ({ target }) => this.choose(Number(target.value)));
    this.on("quantity", "change", () => this.draw());
    onThemeChange(() => this.draw());
    onPoll(element, ({ answer }) => this.follow(answer?.race?.ids ?? []));
  }

  follow(/** @type {string[]} */ ids) {
    if (ids.join() === this.ids.join()) return;
    this.ids = ids;
    this.answer = null;
    this.choose(-1);
  }

  choose(/** @type {number} */ layer) {
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
    const select = this.field("layer");
    const options = answer.layers.map((name, i) => new Option(`${i + 1} ${name}`, String(i)));
    if (select.options.length !== options.length) select.replaceChildren(...options);
    select.value = String(answer.layer);
    this.field("said").replaceChildren(...items(answer.lanes.map(({ label, said }) => `${label}: ${said}.`)));
    this.draw();
  }

  async draw() {
    if (!this.answer) return;
    const plot = this.field("plot");
    await whenSized(plot);
    const quantity = this.field("quantity").value;
    const title = this.field("quantity").selectedOptions[0].textContent;
    const data = this.answer.lanes.flatMap((lane) => traces(lane, quantity));
    await draw(plot, data, figureLayout({ xaxis: { title: "epoch" }, yaxis: { title, rangemode: "tozero" } }));
  }
}

/** @param {any} lane @param {string} quantity */
function traces({ label, color, dash, epoch, predicted, ...values }, quantity) {
  const line = { type: "scatter", mode: "lines", name: label, x: epoch, y: values[quantity], line: { color, dash } };
  if (quantity !== "angular_update" || predicted === null) return [line];
  const level = { ...line, name: `${label}, predicted`, x: [epoch[0], epoch.at(-1)], y: [predicted, predicted] };
  return [line, { ...level, line: { color, dash: "dash", width: 1 }, showlegend: false }];
}
