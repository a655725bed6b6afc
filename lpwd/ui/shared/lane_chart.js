// A live chart of a race's curves: uPlot on a canvas, which redraws a hundred lanes within a frame.

import uPlot from "../vendor/uPlot.js";
import { publishedLine, raceLines } from "./lane_lines.js";
import { axis, bands, lineSeries } from "./lane_plot.js";
import { short } from "./numbers.js";
import { onThemeChange } from "./plotly.js";

const EMPTY = { race: { ids: [], lanes: [], epochs: 10 }, curves: {}, published: { stamp: "", lanes: [] } };
const Y = {
  loss: { title: "training loss (cross-entropy, nats)", digits: 4, range: [0, 5] },
  top1: { title: "test top-1 (%)", digits: 2, range: [0, 100] },
  opposing: { title: "opposing penalties (% of the weights)", digits: 2, range: [0, 100] },
};
const EPOCH = { label: "epoch", value: (_, epoch) => (epoch === null ? "" : short(epoch, 4)) };

export class LaneChart {
  /** @param {HTMLElement} element @param {ChartKind} kind */
  constructor(element, kind) {
    this.element = Object.assign(element, { chart: this });
    this.kind = kind;
    /** @type {any} */
    this.wanted = EMPTY;
    this.drawn = "";
    this.waiting = false;
    /** @type {Line[]} */
    this.lines = [];
    /** @type {any} */
    this.plot = null;
    this.built = ""; // the race and the lines that the plot was made for
    new ResizeObserver(() => this.resize()).observe(element);
    onThemeChange(element, () => this.draw(this.wanted));
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

  redraw() {
    this.waiting = false;
    if (!this.element.clientWidth) return; // drawn once its tab is open
    this.drawn = this.stamp();
    const { race, curves, published } = this.wanted;
    const lanes = race.lanes.filter((lane) => curves[lane.id] && lane.totalSteps);
    const behind = published.lanes.map((lane) => publishedLine(this.kind, lane));
    this.lines = [...behind, ...raceLines(this.kind, lanes, curves)];
    const looks = this.lines.map(({ group, label, color, named, opacity }) => [group, label, color, named, opacity]);
    const built = JSON.stringify([race.ids, document.body.classList.contains("dark"), looks]);
    if (built === this.built) this.update();
    else this.build(built);
  }

  /** Make a new plot; zoom and hidden lines of the same race are kept. @param {string} built */
  build(built) {
    const before = this.plot;
    const race = this.wanted.race.ids.join();
    const zoom = before?.race === race && before.zoomed ? before.scales : null;
    const hidden = new Set((before?.series ?? []).filter(({ show }) => !show).map(({ group }) => group));
    before?.destroy();
    this.built = built;
    this.plot = Object.assign(new uPlot(this.options(hidden), this.data(), this.element), { race });
    if (zoom) this.zoom(zoom);
    this.resize();
  }

  update() {
    const { plot } = this;
    if (!plot.zoomed) return plot.setData(this.data());
    plot.batch(() => {
      plot.setData(this.data(), false);
      this.zoom(plot.scales);
    });
  }

  /** Show this part of the curves until a double click. */
  zoom({ x, y }) {
    this.plot.zoomed = true;
    this.plot.setScale("x", { min: x.min, max: x.max });
    this.plot.setScale("y", { min: y.min, max: y.max });
  }

  resize() {
    if (!this.element.clientWidth) return;
    this.draw(this.wanted);
    if (!this.plot) return;
    const legend = this.element.querySelector(".u-legend")?.clientHeight ?? 0;
    const [width, height] = [this.element.clientWidth, this.element.clientHeight - legend];
    if (width !== this.plot.width || height !== this.plot.height) this.plot.setSize({ width, height });
  }

  /** Return the epochs of all lines, then the values of each after those of its band. */
  data() {
    const tables = this.lines.map(({ x, y, band }) => (band ? [x, band.low, band.high, y] : [x, y]));
    return /** @type {any} */ (tables.length ? uPlot.join(/** @type {any} */ (tables)) : [[]]);
  }

  allEpochs() {
    return [0, this.wanted.race.epochs * 1.02];
  }

  /** @param {Set<string>} hidden groups of lines */
  options(hidden) {
    const { title, digits, range } = Y[this.kind];
    const series = [EPOCH, ...this.lines.flatMap((line) => lineSeries(line, digits, !hidden.has(line.group)))];
    const [width, height] = [this.element.clientWidth, this.element.clientHeight];
    const toWhole = (plot, _target, handler) => (event) => {
      plot.zoomed = false;
      return handler(event);
    };
    return /** @type {any} */ ({
      ...{ width, height, series, bands: bands(series), padding: [8, 12, 0, 0] },
      axes: [axis("epoch", 28), axis(title, 44)],
      scales: {
        x: { time: false, range: (plot, min, max) => (plot.zoomed ? [min, max] : this.allEpochs()) },
        y: { range: (_, min, max) => (min === null ? range : uPlot.rangeNum(min, max, 0.05, false)) },
      },
      cursor: { drag: { x: true, y: true, uni: 40 }, bind: { dblclick: toWhole }, points: { size: 6 } },
      legend: {
        mount: (_, table) => this.element.prepend(table),
        markers: { dash: (plot, i) => (plot.series[i].dash ? "dashed" : "solid") },
      },
      hooks: { setSelect: [(plot) => Object.assign(plot, { zoomed: true })], setSeries: [hideTogether] },
    });
  }
}

/** A click on a name in the legend hides or shows all lines of its group. */
function hideTogether(plot, index, { show }) {
  if (index === null || show === undefined) return;
  const { group } = plot.series[index];
  for (const [i, one] of plot.series.entries())
    if (one.group === group && one.show !== show) plot.setSeries(i, { show });
}
