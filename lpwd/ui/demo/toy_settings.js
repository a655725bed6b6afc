// Settings of act one: their ranges, sliders and address parameters.

import { parameter } from "../shared/url.js";

/** @type {ToySettings} */
const DEFAULTS = { eta: 0.3, c: 0.2, noise: 0.35, optimizer: "sgd", seed: 7 };
const RANGES = { eta: [0.005, 0.5], c: [0.0001, 0.9], noise: [0, 1] };
const STOPS = { eta: 100, c: 200 }; // of a slider with a logarithmic scale

/** @param {"eta" | "c" | "noise"} name @param {number} value */
function inside(name, value) {
  const [low, high] = RANGES[name];
  return Math.min(high, Math.max(low, value));
}

/** Return the settings that the address names, and defaults for the others. @returns {ToySettings} */
export function linkedSettings(read = parameter) {
  const settings = { ...DEFAULTS };
  for (const name of /** @type {const} */ (["eta", "c", "noise"])) {
    const text = read(`toy_${name}`);
    const value = Number(text);
    if (text && Number.isFinite(value) && (value || name === "noise")) settings[name] = inside(name, value);
  }
  if (read("toy_optimizer") === "adam") settings.optimizer = "adam";
  return settings;
}

/** @param {ToySettings} settings */
export function settingsAddress({ eta, c, noise, optimizer }) {
  return { tab: "demo", toy_eta: eta, toy_c: c, toy_noise: String(noise), toy_optimizer: optimizer };
}

/** Return the position of a value on its slider. @param {"eta" | "c" | "noise"} name @param {number} value */
export function sliderStop(name, value) {
  if (name === "noise") return value;
  const [low, high] = RANGES[name].map(Math.log10);
  return (STOPS[name] * (Math.log10(value) - low)) / (high - low);
}

/** Return the value at a slider's position, to two digits. @param {"eta" | "c" | "noise"} name @param {number} stop */
export function sliderValue(name, stop) {
  if (name === "noise") return stop;
  const [low, high] = RANGES[name].map(Math.log10);
  return Number((10 ** (low + (stop / STOPS[name]) * (high - low))).toPrecision(2));
}

/** Return the position of a value as a fraction of its slider. @param {"eta" | "c"} name @param {number} value */
export const sliderFraction = (name, value) => sliderStop(name, value) / STOPS[name];
