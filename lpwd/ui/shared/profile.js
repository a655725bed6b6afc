// The editor of a decay profile: one bar per layer, moved with mouse, finger or keys. A profile is text, such as `0,1,2`.
// With mean "drawn", its multipliers are not rescaled.

import { short } from "./numbers.js";
import { barsOf, meanOf, overMean, shape } from "./profile_shape.js";
import { make, View } from "./widgets.js";

const FIRST_BARS = 8; // until the network's layers are known
const MOST_BARS = 24; // in deeper networks, a bar stands for several layers
const UPRIGHT = 10; // more numbers do not fit side by side
const MOST = 4; // times λ
const STEP = 0.05;
const TELL_AFTER_MS = 250; // a bar is being dragged

export class Profile extends View {
  /** @param {any} element around profile.html
   * @param {(text: string, mean: string) => void} tell is called after a bar or the switch was moved */
  constructor(element, tell) {
    super(element.querySelector(".lp-profile"));
    this.tell = tell;
    this.text = "";
    this.mean = "layers"; // where total decay is the same
    this.layers = 0;
    /** @type {number[]} */
    this.bars = [];
    /** @type {any[]} */
    this.inputs = [];
    /** @type {any[]} */
    this.outputs = [];
    this.build(shape("paper", FIRST_BARS));
    this.on("same", "change", () => this.changed(this.drawn()));
    this.element.addEventListener("click", ({ target }) => target.dataset.shape && this.press(target.dataset.shape));
  }

  /** Draw one bar per layer, at most MOST_BARS. @param {number} layers */
  setLayers(layers) {
    if (!(layers > 0) || layers === this.layers) return;
    this.layers = layers;
    const count = Math.min(Math.max(layers, 2), MOST_BARS);
    this.build(barsOf(this.text, count) ?? shape("paper", count));
  }

  build(/** @type {number[]} */ bars) {
    this.outputs = bars.map(() => make("output", { className: "lp-num" }));
    this.inputs = bars.map((_, i) => this.bar(i, bars.length));
    const labels = this.inputs.map((input, i) => make("label", {}, input, this.outputs[i]));
    this.field("bars").classList.toggle("lp-many", bars.length > UPRIGHT);
    this.field("bars").replaceChildren(...labels);
    this.set(bars);
  }

  bar(/** @type {number} */ i, /** @type {number} */ count) {
    const input = make("input", { type: "range", min: "0", max: String(MOST), step: String(STEP) });
    const place =
      this.layers === count ? `layer ${i + 1} of ${count}` : `${Math.round((100 * i) / (count - 1))} % of the depth`;
    input.setAttribute("aria-label", `λ at ${place}`);
    input.addEventListener("input", () => {
      this.bars[i] = Number(input.value);
      this.changed("");
    });
    return input;
  }

  /** Return the profile as text. */
  drawn() {
    return this.text || this.bars.map((value) => short(value, 4)).join(",");
  }

  /** Return the form's value of `mean` for this profile. */
  drawnMean() {
    return this.field("same").checked ? this.mean : "drawn";
  }

  /** Show a profile; return whether it is valid. @param {string} text @param {string} mean */
  show(text, mean) {
    const bars = barsOf(text, this.inputs.length);
    if (mean !== "drawn") this.mean = mean === "parameters" ? mean : "layers"; // a link may say anything
    this.field("same").checked = mean !== "drawn";
    if (bars && text !== this.text) {
      this.text = text;
      this.set(bars);
    } else this.describe();
    return Boolean(bars);
  }

  press(/** @type {string} */ name) {
    this.set(shape(name, this.inputs.length));
    this.changed("");
  }

  set(/** @type {number[]} */ bars) {
    this.bars = [...bars]; // a range input rounds to multiples of STEP
    this.inputs.forEach((input, i) => {
      input.value = String(bars[i]);
    });
    this.describe();
  }

  /** Report the profile: `text`, or the bars if it is empty. @param {string} text */
  changed(text) {
    this.text = text;
    this.text = this.drawn();
    this.describe();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(this.text, this.drawnMean()), TELL_AFTER_MS);
  }

  describe() {
    const isSame = this.field("same").checked;
    const bars = this.bars;
    const rates = isSame ? overMean(bars) : bars;
    rates.forEach((rate, i) => {
      this.outputs[i].textContent = short(rate, 2);
      this.inputs[i].setAttribute("aria-valuetext", `${short(rate, 2)} times λ`);
    });
    const mean = short(meanOf(bars), 3);
    const of =
      this.layers > bars.length ? `${this.layers} layers, several per bar` : "Layer by layer, as multiples of λ";
    this.say("said", `${of}. ${isSame ? "Rescaled to mean 1 over layers." : `As drawn: mean ${mean} over layers.`}`);
  }
}
