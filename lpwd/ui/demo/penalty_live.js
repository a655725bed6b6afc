// One live seed at the selected lambda: start, follow, stop and describe it.

import { merge } from "../shared/curves.js";
import { onPoll } from "../shared/page_race.js";
import { watch } from "../shared/polling.js";
import { epochText } from "../shared/race_text.js";
import { call, changeRace } from "../shared/server.js";
import { parameter, remember } from "../shared/url.js";
import { put, showProgress, View } from "../shared/widgets.js";
import { liveStateText, offerText, startLabel } from "./penalty_live_text.js";

const ENDED = ["finished", "diverged"];
const WORKING = ["queued", "running", "stopping"];

export class LiveSeed extends View {
  /** @param {any} element @param {Server} server @param {() => any} cell returns the selection: {scan, decay, methods}
   * @param {(moved: any) => void} changed called when something else must be drawn; `moved` is the cell of a linked
   *   seed, once, if another cell is selected @param {() => void} described called when its texts have changed */
  constructor(element, server, cell, changed, described) {
    super(element);
    this.server = server;
    this.cell = cell;
    this.changed = changed;
    this.described = described;
    /** @type {string[]} */
    this.ids = parameter("demo_runs").split(",").filter(Boolean);
    /** @type {any} */
    this.live = null; // the last answer about the lanes
    /** @type {Curves} */
    this.curves = {};
    /** @type {any} */
    this.known = null; // the server's state of the selected cell
    this.asked = 0;
    this.starting = false;
    this.busy = false; // another race is training
    /** @type {string[]} */
    this.next = []; // lanes that are queued behind those on the page
    this.refresh = watch(element, "demo", "seed", { ask: () => this.question(), take: (answer) => this.take(answer) });
    this.onClick("run", () => this.start());
    this.onClick("stop", () => this.stop());
    onPoll(element, ({ answer }) => this.follow(answer?.strip.active));
  }

  isWorking() {
    return Boolean(this.live) && WORKING.includes(this.live.race.state);
  }

  /** Return whether the lanes belong to the selected lambda. */
  isHere() {
    const { scan, decay } = this.cell();
    return Boolean(this.live) && this.live.scan === scan && this.live.decay === decay;
  }

  /** Return the lanes to draw: those at the selected lambda, of methods that are shown. */
  lanes() {
    if (!this.isHere()) return [];
    const { methods } = this.cell();
    return this.live.race.lanes.filter(({ method, id }) => methods.includes(method) && this.curves[id]);
  }

  // ---- the server

  /** Request the state of the selected cell. */
  async ask() {
    this.asked += 1;
    const mine = this.asked;
    const answer = await call(this.server, "situation", this.cell());
    if (mine !== this.asked) return;
    this.known = answer.problem ? null : answer;
    this.say("problem", answer.problem);
    const idle = !this.isWorking() && !this.isHere() && (this.live || !this.ids.length);
    if (idle) this.show(this.known?.finished.length ? this.known.shown : []);
    this.describe();
  }

  question() {
    if (!this.ids.length || ENDED.includes(this.live?.race.state)) return null; // a stopped race may resume
    const cursors = Object.fromEntries(this.ids.map((id) => [id, this.curves[id]?.cursor ?? ""]));
    return { ids: this.ids, cursors };
  }

  /** Show these lanes. */
  show(/** @type {string[]} */ ids) {
    if (ids.join() !== this.ids.join()) {
      this.ids = ids;
      this.live = null;
      this.curves = {};
      remember({ demo_runs: ids.join(",") });
      this.changed(null);
    }
    this.refresh();
  }

  take(answer) {
    this.say("problem", answer.problem);
    if (answer.problem) return this.show([]);
    const isFirst = !this.live;
    const wasWorking = this.isWorking();
    this.live = answer;
    for (const [id, delta] of Object.entries(answer.curves)) merge(this.curves, id, delta);
    this.changed(isFirst && !this.isHere() ? { scan: answer.scan, decay: answer.decay } : null);
    this.describe();
    if (wasWorking && !this.isWorking()) this.ended();
  }

  ended() {
    if (this.next.length) this.show(this.next);
    this.next = [];
    this.ask();
  }

  async start() {
    if (this.starting) return;
    const queues = !this.known?.working; // else the click shows the seed that trains or is queued
    this.starting = true;
    this.say("problem", "");
    this.describe();
    try {
      this.started(await call(this.server, "run_seed", this.cell()), queues);
    } catch {
      this.say("problem", "No answer from the app. Try again.");
    }
    this.starting = false;
    this.describe();
  }

  started({ problem, ids }, queues) {
    this.say("problem", problem ? `Not started. ${problem}` : "");
    if (!ids) return;
    if (!queues || !this.isWorking()) return this.show(ids);
    this.next = ids; // the race on the page stays until it ends
    this.ask();
  }

  async stop() {
    this.say("problem", await changeRace("stop", this.ids));
    this.refresh();
  }

  follow(active) {
    const busy = Boolean(active) && active.ids.join() !== this.ids.join();
    if (busy === this.busy) return;
    this.busy = busy;
    this.describe();
  }

  // ---- words

  describe() {
    const { live, known } = this;
    const working = this.isWorking();
    this.drawButtons(working);
    this.field("progress").hidden = !working;
    if (working) {
      showProgress(this.field("progress").firstElementChild, live.race.progress);
      this.say("when", epochText(live.race));
    }
    const state = this.situation();
    this.say("state", this.stateText());
    this.say("offer", known ? offerText(known, state) : "");
    this.field("here").hidden = !known?.verdict;
    this.say("here", known?.verdict ? `On this machine: ${known.verdict}` : "");
    this.described();
  }

  situation() {
    return { working: this.isWorking(), here: this.isHere(), busy: this.busy, methods: this.cell().methods.length };
  }

  stateText() {
    if (this.starting) return "Checking model and data …";
    return this.live ? liveStateText(this.live, this.situation()) : "";
  }

  problem() {
    return this.field("problem").textContent;
  }

  drawButtons(working) {
    const run = this.button("run");
    put(run, startLabel(this.known));
    run.setAttribute("aria-disabled", String(this.starting)); // a disabled button would lose the focus
    run.classList.toggle("lp-starts", !this.known?.working); // everyone may view a race that trains
    this.hide("run", working && this.isHere() && !this.starting, "stop");
    this.hide("stop", !working || !this.live.mine, "run");
    this.button("stop").disabled = working && !this.live.race.canStop;
  }

  /** Hide a button; if it has the focus, the other button is shown and gets it. */
  hide(name, hidden, other) {
    const focused = document.activeElement === this.button(name);
    this.button(name).hidden = hidden;
    if (!hidden || !focused) return;
    this.button(other).hidden = false;
    this.button(other).focus();
  }
}
