// The strip above the tabs: device, memory, queue and the active race.

import { enableCopyButtons } from "./files.js";
import { onPoll, openRuns } from "./page_race.js";
import { epochText } from "./race_text.js";
import { changeRace, connect } from "./server.js";
import { raceLink } from "./url.js";
import { handled, make, put, showProgress, View } from "./widgets.js";

/** @type {Mount} */
export function mount(element, { server }) {
  new Strip(element);
  connect(server);
  enableCopyButtons();
}

class Strip extends View {
  constructor(element) {
    super(element);
    this.active = null;
    this.progress = element.querySelector(".lp-bar");
    // Hides all buttons that start runs from visitors who may only view.
    this.noStarts = make("style", { media: "not all", textContent: ".lp-starts { display: none !important; }" });
    document.head.append(this.noStarts);
    this.onClick("stop", () => this.stop());
    this.on("race", "click", (event) => handled(event, () => this.active && openRuns(this.active.ids)));
    onPoll(element, (state) => this.draw(state));
  }

  async stop() {
    this.button("stop").disabled = true;
    this.say("offline", await changeRace("stop", this.active.ids));
  }

  draw({ answer, offline }) {
    this.say("offline", offline);
    if (!answer) return;
    const { device, memory, waiting, active } = answer.strip;
    this.active = active;
    this.say("device", device);
    this.say("memory", `${memory} in use`);
    this.say("waiting", waiting ? `${waiting} waiting` : "");
    this.field("watching").hidden = answer.mine.start;
    this.noStarts.media = answer.mine.start ? "not all" : "all";
    this.progress.hidden = !active;
    this.button("stop").hidden = !active || !answer.mine.strip;
    this.drawRace();
  }

  drawRace() {
    const { active } = this;
    const link = this.field("race");
    link.classList.toggle("lp-idle", !active);
    put(link, active ? `${active.state}: ${active.title}` : "idle");
    this.say("when", active ? epochText(active, "/") : "");
    if (!active) return;
    link.href = raceLink(active.ids);
    showProgress(this.progress, active.progress);
    this.button("stop").disabled = !active.canStop;
  }
}
