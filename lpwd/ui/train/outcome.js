// The answer to Start: show the race at once, or say why there is none.

import { showRuns } from "../shared/page_race.js";
import { put } from "../shared/widgets.js";

/** @type {Mount} */
export function mount(element, { props, watch }) {
  const say = (problem, note) => {
    put(element.querySelector("[role=alert]"), problem);
    put(element.querySelector("[role=status]"), note);
  };
  const take = () => {
    const { problem = "", note = "", ids } = JSON.parse(props.value);
    say(problem, note);
    if (ids) showRuns(ids);
  };
  document.addEventListener("click", (/** @type {any} */ { target }) => {
    if (target.closest("#lp-start")) say("", "Checking model and data …");
  });
  watch("value", take);
  take(); // what was answered while this script loaded
}
