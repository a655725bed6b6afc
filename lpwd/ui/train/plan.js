// What Start would do: command line, Python, costs, and the form in the page's address.

import { copy } from "../shared/files.js";
import { onQueueChange } from "../shared/page_race.js";
import { watch as watchTopic } from "../shared/polling.js";
import { parameter, remember, tabLink } from "../shared/url.js";
import { put, View } from "../shared/widgets.js";
import { markProblem, note } from "./marks.js";

const ASK_AFTER_MS = 300;

/** @type {Mount} */
export function mount(element, { props, watch }) {
  const plan = new Plan(element, () => JSON.parse(props.value));
  watch("value", () => plan.draw());
  plan.draw();
}

class Plan extends View {
  /** @param {any} element @param {() => any} read the present plan */
  constructor(element, read) {
    super(element);
    this.read = read;
    this.plan = read();
    /** @type {any} */
    this.asked = null;
    // The form holds the fields of a link only after the server has answered; until then the address stays.
    this.settled = !Object.keys(this.plan.link).some((name) => parameter(name));
    this.askNow = watchTopic(element, "train", "preflight", {
      ask: () => this.ask(),
      take: (answer) => this.take(answer),
    });
    this.onClick("copy", ({ target }) => copy(target, this.plan.commands));
    this.onClick("copy-python", ({ target }) => copy(target, this.plan.python));
    this.onClick("link", ({ target }) => copy(target, tabLink("train", { ...this.plan.link, run: parameter("run") })));
    onQueueChange(element, this.askNow); // measured speeds and free time change with what trains
  }

  draw() {
    const plan = this.read();
    this.plan = plan;
    this.settled ||= Boolean(plan.settled);
    const commands = this.field("commands");
    put(commands, plan.problem || plan.commands);
    commands.classList.toggle("lp-problem", Boolean(plan.problem));
    this.say("python", plan.python);
    for (const name of ["copy", "copy-python"]) this.button(name).disabled = Boolean(plan.problem);
    if (this.settled && !plan.problem) remember(plan.link);
    if (plan.problem) this.say("preflight", "");
    this.judge(plan.problem, plan.field); // the last answer was about other values
    clearTimeout(this.timer);
    this.timer = setTimeout(this.askNow, ASK_AFTER_MS);
  }

  ask() {
    this.asked = this.plan;
    return this.plan.problem ? null : { fields: this.plan.fields };
  }

  take({ said, refused, field, network, problem }) {
    if (this.asked !== this.plan) return; // about other values; a new question follows
    const refusal = refused || problem;
    this.say("preflight", refusal ? `Start would be refused: ${refusal}` : said);
    this.judge(refusal, field);
    note("model", network ?? "");
  }

  /** Mark the field with a problem and disable Start until it is corrected. */
  judge(problem, field = "") {
    markProblem(problem ? field : "", problem);
    const start = /** @type {any} */ (document.getElementById("lp-start"));
    if (start) start.disabled = Boolean(problem);
  }
}
