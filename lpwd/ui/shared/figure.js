// A Plotly figure in the page's theme: drawn once its element has a size, and again when the page turns light or dark.

import { download } from "./files.js";
import { color, draw, figureLayout, load, onThemeChange, whenSized } from "./plotly.js";

const PICTURE = { width: 1200, height: 640, scale: 2 };

/** @typedef {{data: any[], layout: any}} Shown */

export class Figure {
  /** @param {any} element @param {(shown: Shown) => object} [layoutOf] returns the whole layout */
  constructor(element, layoutOf = ({ layout }) => figureLayout(layout)) {
    this.element = element;
    this.layoutOf = layoutOf;
    /** @type {any} */
    this.shown = null;
    /** @type {Promise<void> | null} */
    this.drawing = null;
    onThemeChange(element, () => this.redraw());
  }

  /** Draw this figure, or a later one that arrives before the element has a size. @param {Shown} figure */
  draw(figure) {
    this.shown = figure;
    this.drawing ??= this.drawOnceSized();
    return this.drawing;
  }

  redraw() {
    if (this.shown) this.draw(this.shown);
  }

  async drawOnceSized() {
    if (!this.element.clientWidth) await whenSized(this.element);
    await load();
    this.drawing = null;
    if (!this.element.isConnected) return;
    await draw(this.element, structuredClone(this.shown.data), this.layoutOf(this.shown));
  }

  /** Download the figure on the page's background, so that a dark page gives a dark file.
   * @param {string} filename @param {"png" | "svg"} format */
  async picture(filename, format) {
    const Plotly = await load();
    const layout = { ...this.layoutOf(this.shown), paper_bgcolor: color("--lp-page") };
    const figure = { data: structuredClone(this.shown.data), layout };
    download(filename, await Plotly.toImage(figure, { format, ...PICTURE }));
  }
}
