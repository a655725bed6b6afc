// A live chart of a race's curves.

import { publishedTrace, raceTraces } from "./lane_traces.js";
import { draw, figureLayout, load, onThemeChange, whenSized } from "./plotly.js";

const EMPTY = { race: { ids: [], lanes: [], epochs: 10 }, curves: {}, published: { stamp: "", lanes: [] } };
const Y = {
  loss: { title: "training loss (cross-entropy, nats)", hoverformat: ".4f", range: [0, 5] },
  top1: { title: "test top-1 (%)", hoverformat: ".2f", range: [0, 100] },
  opposing: { title: "opposing penalties (% of the weights)", hoverformat: ".2f", range: [0, 100] },
};

export class LaneChart {
  /** @param {HTMLElement} element @param {ChartKind} kind */
  constructor(element, kind) {
    this.element = element;
    this.kind = kind;
    /** @type {any} */
    this.wanted = EMPTY;
    this.drawn = "";
    this.waiting = false;
    onThemeChange(() => this.draw(this.wanted));
    this.draw(EMPTY);
  }

  /** Draw on the next frame, if anything has changed.
   * @param {{race: any, curves: Curves, published: any}} wanted `published` has lanes of means over seeds */
  draw(wanted) {
    this.wanted = wanted;
    if (this.waiting || this.stamp() === this.drawn) return;
    this.waiting = true;
    requestAnimationFrame(() => this.redraw());
  }

  stamp() {
    const { race, curves, published } = this.wanted;
    const lanes = race.lanes.map((lane) => `${lane.id} ${lane.totalSteps} ${curves[lane.id]?.cursor}`);
    return [...lanes, document.body.classList.contains("dark"), published.stamp].join();
  }

  async redraw() {
    await whenSized(this.element);
    await load();
    this.waiting = false;
    if (!this.element.isConnected) return;
    this.drawn = this.stamp();
    const { race, curves, published } = this.wanted;
    const lanes = race.lanes.filter((lane) => curves[lane.id] && lane.totalSteps);
    const live = raceTraces(this.kind, lanes, curves);
    const data = [...published.lanes.map((lane) => publishedTrace(this.kind, lane)), ...live];
    const hasPoints = data.some((trace) => trace.x.length);
    await draw(this.element, data, this.layout(race, hasPoints));
  }

  layout(race, hasPoints) {
    const { range, ...y } = Y[this.kind];
    return figureLayout({
      uirevision: race.ids.join(), // zoom, legend and hover survive new points
      margin: { l: 56, r: 12, t: 24, b: 44 },
      xaxis: { title: "epoch", range: [0, race.epochs * 1.02], hoverformat: ".2~f" },
      yaxis: hasPoints ? y : { ...y, range },
      legend: { x: 1, xanchor: "right" },
      showlegend: true,
      hovermode: "x unified",
    });
  }
}
