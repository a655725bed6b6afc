// The search field and the filters above the table of runs.

import { parameter } from "../shared/url.js";
import { View } from "../shared/widgets.js";
import { FILTERS } from "./run_rows.js";

export class Filters extends View {
  /** @param {any} element of the tab @param {(name: string, value: string) => string} said the text of an option
   * @param {() => void} changed */
  constructor(element, said, changed) {
    super(element);
    this.said = said;
    this.field("q").value = parameter("runs_q");
    this.field("together").checked = parameter("runs_apart") !== "1";
    for (const name of [...FILTERS, "q", "together"]) this.on(name, "input", changed);
    this.onClick("clear", () => {
      for (const name of [...FILTERS, "q"]) this.field(name).value = "";
      changed();
      this.field("q").focus();
    });
  }

  /** Return what rows must match. */
  wanted() {
    const filters = Object.fromEntries(FILTERS.map((name) => [name, this.field(name).value]));
    return { words: this.field("q").value, filters, together: this.field("together").checked };
  }

  isActive() {
    const { words, filters } = this.wanted();
    return Boolean(words) || Object.values(filters).some(Boolean);
  }

  /** Offer the values that rows have. @param {any[]} rows */
  offer(rows) {
    for (const name of FILTERS) {
      const select = this.field(name);
      const value = select.value || parameter(`runs_${name}`);
      const values = [...new Set(rows.map((row) => row[name]))].sort();
      const options = values.map((option) => new Option(this.said(name, option), option));
      select.replaceChildren(new Option("all", ""), ...options);
      select.value = values.includes(value) ? value : "";
    }
  }

  address() {
    const { words, filters, together } = this.wanted();
    const named = Object.entries(filters).map(([name, value]) => [`runs_${name}`, value]);
    return { runs_q: words, runs_apart: together ? "" : "1", ...Object.fromEntries(named) };
  }
}
