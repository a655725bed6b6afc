// The Runs tab: all rows are here, one page of them is drawn. Texts of visitors are text, never HTML.

import { count, whole } from "../shared/numbers.js";
import { onQueueChange } from "../shared/page_race.js";
import { watch } from "../shared/polling.js";
import { call } from "../shared/server.js";
import { isTabOpen, onTabOpened } from "../shared/tabs.js";
import { parameter, remember } from "../shared/url.js";
import { make, View } from "../shared/widgets.js";
import { BulkActions } from "./bulk.js";
import { columnsOf, DEFAULT, MAX_CURVES } from "./columns.js";
import { RunDetail } from "./detail.js";
import { Filters } from "./filters.js";
import { Imported } from "./imported.js";
import { Overlay } from "./overlay.js";
import { groupsOf, matching, newestRace, sorted } from "./run_rows.js";
import { RunTable } from "./run_table.js";
import { Ticks } from "./ticks.js";

const SPARKS = 200; // small curves per request
const NO_RUNS = "No runs yet. Start a race in the Train tab; every run is kept and listed here.";
const NO_MATCH = "No run matches. Clear the filters to see all runs.";

/** @type {Mount} */
export const mount = (element, tools) => void new RunsTab(element, tools, JSON.parse(tools.props.labels));

class RunsTab extends View {
  constructor(element, tools, labels) {
    super(element);
    this.server = tools.server;
    this.labels = labels;
    this.columns = columnsOf(labels);
    this.shownColumns = this.known(parameter("runs_columns").split(","));
    if (!this.shownColumns.length) this.shownColumns = DEFAULT;
    this.sort = parameter("runs_sort") || "-created";
    this.perPage = matchMedia("(min-width: 1200px)").matches ? 50 : 12; // else the chart is far below
    this.page = 0;
    this.rows = new Map(); // run id -> row
    this.groups = new Map(); // key of a setting -> rows
    this.curves = new Map(); // run id -> small curve
    this.lines = [];
    this.cursor = "";
    this.asked = "";
    this.refresh = watch(element, "runs", "runs", {
      ask: () => ({ cursor: this.cursor }),
      take: (news) => this.take(news),
    });
    const address = { read: () => parameter("runs"), write: (runs) => remember({ runs }) };
    this.ticks = new Ticks(
      (key) => this.groups.get(key) ?? [],
      address,
      () => this.ticksChanged(),
    );
    this.overlay = new Overlay(element, this.server, this.ticks);
    this.bulk = new BulkActions(element, this.server, this.rows, this.ticks, this.refresh);
    const remove = (ids) => this.bulk.remove(ids);
    this.detail = new RunDetail(element, tools, { remove, refresh: this.refresh });
    this.table = new RunTable(element, this);
    this.imported = new Imported(element);
    this.filters = new Filters(element, this.said, () => this.turn(0));
    this.listen();
    this.overlay.show();
    onTabOpened("runs", () => this.ticks.reread());
    onQueueChange(element, this.refresh);
  }

  known(names) {
    return Object.keys(this.columns).filter((name) => names.includes(name));
  }

  said = (name, value) => {
    if (name === "method") return this.labels.methods[value]?.label ?? value;
    return name === "dataset" ? (this.labels.datasets[value] ?? value) : value;
  };

  ticksChanged() {
    this.draw();
    this.overlay.show();
  }

  // ---- rows

  take(news) {
    if (news.problem) return this.say("count", news.problem);
    this.cursor = news.cursor;
    this.say("damaged", news.damaged);
    this.say("published", news.published);
    if (news.reset) this.rows.clear();
    for (const values of news.rows) this.keep(values);
    for (const id of news.gone) this.rows.delete(id);
    if (!news.reset && !news.rows.length && !news.gone.length) return;
    this.groups = groupsOf(this.rows.values());
    this.filters.offer([...this.rows.values()]);
    if (this.ticks.isUntouched() && !this.ticks.list().length && (this.rows.size || !news.reading)) this.tickNewest();
    this.ticks.forget(news.gone);
    this.draw();
    this.detail.follow(this.rows);
  }

  keep(values) {
    const row = Object.fromEntries(this.labels.columns.map((name, i) => [name, values[i]]));
    const names = [this.said("method", row.method), this.said("dataset", row.dataset)];
    row.from = row.origin ? "published" : "trained here";
    row.words = [row.id, row.name, row.note, row.state, row.origin, ...names].join(" ").toLowerCase();
    this.rows.set(row.id, row);
    this.curves.delete(row.id);
  }

  tickNewest() {
    const ids = newestRace([...this.rows.values()], Object.keys(this.labels.methods));
    if (ids.length) this.ticks.preset(ids);
  }

  // ---- table

  match() {
    const name = this.sort.replace("-", "");
    const byName = (line) => line.rows[0].name || line.rows[0].id;
    const value = name === "name" ? byName : (this.columns[name] ?? this.columns.created).value;
    return sorted(matching(this.rows.values(), this.filters.wanted()), value, this.sort.startsWith("-"));
  }

  draw() {
    this.lines = this.match();
    this.page = Math.max(0, Math.min(this.page, Math.ceil(this.lines.length / this.perPage) - 1));
    const shown = this.lines.slice(this.page * this.perPage, (this.page + 1) * this.perPage);
    this.drawCounts();
    this.drawPager(shown.length);
    this.table.draw(shown, this.lines);
    this.bulk.draw();
    if (isTabOpen("runs")) this.remember();
    this.fetchCurves(shown);
  }

  drawCounts() {
    const { lines, rows } = this;
    const filtered = this.filters.isActive();
    const matched = lines.reduce((sum, line) => sum + line.rows.length, 0);
    const all = count(rows.size, "run");
    const settings = matched > lines.length ? `, ${count(lines.length, "setting")}` : "";
    this.say("count", (filtered ? `${whole(matched)} of ${all}` : all) + settings);
    this.say("empty", rows.size ? NO_MATCH : NO_RUNS);
    this.field("empty").hidden = lines.length > 0;
    this.element.querySelector(".lp-listing .lp-scroll").hidden = !lines.length;
    this.button("clear").disabled = !filtered;
  }

  drawPager(n) {
    const { lines, page, perPage } = this;
    this.element.querySelector(".lp-pager").hidden = lines.length <= perPage;
    this.say("page", `${page * perPage + 1} to ${page * perPage + n} of ${whole(lines.length)}`);
    this.button("previous").disabled = !page;
    this.button("next").disabled = (page + 1) * perPage >= lines.length;
  }

  remember() {
    const runs_columns = this.shownColumns.join() === DEFAULT.join() ? "" : this.shownColumns.join();
    const runs_sort = this.sort === "-created" ? "" : this.sort;
    remember({ runs_sort, runs_columns, ...this.filters.address() });
  }

  /** Fetch the small curves of drawn runs, once each. */
  async fetchCurves(shown) {
    if (!this.shownColumns.includes("curve")) return;
    const ids = shown.flatMap((line) => line.rows.slice(0, MAX_CURVES)).map((row) => row.id);
    const missing = ids.filter((id) => !this.curves.has(id)).slice(0, SPARKS);
    if (!missing.length || this.asked === missing.join()) return;
    this.asked = missing.join();
    const { sparks = {} } = await call(this.server, "sparks", { run_ids: missing });
    this.asked = "";
    for (const id of missing) this.curves.set(id, sparks[id] ?? []);
    this.draw();
  }

  // ---- what visitors do

  listen() {
    this.onClick("previous", () => this.turn(this.page - 1));
    this.onClick("next", () => this.turn(this.page + 1));
    this.field("columns").replaceChildren(...Object.keys(this.columns).map((name) => this.columnChoice(name)));
  }

  columnChoice(name) {
    const change = ({ target }) => {
      const others = this.shownColumns.filter((other) => other !== name);
      this.shownColumns = this.known(target.checked ? [...others, name] : others);
      this.draw();
    };
    const box = make("input", { type: "checkbox", checked: this.shownColumns.includes(name), on: { change } });
    return make("label", { className: "lp-tick" }, box, this.columns[name].title);
  }

  turn(page) {
    this.page = page;
    this.draw();
  }

  sortBy(sort) {
    this.sort = sort;
    this.turn(0);
  }

  async openRun(id) {
    await this.detail.show(id);
    this.draw();
  }

  currentRun() {
    return this.detail.current();
  }
}
