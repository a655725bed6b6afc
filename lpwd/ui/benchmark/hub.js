// The source of the published results; for the owner also the repository and publishing.

import { count } from "../shared/numbers.js";
import { watch } from "../shared/polling.js";
import { call } from "../shared/server.js";
import { items, put, View } from "../shared/widgets.js";

/** @type {Mount} */
export const mount = (element, { server }) => void new Hub(element, server);

class Hub extends View {
  constructor(element, server) {
    super(element);
    this.server = server;
    /** @type {any} */
    this.known = null;
    this.typed = false; // the repository is being edited
    this.listed = -1; // plan whose runs are listed
    this.refresh = watch(element, "benchmark", "published", { ask: () => ({}), take: (news) => this.draw(news) });
    this.on("repo", "input", () => {
      this.typed = true;
    });
    this.on("choose", "submit", (event) => this.use(event));
    this.onClick("look", () => this.look());
    this.onClick("send", () => this.send());
  }

  draw(news) {
    const changed = this.known && this.known.version !== news.version;
    this.known = news;
    this.say("line", news.line);
    this.field("rest").hidden = false;
    this.field("owner").hidden = Boolean(news.others);
    this.say("others", news.others);
    const repo = this.field("repo");
    if (!this.typed && document.activeElement !== repo) repo.value = news.repo;
    if (news.publishing) this.drawPublishing(news.publishing);
    this.say("automatic", news.automatic ? `Automatic publishing: ${news.automatic}` : "");
    if (changed) document.dispatchEvent(new CustomEvent("lpwd:published"));
  }

  drawPublishing(publishing) {
    const { phase, busy, repo, line, problem, count: n, seconds } = publishing;
    const doing = phase === "sending" ? `Sending ${count(n, "run")} to ${repo}` : `Reading ${repo}`;
    const ready = phase === "looked" && n > 0;
    this.say("told", busy ? `${doing}, ${seconds} s` : line);
    this.say("problem", problem);
    this.button("look").disabled = busy;
    this.button("send").disabled = !ready;
    put(this.button("send"), ready ? `Send ${count(n, "run")}` : "Send");
    this.field("listing").hidden = !ready;
    if (this.listed !== publishing.plan && phase === "looked") this.drawPlan(publishing);
  }

  drawPlan({ plan, count: n, runs }) {
    this.listed = plan;
    this.say("listed", `${count(n, "run")} would be sent`);
    const more = n > runs.length ? [`and ${n - runs.length} more`] : [];
    this.field("runs").replaceChildren(...items([...runs, ...more]));
  }

  /** Call a server function; show its problem beside the form. */
  async request(name, question) {
    const { problem } = await call(this.server, name, question);
    this.say("wrong", problem);
    this.refresh();
    return problem;
  }

  async use(event) {
    event.preventDefault();
    this.typed = Boolean(await this.request("use", { repo: this.field("repo").value }));
  }

  look() {
    return this.request("plan", { repo: this.field("repo").value, replaces: this.field("replaces").checked });
  }

  send() {
    this.button("send").disabled = true;
    this.request("send", { plan: this.known.publishing.plan });
  }
}
