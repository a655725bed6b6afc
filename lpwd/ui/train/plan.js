// What Start would do: command line, Python, costs, and the form in the page's address.

import { copy } from "../shared/files.js";
import { onQueueChange } from "../shared/page_race.js";
import { watch as watchTopic } from "../shared/polling.js";
import { parameter, remember, tabLink } from "../shared/url.js";
import { View } from "../shared/widgets.js";
import { markProblem, note } from "./marks.js";

const ASK_AFTER_MS = 150; // a number is typed digit by digit

/** @type {Mount} */
export function mount(element, { props, watch, trigger }) {
  const plan = new Plan(element, () => Boolean(props.value));
  addEventListener("lpwd-form", () => plan.askSoon());
  watch("value", () => trigger("submit")); // the form has been filled: what does it show?
  trigger("submit");
}

class Plan extends View {
  /** @param {any} element @param {() => boolean} isFilled whether the form holds the fields of the page's link */
  constructor(element, isFilled) {
    super(element);
    this.isFilled = isFilled;
    /** @type {any} */
    this.plan = {};
    /** @type {any} */
    this.shown = null; // what the controls show: kept by the page (train/tab.py)
    /** @type {any} */
    this.asked = null;
    this.askNow = watchTopic(element, "train", "preflight", {
      ask: () => this.ask(),
      take: (answer) => this.take(answer),
    });
    this.onClick("copy", ({ target }) => copy(target, this.plan.commands));
    this.onClick("copy-python", ({ target }) => copy(target, this.plan.python));
    this.onClick("link", ({ target }) => copy(target, tabLink("train", { ...this.plan.link, run: parameter("run") })));
    onQueueChange(element, this.askNow); // measured speeds and free time change with what trains
  }

  askSoon() {
    this.shown = /** @type {any} */ (window).lpwdForm;
    clearTimeout(this.timer);
    this.timer = setTimeout(this.askNow, ASK_AFTER_MS);
  }

  ask() {
    this.asked = this.shown;
    return this.shown && { shown: this.shown };
  }

  take(answer) {
    if (this.asked !== this.shown) return; // about other values; a new question follows
    this.plan = answer;
    const problem = answer.refused || answer.problem || "";
    this.draw(problem, !answer.commands);
    markProblem(problem ? (answer.field ?? "") : "", problem);
    note("model", answer.network ?? "");
    const start = /** @type {any} */ (document.getElementById("lp-start"));
    if (start) start.disabled = Boolean(problem); // until the field with the problem is corrected
    // Until the server has filled the form with a link's fields, the address stays as it is.
    if (this.isFilled() && answer.commands) remember(answer.link);
  }

  /** @param {string} problem @param {boolean} isWrong whether there is nothing to run */
  draw(problem, isWrong) {
    this.say("commands", isWrong ? problem : this.plan.commands);
    this.field("commands").classList.toggle("lp-problem", isWrong);
    this.say("python", this.plan.python ?? "");
    for (const name of ["copy", "copy-python", "link"]) this.button(name).disabled = isWrong;
    this.say("preflight", isWrong ? "" : problem ? `Start would be refused: ${problem}` : this.plan.said);
  }
}
