// Controls of act two: switches of radio buttons, and a legend that hides and shows methods.

import { button, make } from "../shared/widgets.js";
import { sample } from "./penalty_axes.js";

/** Add radio buttons. @param {HTMLElement} host @param {Record<string, string>} options label by value
 * @param {string} chosen value @param {(value: string) => void} choose */
export function addChoices(host, options, chosen, choose) {
  const name = `lp-penalty-${host.dataset.f}`;
  for (const [value, label] of Object.entries(options)) {
    const on = { change: () => choose(value) };
    const input = make("input", { type: "radio", name, value, checked: value === chosen, on });
    host.append(make("label", {}, input, label));
  }
}

/** Return a button per method; a press hides or shows its line.
 * @param {any[]} methods @param {Set<string>} hidden changed by a press @param {() => void} changed */
export function legendButtons(methods, hidden, changed) {
  return methods.map((style) => {
    const draw = () => node.setAttribute("aria-pressed", String(!hidden.has(style.method)));
    const node = button("", () => {
      if (!hidden.delete(style.method)) hidden.add(style.method);
      draw();
      changed();
    });
    draw();
    node.append(sample(style), style.label);
    return node;
  });
}
