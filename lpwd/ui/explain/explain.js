// The Explain tab: the numeric check, the rates by layer, and the copy buttons.

import { Figure } from "../shared/figure.js";
import { short } from "../shared/numbers.js";
import { Profile } from "../shared/profile.js";
import { call } from "../shared/server.js";
import { parameter, remember, tabLink } from "../shared/url.js";
import { table, View } from "../shared/widgets.js";
import { rowsWith } from "./audit_rows.js";
import { compare } from "./identities.js";

const DRAWN = "profile"; // the rule name of a drawn profile
const ROUNDING = 1e-9; // largest relative difference of an identity in float64

/** @param {number} value */
const tiny = (value) => (value === 0 ? "0" : value.toExponential(1).replace("-", "−"));

/** @type {Mount} */
export function mount(element, { server }) {
  new Check(element);
  new LayerRates(element, server).open();
  new Audits(element, server).open();
}

class Check extends View {
  constructor(element) {
    super(element);
    this.on("check", "submit", (event) => this.run(event));
  }

  run(event) {
    event.preventDefault();
    const form = /** @type {any} */ (this.field("check"));
    const { eta, lam, optimizer } = Object.fromEntries(new FormData(form));
    const { problem, checks } = compare(Number(eta), Number(lam), optimizer);
    this.field("checks").replaceChildren();
    if (problem) return this.say("checked", problem);
    const worst = Math.max(...checks.filter(({ exact }) => exact).map(({ difference }) => difference));
    const holds = worst < ROUNDING ? "Both identities hold to rounding" : "An identity does not hold: this is a bug";
    const c = short(Number(eta) * Number(lam), 3);
    this.say("checked", `${holds}: largest relative difference ${tiny(worst)}. c = ${c} per step.`);
    const rows = checks.map(({ claim, exact, difference }) => [
      claim,
      exact ? "identity" : "difference",
      tiny(difference),
    ]);
    table(this.field("checks"), [["Over 200 steps", "Kind", "max |a − b| / max |b|"], ...rows]);
  }
}

class Audits extends View {
  constructor(element, server) {
    super(element);
    this.server = server;
    /** @type {{head: string[], rows: string[][], names: string[]}} */
    this.recorded = { head: [], rows: [], names: [] };
    this.on("audit-filter", "input", () => this.show());
    this.onClick("audit", () => this.run());
  }

  async open() {
    this.recorded = await call(this.server, "audits");
    this.field("audit-name").replaceChildren(...this.recorded.names.map((name) => new Option(name, name)));
    this.show();
  }

  show() {
    const { head, rows } = this.recorded;
    const shown = rowsWith(rows, this.field("audit-filter").value);
    table(this.field("audits"), [head, ...shown]);
    this.say("audit-said", `${shown.length} of ${rows.length} optimizers`);
  }

  async run() {
    const name = this.field("audit-name").value;
    this.say("audit-said", `Auditing ${name} …`);
    const { problem, row } = await call(this.server, "audit_now", { name });
    if (problem) return this.say("audit-said", problem);
    table(this.field("audits"), [this.recorded.head, row]);
    this.say("audit-said", `${name} as it is on this machine`);
  }
}

class LayerRates extends View {
  constructor(element, server) {
    super(element);
    this.server = server;
    /** @type {any[]} */
    this.models = [];
    this.plot = new Figure(this.field("rates"));
    this.profile = new Profile(element, () => this.drawn());
    this.profile.element.hidden = false;
    this.asking = false;
    this.again = false;
    this.on("model", "change", () => this.chosen());
    this.on("n", "input", () => {
      this.field("model").value = "";
      this.chosen();
    });
    for (const name of ["rule", "lam"]) {
      this.on(name, "input", () => {
        this.draw();
        this.remember();
      });
    }
  }

  async open() {
    this.models = (await call(this.server, "models")).models;
    const options = this.models.map(({ label, n }, i) => new Option(`${label} (n = ${n})`, String(i)));
    this.field("model").replaceChildren(...options, new Option("other, by the slider", ""));
    this.restore();
    this.choose();
  }

  /** Draw; a change while the server answers is drawn afterwards. */
  async draw() {
    this.again = this.asking;
    if (this.asking) return;
    this.asking = true;
    const model = this.field("model").value === "" ? null : Number(this.field("model").value);
    const [n, rule, weight_decay] = [
      Number(this.field("n").value),
      this.field("rule").value,
      Number(this.field("lam").value),
    ];
    this.profile.setLayers(n);
    this.offerRace();
    const profile = rule === DRAWN ? this.profile.drawn() : "";
    const mean = this.profile.drawnMean();
    const answer = await call(this.server, "layer_rates", { model, n, rule, weight_decay, profile, mean });
    this.asking = false;
    this.say("rates-problem", answer.problem);
    if (!answer.problem) this.show(answer);
    if (this.again) this.draw();
  }

  show({ figure, summary, rows }) {
    this.plot.draw(figure);
    this.say("rates-said", summary);
    table(this.field("rates-table"), rows);
  }

  drawn() {
    this.field("rule").value = DRAWN;
    this.draw();
    this.remember();
  }

  /** Lead to a race of the profile against WD and LPWD. */
  offerRace() {
    const [profile, weight_decay] = [this.profile.drawn(), this.field("lam").value];
    const mean = this.profile.drawnMean();
    this.field("race-profile").href = tabLink("train", { methods: "wd,lpwd,custom", profile, weight_decay, mean });
  }

  /** Write the choices into the address: the model by its name, and n in case that the model is unknown. */
  remember() {
    const explain_model = this.models[this.field("model").value]?.label ?? "";
    const [n, rule, lam] = ["n", "rule", "lam"].map((name) => this.field(name).value);
    const explain_profile = rule === DRAWN ? this.profile.drawn() : "";
    const explain_mean = explain_profile && this.profile.drawnMean();
    remember({ explain_model, explain_n: n, explain_rule: rule, explain_lam: lam, explain_profile, explain_mean });
    this.offerRace();
  }

  restore() {
    const linked = (name) => parameter(`explain_${name}`);
    const [model, n, rule, lam] = ["model", "n", "rule", "lam"].map((name) => this.field(name));
    const layers = Number(linked("n"));
    this.profile.show(linked("profile"), linked("mean"));
    if ([...rule.options].some((option) => option.value === linked("rule"))) rule.value = linked("rule");
    if (Number(linked("lam")) > 0) lam.value = linked("lam");
    if (layers >= Number(n.min) && layers <= Number(n.max)) n.value = String(layers);
    const known = this.models.findIndex(({ label }) => label === linked("model"));
    model.value = known >= 0 ? String(known) : linked("n") ? "" : "0";
  }

  choose() {
    const model = this.field("model").value;
    if (model !== "") this.field("n").value = this.models[Number(model)].n;
    this.say("n-is", this.field("n").value);
    this.draw();
  }

  chosen() {
    this.choose();
    this.remember();
  }
}
