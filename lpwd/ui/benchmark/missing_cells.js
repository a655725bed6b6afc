// The cells of a preset that have no result, and the form that runs them.

import { count, duration, whole } from "../shared/numbers.js";
import { call } from "../shared/server.js";
import { confirmed, put, View } from "../shared/widgets.js";

/** Return a cell as a choice. @param {any} cell */
function cellOption({ id, place: [column, method, lr, decay], seed, state }) {
  const suffix = state === "missing" ? "" : `, ${state}`;
  return new Option(`${method} · ${column} · η ${lr}, λ ${decay} · seed ${seed}${suffix}`, id);
}

/** Queue runs and report it in a field. Long work must be confirmed first.
 * @param {View & {server: Server}} view with a dialog @param {string} field @param {string} action @param {object} question */
export async function queueRuns(view, field, action, question) {
  view.say(field, "Checking model and data …");
  let answer = await call(view.server, action, question);
  if (answer.ask) {
    view.say("ask", answer.ask);
    const sure = await confirmed(view.element.querySelector("dialog"));
    answer = sure ? await call(view.server, action, { ...question, sure }) : { problem: "Nothing was queued." };
  }
  const queued = `Queued: ${count(answer.count, "run")}. The strip above shows the progress.`;
  view.say(field, answer.problem ? `Not started. ${answer.problem}` : queued);
}

export class MissingCells extends View {
  /** @param {any} element @param {Server} server @param {() => object} selection preset and scale
   * @param {() => void} refresh */
  constructor(element, server, selection, refresh) {
    super(element);
    this.server = server;
    this.selection = selection;
    this.refresh = refresh;
    /** @type {any[]} */
    this.cells = [];
    this.on("cell", "submit", (event) => {
      event.preventDefault();
      this.run(this.idle().filter(({ id }) => id === this.field("open").value));
    });
    this.onClick("all", () => this.run(this.idle()));
    this.on("open", "change", () => this.drawChosen());
  }

  /** Return the cells that are not queued. */
  idle() {
    return this.cells.filter((cell) => !cell.waiting);
  }

  draw(cells) {
    this.cells = cells;
    const select = this.field("open");
    const before = select.value;
    this.field("cell").hidden = !cells.length;
    this.say("cell-count", `Cells without a result (${whole(cells.length)})`);
    select.replaceChildren(...cells.map(cellOption));
    if (cells.some(({ id }) => id === before)) select.value = before;
    const idle = this.idle();
    const seconds = idle.reduce((sum, cell) => sum + (cell.about ?? Number.NaN), 0);
    this.button("all").hidden = idle.length < 2;
    put(this.button("all"), `Run all missing (${whole(idle.length)}${seconds ? `, about ${duration(seconds)}` : ""})`);
    this.drawChosen();
  }

  drawChosen() {
    const cell = this.cells.find(({ id }) => id === this.field("open").value);
    this.button("run").disabled = !cell || cell.waiting;
    const waits = cell?.waiting ? `This run is ${cell.state}; its result appears when it finishes.` : "";
    const took = cell?.about ? `Similar runs took about ${duration(cell.about)}.` : "";
    this.say("cost", waits || took);
  }

  /** Run the missing seeds of a heatmap cell. @param {string[]} place caption, method, eta and lambda */
  choose([caption, ...place]) {
    const isThere = (cell) => caption.startsWith(`${cell.place[0]}:`) && cell.place.slice(1).join() === place.join();
    const cells = this.idle().filter(isThere);
    if (!cells.length) return;
    this.field("open").value = cells[0].id;
    this.drawChosen();
    this.run(cells);
  }

  async run(cells) {
    const question = { ...this.selection(), run_ids: cells.map(({ id }) => id) };
    this.setBusy(true);
    await queueRuns(this, "told", "run_cells", question);
    this.setBusy(false);
    this.refresh();
  }

  setBusy(busy) {
    this.button("run").disabled = this.button("all").disabled = busy;
  }
}
