// The page's only repeated request: POST /lpwd/poll for the race and the topics of the open tab.

import { Schedule } from "./schedule.js";
import { isTabOpen, onTabOpened } from "./tabs.js";

const RETRY_MS = 2000; // after a request without an answer

const schedule = new Schedule();
/** @type {Map<Topic, Element>} */
const elements = new Map();
/** @type {Poller | null} the race of the page, part of every request */
let race = null;
let timer = 0;
/** @type {AbortController | null} */
let request = null;
let again = false;

/** Watch a topic while its tab is open. Returns a function that requests the topic at once, for a new question.
 * @param {Element} element @param {string} tab @param {string} name
 * @param {{ask: () => (object | null), take: (answer: any) => void, showsProblems?: boolean}} options see Schedule.watch */
export function watch(element, tab, name, options) {
  const topic = schedule.watch(name, () => isTabOpen(tab), options);
  elements.set(topic, element);
  wake();
  return () => {
    schedule.restart(topic);
    wake();
  };
}

/** Start polling, for this race as well. @param {Poller} poller */
export function begin(poller) {
  race = poller;
  wake();
}

/** Poll now. */
export function wake() {
  clearTimeout(timer);
  timer = window.setTimeout(poll);
}

async function poll() {
  clearTimeout(timer);
  if (document.hidden || !race) return;
  if (request) {
    again = true;
    return;
  }
  forgetRemoved();
  const asked = schedule.questions(performance.now());
  const shown = race.question();
  const topics = Object.fromEntries(asked.map(({ topic, given }) => [topic.name, given]));
  request = new AbortController();
  const answer = await post({ ...shown, topics }, request.signal).catch(race.failed);
  request = null;
  try {
    if (answer) take(asked, answer, shown);
  } finally {
    rest(answer); // polling continues even if a component fails to draw
  }
}

function forgetRemoved() {
  for (const [topic, element] of elements) {
    if (element.isConnected) continue;
    elements.delete(topic);
    schedule.topics.delete(topic);
  }
}

/** @param {Question[]} asked @param {any} answer @param {any} shown */
function take(asked, answer, shown) {
  forgetRemoved();
  schedule.take(asked, answer.topics, answer.pollMs, performance.now());
  if (!race?.take(answer, shown, schedule.problem())) again = true;
}

function rest(/** @type {any} */ answer) {
  const pause = answer ? schedule.pause(answer.pollMs, performance.now()) : RETRY_MS;
  clearTimeout(timer);
  timer = window.setTimeout(poll, again ? 0 : pause);
  again = false;
}

/** @param {object} question @param {AbortSignal} signal */
async function post(question, signal) {
  const headers = { "Content-Type": "application/json" };
  const options = { method: "POST", headers, body: JSON.stringify(question), signal };
  const response = await fetch(new URL("lpwd/poll", document.baseURI), options);
  if (!response.ok) throw new Error(await refusal(response));
  const answer = await response.json();
  if (!answer.strip) throw new Error(answer.problem); // the request as a whole was refused
  return answer;
}

/** Return the app's sentence about a refused request, or the status line of a proxy that answered with a page. */
async function refusal(/** @type {Response} */ response) {
  const plain = response.headers.get("Content-Type")?.startsWith("text/plain");
  return (plain && (await response.text()).slice(0, 300)) || `${response.status} ${response.statusText}`;
}

document.addEventListener("visibilitychange", () => document.hidden || wake());
// A newly opened tab does not wait for the answer of the previous tab.
onTabOpened("", () => {
  schedule.restartOpen();
  again = Boolean(request);
  if (request) request.abort();
  else wake();
});
