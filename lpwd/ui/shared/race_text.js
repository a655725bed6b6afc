// Sentences about a race, shared by all tabs.

import { duration } from "./numbers.js";

/** Return "epoch 3 of 10, 20 s left", of several seeds "seed 2 of 5, epoch 3 of 10, 20 s left".
 * @param {Race} race @param {string} [of] */
export function epochText(race, of = " of ") {
  const left = race.secondsLeft === null ? "" : `, ${duration(race.secondsLeft)} left`;
  return `${seedText(race.seeds, of)}epoch ${Math.max(1, race.epoch)}${of}${race.epochs}${left}`;
}

/** @param {{state: string}[]} seeds @param {string} of */
function seedText(seeds, of) {
  const at = seeds.findIndex(({ state }) => ["running", "stopping"].includes(state));
  return seeds.length > 1 && at >= 0 ? `seed ${at + 1}${of}${seeds.length}, ` : "";
}

/** Describe the state; screen readers announce it, so it changes with the state and not with every step.
 * @param {Race} race */
export function stateText(race) {
  const messages = race.messages.join(" ");
  const ahead = race.ahead === 1 ? "1 race is" : `${race.ahead} races are`;
  return {
    queued: race.ahead ? `Queued: ${ahead} ahead.` : "Queued: the worker is starting.",
    running: messages,
    stopping: messages || "Stopping after this step.",
    finished: messages,
    stopped: `Stopped. Resume continues from the last checkpoint. ${messages}`,
    interrupted: `Interrupted. ${messages}`,
    failed: `Failed. ${messages}`,
    diverged: `Diverged. ${messages}`,
  }[race.state].trim();
}
