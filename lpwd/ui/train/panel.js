// The race that the page shows: its state, charts and numbers.

import { copy, csv } from "../shared/files.js";
import { LaneChart } from "../shared/lane_chart.js";
import { onPoll, showRuns } from "../shared/page_race.js";
import { watch } from "../shared/polling.js";
import { stateText } from "../shared/race_text.js";
import { changeRace } from "../shared/server.js";
import { goToTab } from "../shared/tabs.js";
import { tabLink } from "../shared/url.js";
import { button, link, table, View } from "../shared/widgets.js";
import { epochRows, LANE_HEAD, laneRow, summaryText } from "./panel_rows.js";

const NOT_PUBLISHED = { stamp: "", lanes: [] };

/** @type {Mount} */
export const mount = (element) => void new Panel(element);

class Panel extends View {
  constructor(element) {
    super(element);
    const plots = [...element.querySelectorAll("[data-chart]")];
    this.charts = plots.map((plot) => new LaneChart(plot, plot.dataset.chart));
    this.opposing = element.querySelector("[data-chart=opposing]").closest("figure");
    /** @type {any} */
    this.race = null;
    this.mine = false; // the visitor may change the race
    /** @type {Curves} */
    this.curves = {};
    /** @type {any} */
    this.published = NOT_PUBLISHED;
    this.numbersStamp = "";
    this.seedsStamp = "";
    this.onClick("stop", ({ target }) => this.change("stop", target));
    this.onClick("resume", ({ target }) => this.change("resume", target));
    this.onClick("copy-command", ({ target }) => copy(target, this.race.command));
    this.onClick("copy-csv", ({ target }) => copy(target, csv(epochRows(this.race.lanes, this.curves))));
    this.askPublished = watch(element, "train", "published_curves", {
      ask: () => this.race && { ids: this.race.ids, stamp: this.published.stamp },
      take: (answer) => this.takePublished(answer),
      showsProblems: true,
    });
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
    this.drawHead();
    this.drawCharts();
    this.drawNumbers();
  }

  /** Forget the previous race. */
  begin() {
    this.say("problem", "");
    this.say("published", "");
    this.published = NOT_PUBLISHED;
    this.askPublished();
  }

  takePublished({ problem, stamp, lanes, line = "" }) {
    if (problem) return this.say("published", problem);
    if (!lanes) return;
    this.published = { stamp, lanes };
    this.say("published", line);
    this.drawCharts();
  }

  drawHead() {
    const { race, mine } = this;
    this.say("title", race.title);
    this.say("detail", race.detail);
    this.button("stop").hidden = race.state !== "queued" || !race.canStop || !mine; // the strip stops what trains
    this.button("resume").hidden = !race.canResume || !mine;
    const done = race.canResume ? ` ${Math.round(race.progress * 100)} % are done.` : "";
    this.say("state", stateText(race) + done);
    const stamp = JSON.stringify(race.seeds);
    if (stamp !== this.seedsStamp) this.drawSeeds();
    this.seedsStamp = stamp;
  }

  /** Link the races that were started together with other seeds. */
  drawSeeds() {
    const { seeds } = this.race;
    this.field("seeds").hidden = !seeds.length;
    const waiting = seeds.filter(({ state }) => state === "queued").length;
    const text = `Started with ${seeds.length} seeds${waiting ? `, ${waiting} still waiting` : ""}:`;
    const seedButton = ({ seed, state, ids, shown }) =>
      button(`seed ${seed}, ${state}`, () => showRuns(ids), { disabled: shown });
    const runs = seeds.flatMap(({ ids }) => ids).join(",");
    const compare = link("Compare over seeds", tabLink("runs", { runs }), () => goToTab("runs", { runs }));
    this.field("seeds").replaceChildren(text, ...seeds.map(seedButton), compare);
  }

  drawCharts() {
    const { race, curves, published, opposing } = this;
    const isMeasured = ({ id }) => curves[id]?.epochs.opposing_count_rate.some((rate) => rate !== null);
    const hidden = !race.lanes.some(isMeasured);
    if (opposing.hidden !== hidden) {
      opposing.hidden = hidden;
      dispatchEvent(new Event("resize")); // the charts beside it have another width now
    }
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
    const rows = race.lanes.map((lane) => laneRow(lane, curves[lane.id]));
    table(this.field("lanes"), [LANE_HEAD, ...rows], { colors: race.lanes.map(({ color }) => color) });
    table(this.field("epochs"), epochRows(race.lanes, curves));
  }
}
