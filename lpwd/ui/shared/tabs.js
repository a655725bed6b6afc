// The tabs of the page. The address contains the open tab.

import { parameter, remember } from "./url.js";

const PREFIX = "lp-tab-";
const SUFFIX = "-button";
const RETRY_MS = 50;
const GIVE_UP_MS = 20_000; // the address may name an unknown tab
const RENAMED = { compare: "runs" }; // old links -> present tabs
/** @type {Map<string, (() => void)[]>} tab, or "" for any tab -> callbacks */
const listeners = new Map();

const tabButton = (/** @type {string} */ name) => document.getElementById(`${PREFIX}${name}${SUFFIX}`);

export function openTab(/** @type {string} */ name) {
  tabButton(name)?.click();
}

export function isTabOpen(/** @type {string} */ name) {
  return tabButton(name)?.getAttribute("aria-selected") === "true";
}

/** Open a tab with these parameters in the address. @param {string} name @param {Record<string, unknown>} values */
export function goToTab(name, values) {
  remember(values);
  openTab(name);
  scrollTo(0, 0);
}

/** Call `callback` whenever the tab is opened; "" stands for any tab.
 * @param {string} name @param {() => void} callback */
export function onTabOpened(name, callback) {
  listeners.set(name, [...(listeners.get(name) ?? []), callback]);
}

function tabClicked(/** @type {any} */ { target }) {
  const id = target.closest("[role=tab]")?.id ?? "";
  if (!id.startsWith(PREFIX)) return;
  const name = id.slice(PREFIX.length, -SUFFIX.length);
  remember({ tab: name });
  for (const callback of [...(listeners.get("") ?? []), ...(listeners.get(name) ?? [])]) setTimeout(callback);
}

/** Open the tab that the address names as soon as Gradio has drawn it. */
function openLinkedTab() {
  const linked = parameter("tab") || (parameter("run") && "train");
  const wanted = RENAMED[linked] ?? linked;
  if (!wanted) return;
  const waiting = setInterval(() => {
    if (!tabButton(wanted)) return;
    clearInterval(waiting);
    openTab(wanted);
  }, RETRY_MS);
  setTimeout(() => clearInterval(waiting), GIVE_UP_MS);
}

document.addEventListener("click", tabClicked);
openLinkedTab();
