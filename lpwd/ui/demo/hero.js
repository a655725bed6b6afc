// The head of the landing: the answer, and the strong-decay race of WD and LPWD side by side.
// Act two starts and follows the race; its two lanes are drawn here.

import { watch } from "../shared/polling.js";
import { View } from "../shared/widgets.js";
import { PenaltyChart } from "./penalty_chart.js";
import { curveSeries } from "./penalty_series.js";

export class Hero extends View {
  /** @param {any} element @param {import("./penalty.js").Penalty} penalty @param {any} first what the page came with */
  constructor(element, penalty, { answer, race, code }) {
    super(element);
    this.penalty = penalty;
    this.race = race;
    this.charts = race.methods.map((method) => new PenaltyChart(this.field(method)));
    this.say("code", code);
    this.say(
      "caption",
      `Test top-1 on digits, trained from scratch with strong decay (λ ${race.decay}). Faint lines: recorded seeds.`,
    );
    this.drawAnswer(answer);
    watch(element, "demo", "answer", { ask: () => ({}), take: (given) => this.drawAnswer(given.answer) });
    this.onClick("race", () => penalty.raceHere(race.scan, race.decay, race.methods));
    penalty.drawn = () => this.draw();
    penalty.source.fetch(race.scan).then(() => this.draw());
    this.draw();
  }

  drawAnswer(answer) {
    if (!answer) return; // results are still being read
    this.say("counts", answer.counts);
    this.say("main", answer.main);
  }

  draw() {
    const { race, charts, penalty } = this;
    const frame = penalty.frames.find(({ name }) => name === race.scan);
    const at = frame.decays.indexOf(race.decay);
    const { live } = penalty;
    const isMine = live.live?.scan === race.scan && live.live.decay === race.decay;
    const lanes = isMine ? live.live.race.lanes.filter(({ id }) => live.curves[id]) : [];
    const axes = { x: { title: "epoch", range: [0, frame.epochs] }, y: { title: "test top-1 (%)", range: [0, 100] } };
    charts.forEach((chart, i) => {
      const method = race.methods[i];
      const styles = frame.methods.filter((style) => style.method === method);
      const mine = lanes.filter((lane) => lane.method === method);
      const selection = {
        frame,
        scan: penalty.source.get(race.scan),
        styles,
        at,
        value: "",
        close: false,
        lanes: mine,
      };
      const series = curveSeries("top1", { ...selection, points: (id) => live.curves[id] });
      chart.draw(axes, series, { label: `Test top-1 of ${styles[0].label} over epochs at λ ${race.decay}` });
    });
    this.say("state", isMine || live.starting ? live.stateText() : "");
    this.say("problem", live.problem());
    this.button("race").setAttribute("aria-disabled", String(live.starting || (isMine && live.isWorking())));
  }
}
