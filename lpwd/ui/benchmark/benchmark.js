// The Benchmark tab: the scorecard, and the details of the selected preset.

import { count, whole } from "../shared/numbers.js";
import { openRuns } from "../shared/page_race.js";
import { watch } from "../shared/polling.js";
import { parameter, remember } from "../shared/url.js";
import { items, make, View } from "../shared/widgets.js";
import { Claims } from "./claims.js";
import { Figures } from "./figures.js";
import { MissingCells, queueRuns } from "./missing_cells.js";
import { drawResults } from "./results_table.js";
import { drawTiles } from "./tiles.js";

const SENTENCES = 8; // before a fold
const MAX_LIVE = 12; // runs in one live chart
const NOTHING =
  "No run of this preset has finished yet, so there is no conclusion. Run a missing cell, or all of them.";

/** @type {Mount} */
export const mount = (element, { server, props }) => void new Benchmark(element, server, JSON.parse(props.choices));

class Benchmark extends View {
  constructor(element, server, { presets, scales, firstScale }) {
    super(element);
    this.server = server;
    this.firstScale = firstScale;
    /** @type {any} */
    this.cards = null;
    /** @type {any} */
    this.found = null;
    this.scrolls = false; // to the preset, once it is drawn
    const choose = (place) => this.cells.choose(place);
    this.cells = new MissingCells(
      element,
      server,
      () => this.selection(),
      () => this.refresh(),
    );
    this.figures = new Figures(this.field("figures"), choose);
    this.blanks = new Figures(this.field("blanks"), choose);
    this.fillSelect("preset", [["", "choose"], ...presets], "");
    this.fillSelect("scale", scales, firstScale);
    this.askCards = watch(this.element, "benchmark", "scorecard", {
      ask: () => ({ scale: this.field("scale").value, stamp: this.cards?.stamp ?? "" }),
      take: (answer) => this.takeCards(answer),
      showsProblems: true,
    });
    this.askPreset = watch(this.element, "benchmark", "benchmark", {
      ask: () => (this.selection().name ? { ...this.selection(), stamp: this.found?.stamp ?? "" } : null),
      take: (answer) => this.takePreset(answer),
      showsProblems: true,
    });
    this.claims = new Claims(element, (tile, text) => this.addSeeds(tile, text));
    this.listen();
    this.changed();
  }

  fillSelect(name, options, first) {
    const linked = parameter(name);
    this.field(name).replaceChildren(...options.map(([value, label]) => new Option(label, value)));
    this.field(name).value = options.some(([value]) => value === linked) ? linked : first;
  }

  selection() {
    return { name: this.field("preset").value, scale: this.field("scale").value };
  }

  listen() {
    this.on("preset", "change", () => this.changed());
    this.on("scale", "change", () => this.scaleChanged());
    this.on("blank", "toggle", () => this.found && this.drawFigures());
    this.onClick("runs", () => openRuns(this.found.runs.slice(0, MAX_LIVE)));
    document.addEventListener("lpwd:published", () => this.element.isConnected && this.refresh());
  }

  refresh() {
    this.claims.refresh();
    this.askCards();
    this.askPreset();
  }

  takeCards(answer) {
    this.say("unread", answer.problem);
    if (answer.problem || !answer.tiles) return;
    this.cards = answer;
    this.drawTiles();
  }

  takePreset(answer) {
    this.say("problem", answer.problem);
    if (answer.problem || !answer.title) return;
    this.found = answer;
    this.draw();
  }

  changed() {
    const { name, scale } = this.selection();
    this.found = null;
    this.say("told", "");
    this.element.querySelector(".lp-found").hidden = true;
    remember({ preset: name, scale: scale === this.firstScale ? "" : scale });
    if (this.cards) this.drawTiles();
    this.askPreset();
  }

  scaleChanged() {
    this.cards = null;
    this.say("summary", "Reading the runs …");
    this.askCards();
    this.changed();
  }

  /** Open a tile, or close it if it is open. */
  open(name) {
    this.field("preset").value = name === this.field("preset").value ? "" : name;
    this.scrolls = Boolean(this.field("preset").value);
    this.changed();
  }

  /** Queue what a tile offers. @param {any} tile @param {string} [text] of a claims file */
  async addSeeds(tile, text = "") {
    const { scale } = text ? { scale: this.firstScale } : this.selection();
    await queueRuns(this, "queued", "add_seeds", { name: tile.file ?? tile.name, scale, text });
    this.refresh();
  }

  // ---- draw

  drawTiles() {
    const { name, scale } = this.selection();
    this.say("summary", `At scale ${scale}: ${this.cards.summary}.`);
    const open = (/** @type {string} */ tile) => this.open(tile);
    drawTiles(this.field("tiles"), this.cards.tiles, name, { open, start: (tile) => this.addSeeds(tile) });
  }

  draw() {
    const { found } = this;
    this.element.querySelector(".lp-found").hidden = false;
    this.drawHead();
    this.drawSentences(found.done ? found.sentences : [NOTHING]);
    this.button("runs").hidden = !found.runs.length;
    this.cells.draw(found.open);
    this.field("table-block").hidden = !found.table.length;
    if (found.table.length) this.say("legend", drawResults(this.field("table"), found));
    this.drawFigures();
    if (this.scrolls) this.scrollToTitle();
  }

  drawHead() {
    const { found } = this;
    const done = `${whole(found.done)} of ${whole(found.total)} runs done`;
    const origin = found.origin ? ` (${found.origin})` : "";
    this.say("status", `${found.source} · scale ${this.field("scale").value} · ${done}${origin}`);
    for (const name of ["title", "question", "note", "command"]) this.say(name, found[name]);
    const warning = (textContent) => make("p", { className: "lp-problem", textContent });
    this.field("warnings").replaceChildren(...found.warnings.map(warning));
  }

  drawSentences(sentences) {
    this.field("sentences").replaceChildren(...items(sentences.slice(0, SENTENCES)));
    this.field("rest").replaceChildren(...items(sentences.slice(SENTENCES)));
    this.field("more").hidden = sentences.length <= SENTENCES;
    this.say("more-count", `${sentences.length - SENTENCES} more`);
  }

  /** Draw the figures; those without a run fold into one line and are drawn once it is opened. */
  drawFigures() {
    const { figures } = this.found;
    const key = JSON.stringify(this.selection());
    const blank = figures.filter((figure) => figure.empty);
    this.figures.show(
      figures.filter((figure) => !figure.empty),
      key,
    );
    this.field("blank").hidden = !blank.length;
    const text = `${blank.length} of ${count(figures.length, "figure")} not run: click an empty cell to run it`;
    this.say("blank-count", text);
    this.blanks.show(this.field("blank").open ? blank : [], key);
  }

  scrollToTitle() {
    this.scrolls = false;
    this.field("title").focus({ preventScroll: true });
    this.field("title").scrollIntoView({ block: "start" });
  }
}
