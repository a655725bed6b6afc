// Runs of other trackers: files dropped on the tab, compared by the server, and stored only in this browser.

import { Figure } from "../shared/figure.js";
import { onFilesDropped } from "../shared/files.js";
import { count } from "../shared/numbers.js";
import { isTabOpen, onTabOpened } from "../shared/tabs.js";
import { items, put, table, View } from "../shared/widgets.js";
import { chosenColumns, fileTitle, optionsOf, tooLarge } from "./imported_choices.js";

const KEY = "lpwd-imported"; // in the browser's storage: title, table as CSV, and chosen columns

export class Imported extends View {
  /** @param {any} tab element of the tab, which takes the files */
  constructor(tab) {
    super(tab.querySelector(".lp-imported"));
    const controls = [...this.element.querySelectorAll("[data-c]")];
    this.controls = Object.fromEntries(controls.map((control) => [control.dataset.c, control]));
    this.plots = [...this.element.querySelectorAll(".lp-plot")].map((plot) => new Figure(plot));
    this.latest = 0; // number of the latest request: an earlier answer is not drawn
    /** @type {any} */
    this.kept = null;
    this.listen(tab);
    if (isTabOpen("runs")) this.restore();
    onTabOpened("runs", () => this.restore());
  }

  listen(tab) {
    onFilesDropped(tab, this.field("files"), (files) => this.read(files));
    this.onClick("forget", () => this.forget());
    for (const [name, control] of Object.entries(this.controls)) {
      control.addEventListener("change", () => this.choose(name));
    }
  }

  /** Compare newly dropped files by guessed columns. @param {File[]} files */
  async read(files) {
    const problem = tooLarge(files);
    if (problem) return this.say("refused", problem);
    const answer = await this.ask(files, {});
    if (answer) this.keep(fileTitle(files), answer, {});
  }

  /** Compare by other columns. @param {string} name of the changed control */
  async choose(name) {
    const { title, csv } = this.kept;
    const chosen = chosenColumns(this.kept.chosen, name, this.controls[name].value);
    const answer = await this.ask([new File([csv], `${title}.csv`)], chosen);
    if (answer) this.keep(title, answer, chosen);
  }

  /** Return the server's answer, or null if it is refused or no longer wanted. */
  async ask(files, chosen) {
    this.latest += 1;
    const number = this.latest;
    this.say("reading", "Reading …");
    const answer = await compared(files, chosen).catch((error) => ({ problem: error.message }));
    if (number !== this.latest) return null;
    this.say("reading", "");
    this.say("refused", answer.problem || answer.refused);
    return answer.problem ? null : answer;
  }

  // ---- what the browser keeps

  keep(title, answer, chosen) {
    this.kept = { title, csv: answer.csv, chosen: answer.chosen ?? chosen };
    let where = "in this browser only";
    try {
      localStorage.setItem(KEY, JSON.stringify(this.kept));
    } catch {
      where = "until this page is closed"; // the storage is full, or the browser has none
    }
    this.say("file", title);
    this.say("kept", `${count(answer.runs, "run")} · ${where} · never published`);
    this.draw(answer);
  }

  /** Compare the stored file again once the tab is open. */
  async restore() {
    const text = localStorage.getItem(KEY);
    if (this.kept || !text) return;
    const { title, csv, chosen } = JSON.parse(text);
    const answer = await this.ask([new File([csv], `${title}.csv`)], chosen);
    if (answer) this.keep(title, answer, chosen);
  }

  forget() {
    this.latest += 1; // an answer on its way is not wanted
    localStorage.removeItem(KEY);
    this.kept = null;
    this.say("refused", "");
    this.field("imported").hidden = true;
    this.field("files").focus();
  }

  // ---- draw

  draw(answer) {
    const { columns, refused } = answer;
    const { chosen } = this.kept;
    for (const name of ["method", "seed", "value"]) {
      const options = optionsOf(name, columns[name], chosen[name]);
      this.controls[name].replaceChildren(...options.map((option) => new Option(...option)));
    }
    this.controls.margin.value = chosen.margin ?? "";
    this.field("imported").hidden = false;
    this.field("found").hidden = Boolean(refused);
    if (!refused) this.drawComparison(answer);
  }

  drawComparison({ sentences, means, figures, rows, runs }) {
    this.field("said").replaceChildren(...items(sentences), ...items(means));
    figures.forEach(({ caption, figure }, i) => {
      const plot = this.plots[i];
      put(/** @type {Element} */ (plot.element.previousElementSibling), caption);
      plot.element.style.height = `${figure.layout.height}px`;
      plot.draw(figure);
    });
    this.say("rows-count", `The ${count(runs, "run")} of the file`);
    table(this.field("rows"), rows);
  }
}

/** @param {File[]} files @param {object} chosen columns */
async function compared(files, chosen) {
  const bytes = async (/** @type {File} */ file) => /** @type {any} */ (new Uint8Array(await file.arrayBuffer()));
  const contents = await Promise.all(files.map(async (file) => [file.name, (await bytes(file)).toBase64()]));
  const body = JSON.stringify({ ...chosen, files: Object.fromEntries(contents) });
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(new URL("lpwd/dropped", document.baseURI), { method: "POST", headers, body });
  if (!response.ok) throw new Error((await response.text()).slice(0, 300));
  return response.json();
}
