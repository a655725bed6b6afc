// Act two of the landing: a recorded scan over lambda under a slider, and one live seed in the same charts.

import { parameter, remember } from "../shared/url.js";
import { button, choice, put, table, View } from "../shared/widgets.js";
import { sample } from "./penalty_axes.js";
import { PenaltyChart } from "./penalty_chart.js";
import { LiveSeed } from "./penalty_live.js";
import { ChartPointer } from "./penalty_pointer.js";
import { axesOf, curveSeries, epochRows, resultSeries, VALUES } from "./penalty_series.js";
import { hintText, methodRows, shrinkText, strengthRows, zeroedText } from "./penalty_text.js";
import { ScanSource } from "./scan_source.js";

const SETTLE_MS = 250;
const FIRST_DECAY = 0.5; // unless the link or the scan names another

export class Penalty extends View {
  constructor(element, server, { frames, digests, reading }) {
    super(element);
    this.frames = frames;
    this.linked = { scan: parameter("demo_scan"), decay: Number(parameter("demo_wd")) };
    const named = (name) => frames.find((frame) => frame.name === name);
    this.frame = named(this.linked.scan) ?? frames.find(({ name }) => digests[name]) ?? frames[0];
    this.at = 0; // index of the selected lambda
    this.value = "best10_mean";
    this.close = false;
    this.touched = false;
    this.hidden = new Set(); // methods
    this.drawn = () => {}; // called when the scan, the live seed or its texts have changed
    const chart = (name) => new PenaltyChart(this.field(name));
    this.charts = { loss: chart("loss"), top1: chart("top1"), result: chart("result") };
    this.live = new LiveSeed(
      element,
      server,
      () => this.cell(),
      (moved) => this.liveChanged(moved),
      () => this.drawn(),
    );
    this.source = new ScanSource(element, { digests, reading }, () => this.fetchScan());
    this.listen();
    this.open();
  }

  scan() {
    return this.source.get(this.frame.name);
  }

  decay() {
    return this.frame.decays[this.at];
  }

  styles() {
    return this.frame.methods.filter(({ method }) => !this.hidden.has(method));
  }

  cell() {
    return { scan: this.frame.name, decay: this.decay(), methods: this.styles().map(({ method }) => method) };
  }

  // ---- controls

  listen() {
    const scans = this.frames.map(({ name, label }) => choice("lp-scans", name, label, this.frame.name));
    this.field("scans").append(...scans);
    this.on("scans", "change", ({ target }) => this.selectScan(target.value));
    this.on("values", "change", ({ target }) => {
      this.value = target.value;
      this.draw();
    });
    this.on("axes", "change", ({ target }) => {
      this.close = target.value === "close";
      this.draw();
    });
    this.on("decay", "input", ({ target }) => this.select(Number(target.value)));
    const { loss, top1, result } = this.charts;
    new ChartPointer(loss.element, loss, { name: "epoch", digits: 3 });
    new ChartPointer(top1.element, top1, { name: "epoch", digits: 2 });
    new ChartPointer(result.element, result, { name: "λ", digits: 2, drag: (x) => this.select(this.nearest(x)) });
    for (const name of ["epochs", "strengths"]) {
      this.on(`${name}-fold`, "toggle", () => this.fillFolds());
    }
  }

  /** Return the index of the recorded lambda nearest to this one in ratio. */
  nearest(wanted) {
    const away = this.frame.decays.map((decay) => Math.abs(Math.log(decay / wanted)));
    return away.indexOf(Math.min(...away));
  }

  select(at) {
    if (at === this.at) return;
    this.at = at;
    this.touched = true;
    this.draw();
    this.settle();
  }

  /** Once the slider rests, update the address and ask the server about this cell. */
  settle() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      remember({ tab: "demo", demo_scan: this.frame.name, demo_wd: this.decay() });
      this.fillFolds();
      this.live.ask();
    }, SETTLE_MS);
  }

  // ---- recorded scans: fetched once, after the page is painted

  /** Open the scan at the lambda of the link, else at its default. */
  open() {
    const isOther = this.linked.scan && this.linked.scan !== this.frame.name;
    this.at = this.nearest((!isOther && this.linked.decay) || this.scan()?.open || FIRST_DECAY);
    this.bring();
  }

  selectScan(name) {
    this.frame = this.frames.find((frame) => frame.name === name);
    this.open();
  }

  bring() {
    this.field("decay").max = this.frame.decays.length - 1;
    this.field("legend").replaceChildren(...this.frame.methods.map((style) => this.legendButton(style)));
    this.draw();
    if (this.source.isPublished(this.frame.name) && !this.scan())
      this.fetchScan(); // also asks about the cell
    else this.live.ask();
  }

  /** Return a button that hides or shows a method. */
  legendButton(style) {
    const node = button("", () => {
      if (!this.hidden.delete(style.method)) this.hidden.add(style.method);
      node.setAttribute("aria-pressed", String(!this.hidden.has(style.method)));
      this.draw();
      this.settle();
    });
    node.setAttribute("aria-pressed", String(!this.hidden.has(style.method)));
    node.append(sample(style), style.label);
    return node;
  }

  async fetchScan() {
    const { name } = this.frame;
    try {
      if (!(await this.source.fetch(name)) || name !== this.frame.name) return;
    } catch {
      this.say("says", "The recorded scan could not be loaded. Reload the page to try again.");
      return this.live.ask();
    }
    if (!this.scan()) return this.bring();
    if (!this.touched && !this.linked.decay && this.scan().open) this.at = this.nearest(this.scan().open);
    this.draw();
    this.fillFolds();
    this.live.ask();
  }

  /** Select this cell, with these methods alone, and start its next seed. */
  raceHere(scan, decay, methods) {
    if (this.live.starting || (this.live.isWorking() && this.live.isHere())) return;
    this.moveTo({ scan, decay });
    this.hidden = new Set(this.frame.methods.map(({ method }) => method).filter((name) => !methods.includes(name)));
    this.bring();
    this.live.start();
  }

  liveChanged(moved) {
    if (!moved) this.draw();
    else this.moveTo(moved);
    this.fillFolds();
  }

  moveTo({ scan, decay }) {
    this.frame = this.frames.find(({ name }) => name === scan);
    /** @type {any} */ (this.field("scans").querySelector(`[value=${scan}]`)).checked = true;
    this.at = this.nearest(decay);
    this.touched = true;
    this.bring();
  }

  // ---- draw

  draw() {
    const { frame, at, value, close, live } = this;
    const lanes = live.lanes();
    const points = (id) => live.curves[id];
    const selection = { frame, scan: this.scan(), styles: this.styles(), at, value, close, lanes, points };
    const axes = axesOf(selection);
    const where = `at λ ${this.decay()}; the numbers follow below`;
    const level = { value: frame.chance, name: `chance, ${frame.chance} %` };
    const over = `Test top-1, ${VALUES[value]}, over λ, the cursor at ${this.decay()}`;
    const { loss, top1, result } = this.charts;
    loss.draw(axes.loss, curveSeries("loss", selection), { label: `Training loss over epochs ${where}` });
    top1.draw(axes.top1, curveSeries("top1", selection), { label: `Test top-1 over epochs ${where}`, level });
    result.draw(axes.result, resultSeries(selection), { label: over, level, cursor: this.decay() });
    this.describe();
  }

  describe() {
    const { frame, at, value } = this;
    const scan = this.scan();
    const text = `λ ${this.decay()}`;
    this.field("decay").value = at;
    this.field("decay").setAttribute("aria-valuetext", text);
    this.say("decay-is", String(this.decay()));
    this.say("result-title", `Test top-1 over λ, ${VALUES[value]}`);
    const empty = `No run of preset ${frame.name} is published yet. Run one seed here, or all of them with \
\`python -m lpwd sweep ${frame.name}\`.`;
    const missing = this.source.isPublished(frame.name) ? "Loading the recorded scan …" : empty;
    this.say("says", scan ? scan.says[value][at] || `No run is recorded at ${text} yet.` : missing);
    this.say("hint", scan ? hintText(scan, value, at) : "");
    const cells = Object.fromEntries(frame.methods.map(({ method, label }) => [label, scan?.methods[method][at]]));
    this.say("shrink", shrinkText(frame, this.decay(), scan?.methods.lpwd?.[at]));
    this.say("warning", zeroedText(frame, this.decay(), cells));
    this.fill(
      this.field("at"),
      methodRows(frame, scan, value, at),
      frame.methods.map(({ color }) => color),
    );
    const bands = "Bands: one standard deviation over seeds.";
    this.say("source", scan ? `Recorded: ${scan.line}. From ${scan.source}. ${bands}` : "");
  }

  /** Fill a table that changes with every frame: existing cells only change their text. */
  fill(node, rows, colors) {
    const cells = node.querySelectorAll("th, td");
    if (cells.length !== rows.flat().length) return table(node, rows, { colors });
    rows.flat().forEach((text, i) => void put(cells[i], text));
    node.querySelectorAll("tbody tr").forEach((row, i) => void row.style.setProperty("--lane", colors[i]));
  }

  rows(name) {
    if (name === "strengths") return strengthRows(this.frame, this.scan(), this.value);
    return epochRows(this.frame.epochs, this.charts.loss.series(), this.charts.top1.series());
  }

  /** Fill the long tables that are open. */
  fillFolds() {
    for (const name of ["epochs", "strengths"]) {
      if (this.field(`${name}-fold`).open) table(this.field(name), this.rows(name));
    }
  }
}
