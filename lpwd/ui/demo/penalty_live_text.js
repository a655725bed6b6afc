// Sentences about the live seed of act two.

import { stateText } from "../shared/race_text.js";

/** @typedef {{working: boolean, here: boolean, busy: boolean, methods: number}} Situation */

/** @param {any} known the server's state of the selected cell, or null */
export function startLabel(known) {
  if (known?.working) return `Show seed ${known.next}`;
  if (known?.begun) return `Resume seed ${known.next}`;
  return "Run one seed";
}

/** Describe the lanes on the page. @param {any} live @param {Situation} situation */
export function liveStateText({ race, seed, mine, decay }, { working, here }) {
  const at = `epoch ${Math.max(1, race.epoch)} of ${race.epochs}`;
  const which = `seed ${seed} at λ ${decay}`;
  const drawn = here ? "" : " Select that λ to see it.";
  if (race.state === "stopped") return `Stopped ${which} at ${at}. It can be resumed.${drawn}`;
  const verb = { running: "Training", finished: "Finished" }[race.state];
  const owner = working && !mine ? ", started by another visitor" : "";
  const lines = verb ? `${verb} ${which} on ${race.device || "this machine"}${owner} (thick lines).` : "";
  return `${lines} ${stateText(race)}${drawn}`.trim();
}

/** @param {string} text */
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Describe the runs that the start button would queue. @param {any} known @param {Situation} situation */
export function offerText({ finished, line }, { working, here, busy, methods }) {
  const plural = finished.length > 1 ? "s" : "";
  const seeds = finished.length ? ` Seed${plural} ${finished.join(", ")} finished on this machine.` : "";
  const waits = (working ? !here : busy) ? " Another race is training; this one would be queued." : "";
  const lead = working && here ? "Running" : "To run";
  return `${lead}: ${methods === 1 ? "one lane" : `${methods} lanes`}, one per method shown. ${capital(line)}.${seeds}${waits}`;
}
