// A figure composed by the server: data and axes arrive as JSON, the page adds its theme.

import { download } from "./files.js";
import { color, draw, figureLayout, load, onThemeChange, whenSized } from "./plotly.js";

const PICTURE = { width: 1200, height: 640, scale: 2 };

export class Figure {
  constructor(/** @type {HTMLElement} */ element) {
    this.element = element;
    /** @type {any} */
    this.shown = null;
    onThemeChange(() => this.shown && this.draw(this.shown));
  }

  async draw(/** @type {{data: object[], layout: object}} */ figure) {
    this.shown = figure;
    await whenSized(this.element);
    await load();
    if (this.shown !== figure || !this.element.isConnected) return;
    await draw(this.element, structuredClone(figure.data), figureLayout(figure.layout));
  }

  /** Download the figure on the page's background, so that a dark page gives a dark file.
   * @param {string} filename @param {"png" | "svg"} format */
  async picture(filename, format) {
    const Plotly = await load();
    const { data, layout } = this.shown;
    const figure = {
      data: structuredClone(data),
      layout: { ...figureLayout(layout), paper_bgcolor: color("--lp-page") },
    };
    download(filename, await Plotly.toImage(figure, { format, ...PICTURE }));
  }
}
