// The number line of act one: one weight and one update, decayed in three ways, one row each, phase by phase.

import { signed } from "../shared/numbers.js";
import { Canvas } from "./toy_canvas.js";

const ROW = 52;
const TOP = 36;
const FOOT = 20;
const SIDE = 24;
const NARROW_PX = 480; // a canvas too narrow for two moves in words
const REACHES = [1, 2, 4, 6, 8, 10]; // of the axis, times a power of ten
const FIRST = [0.14, 0.4]; // start and end of the first move, as fractions of the cycle
const SECOND = [0.5, 0.76];

/** Return the eased progress of a move, 0 to 1. @param {number} share of the cycle @param {number[]} move */
function progress(share, [from, to]) {
  const x = Math.min(1, Math.max(0, (share - from) / (to - from)));
  return x * x * (3 - 2 * x);
}

/** Return the smallest round number that includes all values. @param {Decayed[]} ways */
export function axisReach(ways) {
  const values = ways.flatMap((way) => [way.before, way.between, way.after].map(Math.abs));
  const most = 1.1 * Math.max(...values, 1e-6);
  const power = 10 ** Math.floor(Math.log10(most));
  return power * Number(REACHES.find((reach) => reach * power >= most));
}

export class NumberLine {
  /** @param {HTMLElement} node @param {Record<string, Style>} styles by method */
  constructor(node, styles) {
    this.styles = styles;
    /** @type {any} */
    this.shown = null;
    /** @type {(value: number) => number} */
    this.x = Number; // value -> pixel
    const height = TOP + 2 * ROW + 28 + FOOT;
    this.canvas = new Canvas(
      node,
      () => height,
      () => this.shown && this.draw(this.shown),
    );
  }

  /** @param {{ways: Decayed[], share: number, digits: number}} view `share` of the cycle, 0 to 1 */
  draw(view) {
    this.shown = view;
    const { canvas } = this;
    if (!canvas.width) return canvas.fit();
    const end = axisReach(view.ways);
    this.x = (value) => canvas.width / 2 + (value / end) * (canvas.width / 2 - SIDE);
    canvas.clear();
    canvas.line([this.x(0), TOP - 28], [this.x(0), canvas.height - FOOT + 4], canvas.colors.muted);
    for (const at of [-end, -end / 2, 0, end / 2, end]) {
      const tick = String(Number(at.toPrecision(2))).replace("-", "−");
      canvas.text(tick, [this.x(at), canvas.height - 4], { align: "center" });
    }
    view.ways.forEach((way, i) => void this.row(way, TOP + i * ROW, view));
  }

  row(way, y, { share, digits }) {
    const { canvas, x } = this;
    const { color, label } = this.styles[way.method];
    const moves = [progress(share, FIRST), progress(share, SECOND)];
    const between = x(way.before) + moves[0] * (x(way.between) - x(way.before));
    const after = x(way.between) + moves[1] * (x(way.after) - x(way.between));
    const decayFirst = way.method === "pwd";
    const decay = { color: way.opposes ? canvas.colors.against : color, width: way.opposes ? 6 : 4 };
    const update = { color: canvas.colors.muted, width: 2 };
    const [one, two] = decayFirst ? [decay, update] : [update, decay];
    canvas.line([SIDE, y], [canvas.width - SIDE, y], canvas.colors.grid);
    canvas.arrow([x(way.before), y], [between, y], one.color, one.width);
    if (moves[1]) canvas.arrow([x(way.between), y], [after, y], two.color, two.width);
    canvas.dot([x(way.before), y], 4, color, true);
    if (moves[1] === 1) canvas.dot([after, y], 5, color);
    this.labels(way, y + 18, moves[1] === 1, digits);
    const width = canvas.text(label, [SIDE, y - 14], { fill: canvas.colors.ink, bold: true });
    const wrong = way.opposes && moves[decayFirst ? 0 : 1] > 0;
    const look = { fill: wrong ? canvas.colors.against : canvas.colors.muted, bold: wrong };
    canvas.text(this.phrase(way, moves, digits), [SIDE + 10 + width, y - 14], look);
  }

  /** Return what the row does now. */
  phrase(way, /** @type {number[]} */ [first, second], digits) {
    const plus = (value) => (value > 0 ? `+${signed(value, digits)}` : signed(value, digits));
    const decayFirst = way.method === "pwd";
    const sizes = [way.between - way.before, way.after - way.between].map(plus);
    const decay = `decay ${sizes[decayFirst ? 0 : 1]} ${way.opposes ? "pushes away from 0" : "pulls towards 0"}`;
    const update = `update ${sizes[decayFirst ? 1 : 0]}`;
    if (!first) return "";
    if (!decayFirst) return second ? decay : update;
    if (!second) return decay;
    return this.canvas.width < NARROW_PX ? `then ${update}` : `${decay}, then ${update}`;
  }

  /** Label the start and the end, unless one label would cover the other. */
  labels(way, y, ended, digits) {
    const { canvas, x } = this;
    const room = Math.abs(x(way.before) - x(way.after));
    if (!ended || room > 56) canvas.text(signed(way.before, digits), [x(way.before), y], { align: "center" });
    const bold = { align: "center", fill: canvas.colors.ink, bold: true };
    if (ended) canvas.text(signed(way.after, digits), [x(way.after), y], bold);
  }
}
