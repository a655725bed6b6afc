// The details of one run, its name and note, and its actions.

import { short } from "../shared/numbers.js";
import { openRuns } from "../shared/page_race.js";
import { call, changeRace } from "../shared/server.js";
import { openTab } from "../shared/tabs.js";
import { parameter, remember } from "../shared/url.js";
import { make, View } from "../shared/widgets.js";

/** @param {unknown} value of a setting */
function settingText(value) {
  if (typeof value === "number") return short(value);
  if (value === null) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export class RunDetail extends View {
  /** @param {any} element of the tab @param {Tools} tools
   * @param {{remove: (ids: string[]) => void, refresh: () => void}} list */
  constructor(element, { server, trigger }, { remove, refresh }) {
    super(element.querySelector(".lp-about"));
    this.list = element;
    this.server = server;
    this.trigger = trigger;
    this.refresh = refresh;
    /** @type {any} */
    this.run = null;
    this.listen(remove);
    const linked = parameter("runs_id");
    if (linked) this.show(linked);
  }

  listen(remove) {
    this.element.querySelector("form").addEventListener("submit", (event) => this.save(event));
    this.onClick("resume", () => this.change("resume", "Queued: it resumes from its last checkpoint."));
    this.onClick("stop", () => this.change("stop", "Stopping."));
    this.onClick("open", () => openRuns(this.run.beside));
    this.onClick("clone", () => this.clone());
    this.onClick("delete-one", () => remove([this.run.id]));
    this.onClick("close", () => this.closeByHand());
  }

  current() {
    return this.run?.id;
  }

  /** Show a run and move the focus to it. */
  async show(/** @type {string} */ id) {
    if (!(await this.fetch(id))) return;
    this.field("name").value = this.run.name;
    this.field("note").value = this.run.note;
    this.say("trouble", "");
    this.say("done", "");
    this.field("title").focus({ preventScroll: true });
    const below = this.element.getBoundingClientRect().top > innerHeight - 160 || innerWidth < 1200;
    if (below) this.element.scrollIntoView({ block: "start" });
  }

  async fetch(id) {
    const run = await call(this.server, "about", { run_id: id });
    if (run.problem) {
      this.close();
      return false;
    }
    this.run = run;
    this.draw();
    remember({ runs_id: id });
    return true;
  }

  draw() {
    const { run } = this;
    this.element.hidden = false;
    for (const name of ["title", "id", "error", "log", "command", "snippet"]) this.say(name, run[name]);
    this.say("message", `${run.state[0].toUpperCase()}${run.state.slice(1)}. ${run.message}`);
    this.say("origin", run.origin ? `Published: ${run.origin}.` : "");
    this.say("said", run.mine ? "" : run.note);
    this.field("failure").hidden = !run.error;
    this.field("loglines").hidden = !run.log;
    this.field("loglines").open = run.state === "failed";
    this.drawActions();
    this.terms("facts", [...run.results, ...run.facts]);
    this.terms(
      "settings",
      run.settings.map(([key, value]) => [key, settingText(value)]),
    );
  }

  drawActions() {
    const { run } = this;
    this.element.querySelector("form").hidden = !run.mine;
    const shown = { open: run.beside.length, resume: run.canResume, stop: run.canStop, "delete-one": run.canDelete };
    for (const [name, is] of Object.entries(shown)) this.button(name).hidden = !is;
    this.button("clone").title = run.lost.length ? `The form has no control for ${run.lost.join(", ")}` : "";
  }

  terms(name, pairs) {
    const pair = ([key, text]) => [make("dt", { textContent: key }), make("dd", { textContent: text })];
    this.field(name).replaceChildren(...pairs.flatMap(pair));
  }

  /** Update the run after the list has changed, without changing the fields of the form. */
  follow(rows) {
    if (!this.run) return;
    const row = rows.get(this.run.id);
    if (!row) return this.close();
    if (row.state === this.run.state && row.epoch === this.run.seen) return;
    this.run.seen = row.epoch;
    this.fetch(row.id);
  }

  async save(event) {
    event.preventDefault();
    const edit = { run_id: this.run.id, name: this.field("name").value, note: this.field("note").value };
    const { problem } = await call(this.server, "edit", edit);
    this.done(problem, "Saved.");
  }

  async change(action, said) {
    this.done(await changeRace(action, [this.run.id]), said);
  }

  done(problem, said) {
    this.say("trouble", problem);
    this.say("done", problem ? "" : said);
    this.refresh();
  }

  clone() {
    this.trigger("submit", { run_id: this.run.id });
    openTab("train");
    scrollTo(0, 0);
  }

  close() {
    this.run = null;
    this.element.hidden = true;
    remember({ runs_id: "" });
  }

  closeByHand() {
    const key = CSS.escape(`run-${this.run.id}`);
    this.close();
    this.list.querySelector(".lp-current")?.classList.remove("lp-current");
    this.list.querySelector(`[data-key="${key}"]`)?.focus();
  }
}
