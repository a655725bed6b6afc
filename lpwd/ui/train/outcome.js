// The answer to Start: show the race, or the problem.

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
    if (!ids) return;
    showRuns(ids);
    const view = element.closest(".lp-train-race");
    const isBelow = view.getBoundingClientRect().top > innerHeight / 2; // one column: the form is above
    if (isBelow) view.scrollIntoView({ behavior: "smooth" });
  };
  document.addEventListener("click", (/** @type {any} */ { target }) => {
    if (target.closest("#lp-start")) say("", "Checking model and data …");
  });
  watch("value", take);
  take(); // the value may have arrived while this script loaded
}
