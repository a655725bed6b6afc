// Calls of Gradio's server functions, for actions and for data that is requested once. polling.js polls what changes.

import { poller } from "./page_race.js";
import { begin, wake } from "./polling.js";

/** @type {Server} functions of the strip, which serve the whole page */
let strip;

/** Call a server function of a component; the answer is {problem: "", ...}.
 * @param {Server} server @param {string} name @param {object} [request] @returns {Promise<any>} */
export async function call(server, name, request = {}) {
  return JSON.parse(await server[name](JSON.stringify(request)));
}

export function connect(/** @type {Server} */ server) {
  strip = server;
  begin(poller);
}

/** Stop or resume the race of these runs; resolve to the problem, or "".
 * @param {"stop" | "resume"} action @param {string[]} ids @returns {Promise<string>} */
export async function changeRace(action, ids) {
  const { problem } = await call(strip, action, { run_ids: ids });
  wake();
  return problem;
}
