// Draw a decay profile: a bar for each eighth of the depth, dragged with mouse, finger or keys.
// What it draws is the text of the form's profile field, which link, snippet and run id hold.

import { short } from "../shared/numbers.js";
import { make, View } from "../shared/widgets.js";
import { onFormChange } from "./form_shown.js";
import { barsOf, overMean } from "./profile_shape.js";

const BARS = 8;
const MOST = 4; // times the mean
const STEP = 0.05;
const FIRST = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]; // the paper's rule
const TELL_AFTER_MS = 250; // a bar is being dragged

/** @type {Mount} */
export const mount = (element, { trigger }) => void new Profile(element, (text) => trigger("submit", { label: text }));

class Profile extends View {
  /** @param {any} element @param {(text: string) => void} tell writes the profile field */
  constructor(element, tell) {
    super(element);
    this.tell = tell;
    this.box = element.querySelector(".lp-profile");
    this.text = "";
    this.outputs = FIRST.map(() => make("output", { className: "lp-num" }));
    this.inputs = FIRST.map((_, i) => this.bar(i));
    this.field("bars").append(...this.inputs.map((input, i) => make("label", {}, input, this.outputs[i])));
    element.addEventListener(
      "click",
      ({ target }) => target.dataset.preset && this.set(barsOf(target.dataset.preset, BARS)),
    );
    onFormChange((shown) => this.follow(shown));
  }

  bar(i) {
    const input = make("input", { type: "range", min: "0", max: String(MOST), step: String(STEP), value: FIRST[i] });
    input.setAttribute("aria-label", `λ at ${Math.round((100 * i) / (BARS - 1))} % of the depth`);
    input.addEventListener("input", () => this.changed());
    return input;
  }

  /** Show what the form holds; a chosen Custom without a profile begins with the bars as they are. */
  follow({ methods = [], profile = "" }) {
    this.box.hidden = !methods.includes("custom");
    if (profile === this.text && profile) return;
    const bars = barsOf(profile, BARS);
    if (bars) this.set(bars, profile);
    else if (!this.box.hidden && !profile.trim()) this.changed();
    else this.describe();
  }

  /** @param {number[] | null} bars @param {string} [text] that the field holds already */
  set(bars, text) {
    this.inputs.forEach((input, i) => {
      input.value = String(bars?.[i]);
    });
    if (text === undefined) return this.changed();
    this.text = text;
    this.describe();
  }

  changed() {
    this.describe();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.text = this.inputs.map(({ value }) => short(Number(value), 4)).join(",");
      this.tell(this.text);
    }, TELL_AFTER_MS);
  }

  describe() {
    const rates = overMean(this.inputs.map(({ value }) => Number(value)));
    rates.forEach((rate, i) => {
      this.outputs[i].textContent = short(rate, 2);
      this.inputs[i].setAttribute("aria-valuetext", `${short(rate, 2)} times λ`);
    });
    this.say(
      "said",
      "Times λ at eight depths; layers between them get what lies between. The mean over layers stays λ.",
    );
  }
}
