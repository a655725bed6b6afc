// A Plotly figure in the page's theme, as wide as its element. It is drawn once the element has a size, and again when
// that size or the theme changes.

import { download } from "./files.js";
import { color, draw, figureLayout, load, onThemeChange } from "./plotly.js";

const PICTURE = { width: 1200, height: 640, scale: 2 };

/** @typedef {{data: any[], layout: any}} Shown */

export class Figure {
  /** @param {any} element @param {(shown: Shown) => any} [layoutOf] returns the whole layout
   * @param {() => void} [drawn] called after each drawing */
  constructor(element, layoutOf = ({ layout }) => figureLayout(layout), drawn = () => {}) {
    this.element = element;
    this.layoutOf = layoutOf;
    this.drawn = drawn;
    /** @type {any} */
    this.shown = null;
    this.size = ""; // of the drawing; "" before it and while the element is hidden
    this.drawing = false;
    onThemeChange(element, () => this.redraw());
    new ResizeObserver(() => this.resized()).observe(element);
  }

  resized() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width) this.size = "";
    else if (this.size !== `${width} ${height}`) this.redraw();
  }

  /** @param {Shown} figure */
  draw(figure) {
    this.shown = figure;
    this.redraw();
  }

  async redraw() {
    const { element } = this;
    if (this.drawing || !this.shown || !element.clientWidth) return;
    this.drawing = true;
    await load();
    this.drawing = false;
    if (!element.clientWidth) return;
    const layout = this.layoutOf(this.shown);
    const { clientWidth: width, clientHeight: height } = element;
    this.size = `${width} ${height}`;
    await draw(element, structuredClone(this.shown.data), { ...layout, width, height });
    this.drawn();
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
