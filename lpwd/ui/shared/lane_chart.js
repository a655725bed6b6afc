// A live chart of a race's curves.

import { Figure } from "./figure.js";
import { publishedTrace, raceTraces } from "./lane_traces.js";

const EMPTY = { race: { ids: [], lanes: [], epochs: 10 }, curves: {}, published: { stamp: "", lanes: [] } };
const Y = {
  loss: { title: "training loss (cross-entropy, nats)", hoverformat: ".4f", range: [0, 5] },
  top1: { title: "test top-1 (%)", hoverformat: ".2f", range: [0, 100] },
  opposing: { title: "opposing penalties (% of the weights)", hoverformat: ".2f", range: [0, 100] },
};

export class LaneChart {
  /** @param {HTMLElement} element @param {ChartKind} kind */
  constructor(element, kind) {
    this.figure = new Figure(element);
    this.kind = kind;
    this.stamp = "";
    this.draw(EMPTY);
  }

  /** Draw if anything has changed.
   * @param {{race: any, curves: Curves, published: any}} wanted `published` has lanes of means over seeds */
  draw({ race, curves, published }) {
    const points = race.lanes.map((lane) => `${lane.id} ${lane.totalSteps} ${curves[lane.id]?.cursor}`);
    const stamp = [race.epochs, ...points, published.stamp].join();
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    const lanes = race.lanes.filter((lane) => curves[lane.id] && lane.totalSteps);
    const traces = published.lanes.map((lane) => publishedTrace(this.kind, lane));
    const data = [...traces, ...raceTraces(this.kind, lanes, curves)];
    this.figure.draw({ data, layout: this.layout(race, data) });
  }

  layout(race, data) {
    const { range, ...y } = Y[this.kind];
    return {
      uirevision: race.ids.join(), // zoom, legend and hover survive new points
      margin: { l: 56, r: 12, t: 24, b: 44 },
      xaxis: { title: "epoch", range: [0, race.epochs * 1.02], hoverformat: ".2~f" },
      yaxis: data.some((trace) => trace.x.length) ? y : { ...y, range },
      legend: { x: 1, xanchor: "right" },
      showlegend: true,
      hovermode: "x unified",
    };
  }
}
