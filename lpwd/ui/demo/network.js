// Act three of the landing: the weight norms of a recorded run by layer and epoch, as a coloured table.

import { copy, csv } from "../shared/files.js";
import { percent, short } from "../shared/numbers.js";
import { call } from "../shared/server.js";
import { make, View } from "../shared/widgets.js";
import { heat } from "./network_heat.js";

/** @type {Mount} */
export function mount(element, { server, props }) {
  const network = new Network(element);
  network.take(JSON.parse(props.first));
  if (props.reading) call(server, "network").then((answer) => network.take(answer));
}

class Network extends View {
  constructor(element) {
    super(element);
    /** @type {any} */
    this.pair = null;
    this.method = "lpwd";
    this.onClick("copy", ({ target }) => copy(target, csv(this.rows())));
  }

  /** Show the newest published pair; a pair that is shown already stays. */
  take({ pair }) {
    if (!pair || pair.key === this.pair?.key) return;
    this.pair = pair;
    this.say("source", `Recorded: ${pair.line}`);
    this.field("methods").replaceChildren(make("legend", { textContent: "Method" }), ...pair.lanes.map(this.choice));
    this.draw();
  }

  choice = ({ method, label }) => {
    const on = { change: () => this.choose(method) };
    const checked = method === this.method;
    return make("label", {}, make("input", { type: "radio", name: "lp-network-method", checked, on }), label);
  };

  choose(method) {
    this.method = method;
    this.draw();
  }

  lane() {
    return this.pair.lanes.find(({ method }) => method === this.method);
  }

  /** Return the table, its head first: layer, rate, and the norm after each epoch as a share of the initial norm. */
  rows() {
    const { layers, rates, z } = this.lane().heat;
    const head = ["Layer, shallow to deep", "λᵢ", ...z[0].map((_, epoch) => String(epoch))];
    return [head, ...layers.map((name, i) => [`${i + 1} ${name}`, short(rates[i], 3), ...z[i].map(percent)])];
  }

  draw() {
    const [head, ...body] = this.rows();
    const { z } = this.lane().heat;
    const all = this.pair.lanes.flatMap((lane) => lane.heat.z.flat());
    const cell = (text, i, j) => {
      if (!j) return make("th", { scope: "row", textContent: text });
      return make("td", { textContent: text, style: j > 1 ? heat(z[i][j - 2], all) : {} });
    };
    const rows = body.map((texts, i) => make("tr", {}, ...texts.map((text, j) => cell(text, i, j))));
    const heads = head.map((textContent) => make("th", { scope: "col", textContent }));
    this.field("norms").replaceChildren(make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows));
    this.say("words", this.lane().words);
  }
}
