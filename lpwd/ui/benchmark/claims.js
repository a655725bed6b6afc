// The visitor's claims files: dropped on the tab, judged by the server, and stored only in this browser.

import { onFilesDropped } from "../shared/files.js";
import { watch } from "../shared/polling.js";
import { View } from "../shared/widgets.js";
import { drawClaims } from "./tiles.js";

const KEY = "lpwd-claims"; // in the browser's storage: texts of files by name
const MAX_CHARACTERS = 20_000; // of a file, as the server allows

export class Claims extends View {
  /** @param {any} element of the tab, which takes the files
   * @param {(tile: any, text: string) => void} start queues the runs of a tile */
  constructor(element, start) {
    super(element);
    this.start = start;
    /** @type {Record<string, string>} */
    this.files = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    const ask = () => (Object.keys(this.files).length ? { files: this.files } : null);
    this.refresh = watch(element, "benchmark", "claims", { ask, take: (answer) => this.take(answer) });
    onFilesDropped(element, this.field("claims-file"), (files) => this.read(files));
  }

  /** @param {File[]} files */
  async read(files) {
    const large = files.find((file) => file.size > MAX_CHARACTERS);
    if (large) return this.say("refused", `${large.name} is too large for a claims file.`);
    for (const file of files) this.files[file.name] = await file.text();
    this.say("refused", "");
    this.keep();
  }

  forget(name) {
    delete this.files[name];
    this.keep();
    if (!Object.keys(this.files).length) this.field("claims").replaceChildren();
  }

  keep() {
    this.store();
    this.refresh();
  }

  store() {
    localStorage.setItem(KEY, JSON.stringify(this.files));
  }

  take({ problem, tiles = [], problems = {} }) {
    const refused = Object.keys(problems);
    for (const name of refused) delete this.files[name]; // refused files are not sent again
    if (refused.length) this.store();
    if (problem || refused.length) this.say("refused", [problem, ...Object.values(problems)].join(" "));
    const shown = tiles.filter((tile) => tile.file in this.files);
    const start = (tile) => this.start(tile, this.files[tile.file]);
    drawClaims(this.field("claims"), shown, { forget: (name) => this.forget(name), start });
  }
}
