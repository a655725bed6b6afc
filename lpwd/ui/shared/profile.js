// Draw a decay profile: a bar for each eighth of the depth, dragged with mouse, finger or keys. It is a text, such as
// `0,1,2`, that the form's profile field, links, snippets and run ids hold.

import { short } from "./numbers.js";
import { barsOf, overMean } from "./profile_shape.js";
import { make, View } from "./widgets.js";

const BARS = 8;
const MOST = 4; // times the mean
const STEP = 0.05;
const FIRST = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]; // the paper's rule
const TELL_AFTER_MS = 250; // a bar is being dragged

export class Profile extends View {
  /** @param {any} element around profile.html @param {(text: string) => void} tell is called once a bar has moved */
  constructor(element, tell) {
    super(element.querySelector(".lp-profile"));
    this.tell = tell;
    this.text = "";
    this.outputs = FIRST.map(() => make("output", { className: "lp-num" }));
    this.inputs = FIRST.map((_, i) => this.bar(i));
    this.field("bars").append(...this.inputs.map((input, i) => make("label", {}, input, this.outputs[i])));
    this.element.addEventListener("click", ({ target }) => target.dataset.preset && this.preset(target.dataset.preset));
    this.describe();
  }

  bar(i) {
    const input = make("input", { type: "range", min: "0", max: String(MOST), step: String(STEP), value: FIRST[i] });
    input.setAttribute("aria-label", `λ at ${Math.round((100 * i) / (BARS - 1))} % of the depth`);
    input.addEventListener("input", () => this.changed());
    return input;
  }

  /** Return the bars as text. */
  drawn() {
    return this.inputs.map(({ value }) => short(Number(value), 4)).join(",");
  }

  /** Show a profile; return whether the text is one. @param {string} text */
  show(text) {
    const bars = barsOf(text, BARS);
    if (bars && text !== this.text) {
      this.text = text;
      this.set(bars);
    }
    return Boolean(bars);
  }

  preset(text) {
    this.set(/** @type {number[]} */ (barsOf(text, BARS)));
    this.changed();
  }

  set(/** @type {number[]} */ bars) {
    this.inputs.forEach((input, i) => {
      input.value = String(bars[i]);
    });
    this.describe();
  }

  changed() {
    this.describe();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.text = this.drawn();
      this.tell(this.text);
    }, TELL_AFTER_MS);
  }

  describe() {
    const rates = overMean(this.inputs.map(({ value }) => Number(value)));
    rates.forEach((rate, i) => {
      this.outputs[i].textContent = short(rate, 2);
      this.inputs[i].setAttribute("aria-valuetext", `${short(rate, 2)} times λ`);
    });
  }
}
