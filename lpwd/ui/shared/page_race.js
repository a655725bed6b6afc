// The race on the page and the last poll's answer. Components register listeners.

import { merge } from "./curves.js";
import { wake } from "./polling.js";
import { isTabOpen, onTabOpened, openTab } from "./tabs.js";
import { parameter, remember } from "./url.js";

const listeners = new Set();
/** @type {{run: string, ids: string[], curves: Curves, answer: any, offline: string}} */
const state = { run: parameter("run"), ids: [], curves: {}, answer: null, offline: "" };

/** The question and the answer handlers of this race, for polling.js. @type {Poller} */
export const poller = {
  question() {
    const cursors = Object.fromEntries(state.ids.map((id) => [id, state.curves[id]?.cursor ?? ""]));
    return { run: state.run, shown: state.ids, cursors };
  },
  take(answer, question, problem) {
    const current = question.shown === state.ids;
    state.offline = problem;
    if (current) accept(answer);
    notify();
    return current;
  },
  failed(error) {
    if (error.name === "AbortError") return;
    const lost = error.name === "TypeError"; // fetch got no answer at all
    state.offline = `${lost ? "No connection to the app" : error.message.replace(/\.$/, "")}; trying again.`;
    notify();
  },
};

function accept(/** @type {any} */ answer) {
  state.answer = answer;
  if (!answer.race) return;
  for (const [id, delta] of Object.entries(answer.curves)) merge(state.curves, id, delta);
  if (state.ids.length) return;
  state.ids = answer.race.ids;
  rememberRace();
}

function notify() {
  for (const listener of listeners) {
    if (listener.element.isConnected) listener.draw(state);
    else listeners.delete(listener);
  }
}

/** Call draw({ answer, curves, offline }) after every poll.
 * @param {Element} element @param {(state: any) => void} draw */
export function onPoll(element, draw) {
  listeners.add({ element, draw });
  if (state.answer) draw(state);
}

/** Call `changed` when the active race or the length of the queue has changed.
 * @param {Element} element @param {() => void} changed */
export function onQueueChange(element, changed) {
  let before = "";
  onPoll(element, ({ answer }) => {
    const { active, waiting } = answer?.strip ?? {};
    const now = JSON.stringify([active?.ids, active?.state, waiting]);
    if (before && now !== before) changed();
    before = now;
  });
}

/** @param {string[]} ids */
export function showRuns(ids) {
  state.ids = ids;
  state.run = ids.join(",");
  for (const id of Object.keys(state.curves)) if (!ids.includes(id)) delete state.curves[id];
  rememberRace();
  wake();
}

/** Show these runs and open the Train tab. @param {string[]} ids */
export function openRuns(ids) {
  showRuns(ids);
  openTab("train");
  scrollTo(0, 0);
}

/** Handle the deletion of runs: a page that showed one of them shows the newest race. @param {string[]} ids */
export function forgetRuns(ids) {
  if (![...state.ids, ...state.run.split(",")].some((id) => ids.includes(id))) return;
  remember({ run: "" });
  showRuns([]);
}

/** Write the race into the address, while the Train tab is open only. */
function rememberRace() {
  const run = state.ids.join(",");
  if (run && isTabOpen("train") && parameter("run") !== run) remember({ run, tab: "train" });
}

onTabOpened("train", rememberRace);
