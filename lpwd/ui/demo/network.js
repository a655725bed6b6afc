// Act three of the landing: the weight norms of a recorded run by layer and epoch, as a coloured table.

import { percent, short } from "../shared/numbers.js";
import { choice, make, table, View } from "../shared/widgets.js";

const FLOOR = 1e-4; // shares below it look alike
const LIGHT_FROM = 46; // percent of yellow from which black text has the contrast of 4.5 that white loses

/** Return the colours of a cell, on a logarithmic scale that `all` shares span. @param {number} share @param {number[]} all */
export function heat(share, all) {
  const log = (/** @type {number} */ value) => Math.log(Math.max(FLOOR, value));
  const [low, high] = [Math.min(...all.map(log)), Math.max(...all.map(log))];
  const percent = high > low ? Math.round((100 * (log(share) - low)) / (high - low)) : 100;
  return {
    background: `color-mix(in oklab, #fee838 ${percent}%, #00224e)`,
    color: percent < LIGHT_FROM ? "white" : "black",
  };
}

export class Network extends View {
  constructor(element) {
    super(element);
    /** @type {any} */
    this.pair = null;
    this.method = "lpwd";
    this.on("methods", "change", ({ target }) => {
      this.method = target.value;
      this.draw();
    });
  }

  /** Show the newest published pair; a pair that is shown already stays. */
  take({ pair }) {
    if (!pair || pair.key === this.pair?.key) return;
    this.pair = pair;
    this.say("source", `Recorded: ${pair.line}`);
    const choices = pair.lanes.map(({ method, label }) => choice("lp-network-method", method, label, this.method));
    this.field("methods").replaceChildren(make("legend", { textContent: "Method" }), ...choices);
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
    const { z } = this.lane().heat;
    const all = this.pair.lanes.flatMap((lane) => lane.heat.z.flat()).filter((share) => share !== null);
    table(this.field("norms"), this.rows());
    [...this.field("norms").tBodies[0].rows].forEach((row, i) => {
      z[i].forEach(
        (share, epoch) => void (share === null || Object.assign(row.cells[epoch + 2].style, heat(share, all))),
      );
    });
    this.say("words", this.lane().words);
  }
}
