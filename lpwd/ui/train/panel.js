// The race that the page shows: its state, charts and numbers.

import { LaneChart } from "../shared/lane_chart.js";
import { Motion } from "../shared/motion.js";
import { onPoll } from "../shared/page_race.js";
import { watch } from "../shared/polling.js";
import { stateText } from "../shared/race_text.js";
import { changeRace } from "../shared/server.js";
import { goToTab } from "../shared/tabs.js";
import { tabLink } from "../shared/url.js";
import { handled, table, View } from "../shared/widgets.js";
import { drawDifferences } from "./differences.js";
import { form } from "./form_shown.js";
import { epochRows, resultRows, summaryText } from "./panel_rows.js";

const NOT_PUBLISHED = { stamp: "", lanes: [] };

/** @type {Mount} */
export const mount = (element) => void new Panel(element);

class Panel extends View {
  constructor(element) {
    super(element);
    const plots = [...element.querySelectorAll("[data-chart]")];
    this.charts = plots.map((plot) => new LaneChart(plot, plot.dataset.chart));
    this.opposing = element.querySelector("[data-chart=opposing]").closest("figure");
    this.motion = new Motion(element, "train");
    this.fold = /** @type {HTMLDetailsElement} */ (this.field("epochs").closest("details"));
    this.fold.addEventListener("toggle", () => this.drawEpochs());
    /** @type {any} */
    this.race = null;
    this.mine = false; // the visitor may change the race
    /** @type {Curves} */
    this.curves = {};
    /** @type {any} */
    this.published = NOT_PUBLISHED;
    this.numbersStamp = "";
    this.differencesStamp = "";
    /** @type {object | null} */
    this.form = null; // what the controls show
    this.onClick("stop", ({ target }) => this.change("stop", target));
    this.onClick("resume", ({ target }) => this.change("resume", target));
    this.on("over-seeds", "click", (event) => handled(event, () => goToTab("runs", { runs: this.race.ids.join() })));
    this.askPublished = watch(element, "train", "published_curves", {
      ask: () => this.askedAbout(),
      take: (answer) => this.takePublished(answer),
      showsProblems: true,
    });
    this.askDifferences = watch(element, "train", "differences", {
      ask: () => (this.race?.seeds.length > 1 ? { ids: this.race.ids, stamp: this.differencesStamp } : null),
      take: (answer) => this.takeDifferences(answer),
      showsProblems: true,
    });
    form.listen((shown) => this.formChanged(shown));
    onPoll(element, (state) => this.take(state));
  }

  async change(action, target) {
    target.disabled = true;
    this.say("problem", await changeRace(action, this.race.ids));
    target.disabled = false;
  }

  take({ answer, curves }) {
    if (!answer) return;
    if (answer.problem) this.say("problem", answer.problem);
    if (!answer.race) return;
    const isOther = this.race?.ids.join() !== answer.race.ids.join();
    this.race = answer.race;
    this.mine = answer.mine.race;
    this.curves = curves;
    if (isOther) this.begin();
    this.motion.follow(this.race.ids);
    this.drawHead();
    this.drawCharts();
    this.drawNumbers();
  }

  /** Forget the previous race. */
  begin() {
    this.say("problem", "");
    this.say("published", "");
    this.field("differences").replaceChildren();
    this.say("verdict", "");
    this.differencesStamp = "";
    this.published = NOT_PUBLISHED;
    this.askPublished();
    this.askDifferences();
  }

  /** Before the first race, published curves of what the form shows are drawn. */
  askedAbout() {
    const { race, form, published } = this;
    if (!race && !form) return null;
    return { ...(race ? { ids: race.ids } : { shown: form }), stamp: published.stamp };
  }

  formChanged(/** @type {object} */ detail) {
    this.form = detail;
    if (!this.race) this.askPublished();
  }

  takeDifferences({ problem, stamp, rows, verdict = "" }) {
    if (problem) return this.say("verdict", problem);
    if (!rows) return;
    this.differencesStamp = stamp;
    this.say("verdict", verdict);
    drawDifferences(this.field("differences"), rows);
  }

  takePublished({ problem, stamp, lanes, line = "" }) {
    if (problem) return this.say("published", problem);
    if (!lanes) return;
    this.published = { stamp, lanes };
    this.say("published", line);
    if (this.race) this.drawCharts();
    else this.drawPublished(lanes);
  }

  drawHead() {
    const { race, mine } = this;
    this.say("title", race.title);
    this.say("detail", race.detail);
    this.button("stop").hidden = race.state !== "queued" || !race.canStop || !mine; // the strip stops what trains
    this.button("resume").hidden = !race.canResume || !mine;
    const done = race.canResume ? ` ${Math.round(race.progress * 100)} % is done.` : "";
    this.say("state", stateText(race) + done);
    const several = race.seeds.length > 1;
    this.field("over-seeds").hidden = !several;
    /** @type {any} */ (this.field("over-seeds")).href = tabLink("runs", { runs: race.ids.join() });
  }

  /** Draw the charts of a page that shows no race yet. */
  drawPublished(lanes) {
    const epochs = Math.max(10, ...lanes.flatMap(({ epochs }) => epochs.epoch));
    const race = { ids: [], lanes: [], epochs };
    for (const chart of this.charts) chart.draw({ race, curves: {}, published: this.published });
  }

  drawCharts() {
    const { race, curves, published, opposing } = this;
    const isMeasured = ({ id }) => curves[id]?.epochs.opposing_count_rate.some((rate) => rate !== null);
    opposing.hidden = !race.lanes.some(isMeasured);
    for (const chart of this.charts) chart.draw({ race, curves, published });
  }

  drawNumbers() {
    const { race, curves } = this;
    const stamp = race.lanes.map(({ id, state, step }) => `${id} ${state} ${step} ${curves[id]?.cursor}`).join();
    if (stamp === this.numbersStamp) return;
    this.numbersStamp = stamp;
    this.element.querySelector(".lp-below").hidden = false;
    this.say("command", race.command);
    this.say("summary", summaryText(race.lanes, curves));
    const { rows, colors } = resultRows(race.lanes, curves);
    table(this.field("lanes"), rows, { colors });
    this.drawEpochs();
  }

  /** Fill the table of all epochs, thousands of cells in a long race, only while its fold is open. */
  drawEpochs() {
    if (this.fold.open) table(this.field("epochs"), epochRows(this.race.lanes, this.curves));
  }
}
