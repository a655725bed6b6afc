// The plan of the race: command line, Python, costs, and the form in the page's address.

import { copy } from "../shared/files.js";
import { onQueueChange } from "../shared/page_race.js";
import { watch as watchTopic } from "../shared/polling.js";
import { parameter, remember, tabLink } from "../shared/url.js";
import { put, View } from "../shared/widgets.js";
import { form, layerCount } from "./form_shown.js";
import { markProblem, note } from "./marks.js";

const ASK_AFTER_MS = 150; // a number is typed digit by digit

/** @type {Mount} */
export function mount(element, { props, watch, trigger }) {
  new Plan(element, () => Boolean(props.value));
  watch("value", () => trigger("submit")); // the form has been filled: request the values of its controls
  trigger("submit");
}

class Plan extends View {
  /** @param {any} element @param {() => boolean} isFilled whether the form holds the fields of a link */
  constructor(element, isFilled) {
    super(element);
    this.isFilled = isFilled;
    /** @type {object | null} */
    this.shown = null; // by the controls
    /** @type {object | null} */
    this.asked = null;
    /** @type {any} */
    this.plan = {};
    this.askNow = watchTopic(element, "train", "preflight", {
      ask: () => this.ask(),
      take: (plan) => this.take(plan),
      showsProblems: true,
    });
    form.listen((shown) => this.formChanged(shown));
    onQueueChange(element, this.askNow); // measured speeds and free time change with what trains
    this.onClick("link", ({ target }) => copy(target, tabLink("train", { ...this.plan.link, run: parameter("run") })));
  }

  formChanged(/** @type {object} */ shown) {
    this.shown = shown;
    clearTimeout(this.timer);
    this.timer = setTimeout(this.askNow, ASK_AFTER_MS);
  }

  ask() {
    this.asked = this.shown;
    return this.shown && { shown: this.shown };
  }

  take(plan) {
    if (this.asked !== this.shown) return; // for earlier values; a new answer follows
    this.plan = plan;
    const problem = plan.refused || plan.problem || "";
    const isWrong = !plan.commands;
    put(this.field("commands"), isWrong ? problem : plan.commands);
    this.field("commands").classList.toggle("lp-problem", isWrong);
    this.say("python", plan.python ?? "");
    for (const name of ["copy", "copy-python", "link"]) this.button(name).disabled = isWrong;
    this.say("preflight", isWrong ? "" : problem ? `Cannot start: ${problem}` : plan.said);
    this.judge(problem, plan);
    if (plan.layers) layerCount.send(plan.layers);
    if (this.isFilled() && !isWrong) remember(plan.link); // until then the address keeps the link
  }

  /** Mark the field with a problem and disable Start until it is corrected. */
  judge(problem, { field = "", network = "", memory = "" }) {
    markProblem(problem ? field : "", problem);
    note("model", network);
    note("weight_decay", memory);
    const start = /** @type {any} */ (document.getElementById("lp-start"));
    if (start) start.disabled = Boolean(problem);
  }
}
