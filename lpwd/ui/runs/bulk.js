// Actions on the ticked runs: export, show live, delete. Actions that the visitor may not take are hidden.

import { save } from "../shared/files.js";
import { count, whole } from "../shared/numbers.js";
import { forgetRuns, openRuns } from "../shared/page_race.js";
import { call } from "../shared/server.js";
import { confirmed, put, View } from "../shared/widgets.js";

const MAX_LIVE = 12; // runs in one live chart

export class BulkActions extends View {
  /** @param {any} element @param {Server} server @param {Map<string, any>} rows @param {import("./ticks.js").Ticks} ticks
   * @param {() => void} refresh the table */
  constructor(element, server, rows, ticks, refresh) {
    super(element);
    this.server = server;
    this.rows = rows;
    this.ticks = ticks;
    this.refresh = refresh;
    this.onClick("delete", () => this.remove(this.ticked().mine));
    this.onClick("csv", () => this.export("csv"));
    this.onClick("json", () => this.export("json"));
    this.onClick("overlay", () => openRuns(this.ticked().own));
  }

  /** Return the ids of the ticked runs: all, of this app, and those that the visitor may change. */
  ticked() {
    const all = [...this.rows.values()].filter(this.ticks.has);
    const ids = (fits) => all.filter(fits).map((row) => row.id);
    return { all: ids(() => true), own: ids((row) => !row.origin), mine: ids((row) => row.mine) };
  }

  draw() {
    const { all, own, mine } = this.ticked();
    const label = (name, text, ids) => put(this.button(name), ids.length ? `${text} (${whole(ids.length)})` : text);
    label("csv", "Export CSV", all);
    label("json", "Export JSON", all);
    label("overlay", "Show live", own);
    label("delete", "Delete", mine);
    this.button("csv").disabled = this.button("json").disabled = !all.length;
    this.button("delete").hidden = !mine.length;
    this.button("overlay").hidden = !own.length || own.length > MAX_LIVE;
  }

  async export(kind) {
    const { problem, text } = await call(this.server, "export", { run_ids: this.ticks.list(), kind });
    this.say("problem", problem);
    if (!problem) save(`lpwd-runs.${kind}`, text);
  }

  /** Ask, then delete. */
  async remove(/** @type {string[]} */ ids) {
    const single = ids.length === 1;
    const name = this.rows.get(ids[0])?.name || ids[0];
    this.say("ask", single ? "Delete this run?" : `Delete ${count(ids.length, "run")}?`);
    const what = `${single ? `${name}: its` : "Their"} curves, log and checkpoint`;
    this.say("asked", `${what} are removed from the disk. This cannot be undone.`);
    if (!(await confirmed(this.element.querySelector("dialog")))) return;
    const { problem } = await call(this.server, "remove", { run_ids: ids });
    this.say("problem", problem);
    if (problem) return;
    forgetRuns(ids);
    this.refresh();
  }
}
