// The drawn page of the table of runs: its head, one row per line, and the seeds of open groups.

import { make } from "../shared/widgets.js";

const MAX_SEEDS = 50; // of an open group

const tickBox = (ariaLabel, key, checked, change) =>
  make("input", { type: "checkbox", ariaLabel, checked, data: { key }, on: { change } });
const linkButton = (key, click, properties) =>
  make("button", { type: "button", className: "lp-link", ...properties, data: { key }, on: { click } });

export class RunTable {
  /** @param {any} element of the tab @param {any} tab the tab: columns, sort order, labels, ticks, groups and curves */
  constructor(element, tab) {
    this.element = element;
    this.tab = tab;
    this.open = new Set(); // keys of groups
  }

  /** @param {any[]} shown lines of this page @param {any[]} all lines that match */
  draw(shown, all) {
    const held = /** @type {any} */ (document.activeElement)?.dataset.key; // drawing again must not move the focus
    const seeds = (line) => (this.open.has(line.key) ? line.rows.slice(0, MAX_SEEDS) : []);
    const rows = shown.flatMap((line) => [this.lineRow(line), ...seeds(line).map((run) => this.seedRow(run))]);
    this.element.querySelector("tbody").replaceChildren(...rows);
    this.element.querySelector("thead").replaceChildren(this.headRow(all));
    if (held) this.element.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
  }

  headRow(lines) {
    const { ticks, columns, shownColumns } = this.tab;
    const change = ({ target }) =>
      ticks.setAll(
        lines.flatMap((line) => line.rows),
        target.checked,
      );
    const checked = lines.length > 0 && lines.every((line) => line.rows.every(ticks.has));
    const all = tickBox("Tick every run that matches", "all", checked, change);
    const heads = shownColumns.map((name) => this.heading(name, columns[name]));
    const run = this.heading("name", { title: "Run", className: "lp-left" });
    return make("tr", {}, make("th", { scope: "col" }, all), run, ...heads);
  }

  heading(key, { title, className }) {
    const { sort } = this.tab;
    const [down, up] = [sort === `-${key}`, sort === key];
    const ascending = down || (!up && className.includes("lp-left")); // first click: texts from A, numbers from the largest
    const click = () => this.tab.sortBy(ascending ? key : `-${key}`);
    const textContent = title + (up ? " ↑" : down ? " ↓" : "");
    const options = { type: "button", className: "lp-sort", textContent, data: { key: `sort-${key}` }, on: { click } };
    const ariaSort = down ? "descending" : up ? "ascending" : "none";
    return make("th", { scope: "col", className, ariaSort }, make("button", options));
  }

  lineRow(line) {
    const { ticks, said } = this.tab;
    const [only] = line.rows;
    const ticked = line.rows.filter(ticks.has).length;
    const what = line.rows.length > 1 ? `${line.rows.length} seeds` : only.name || only.id;
    const label = `Tick ${said("method", only.method)}, λ ${only.weightDecay}, ${what}`;
    const change = ({ target }) => this.tick(line, target.checked);
    const box = tickBox(label, `box-${line.key}`, ticked === line.rows.length, change);
    box.indeterminate = ticked > 0 && ticked < line.rows.length;
    const name = line.rows.length > 1 ? this.groupButton(line) : this.runButton(only, only.id.slice(-8));
    const task = `${only.model}, ${said("dataset", only.dataset)}`;
    return this.row(line, box, name, "", [make("small", { textContent: task, title: task })]);
  }

  tick({ key, rows }, checked) {
    const { ticks, groups } = this.tab;
    if (rows.length === 1) ticks.setRun(rows[0], checked);
    else if (rows.length === (groups.get(key) ?? []).length) ticks.setGroup(key, checked);
    else ticks.setAll(rows, checked);
  }

  seedRow(run) {
    const { ticks } = this.tab;
    const change = ({ target }) => ticks.setRun(run, target.checked);
    const box = tickBox(`Tick seed ${run.seed}, ${run.id}`, `box-${run.id}`, ticks.has(run), change);
    const name = this.runButton(run, `seed ${run.seed}, ${run.id.slice(-8)}`);
    return this.row({ key: run.id, rows: [run] }, box, name, "lp-seed", []);
  }

  row(line, box, name, className, under) {
    const { shownColumns, columns, curves } = this.tab;
    const [{ id, origin }] = line.rows;
    const isCurrent = line.rows.length === 1 && id === this.tab.currentRun();
    const names = [className, origin && "lp-published", isCurrent && "lp-current"].filter(Boolean);
    const from = origin
      ? [make("em", { textContent: ` ${origin.replace(", ", " ")}`, title: `published: ${origin}` })]
      : [];
    const first = make("th", { scope: "row", className: "lp-left" }, name, ...from, ...under);
    const cell = (column) => make("td", { className: columns[column].className }, columns[column].cell(line, curves));
    return make(
      "tr",
      { className: names.join(" "), data: { run: id } },
      make("td", {}, box),
      first,
      ...shownColumns.map(cell),
    );
  }

  groupButton({ key, rows }) {
    const isOpen = this.open.has(key);
    const click = () => {
      if (!this.open.delete(key)) this.open.add(key);
      this.tab.draw();
    };
    const textContent = `${isOpen ? "▾" : "▸"} ${rows.length} seeds`;
    return linkButton(`open-${key}`, click, { textContent, ariaExpanded: String(isOpen) });
  }

  runButton(run, otherwise) {
    const title = run.note ? `${run.id}: ${run.note}` : run.id;
    return linkButton(`run-${run.id}`, () => this.tab.openRun(run.id), { textContent: run.name || otherwise, title });
  }
}
