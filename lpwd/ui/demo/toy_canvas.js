// Canvases of act one, at the resolution of the screen and in the colours of the theme.

import { color, onThemeChange } from "../shared/plotly.js";

const NAMES = ["ink", "muted", "line", "grid", "page", "against"]; // CSS variables --lp-ink, ...

export class Canvas {
  /** @param {any} node @param {(width: number) => number} heightOf the height for a width, in CSS pixels
   * @param {() => void} redraw called when the size or the theme has changed */
  constructor(node, heightOf, redraw) {
    this.node = node;
    this.pen = node.getContext("2d");
    this.heightOf = heightOf;
    this.redraw = redraw;
    this.width = 0;
    this.height = 0;
    this.font = "";
    /** @type {Record<string, string>} */
    this.colors = {};
    this.readTheme();
    onThemeChange(node, () => {
      this.readTheme();
      redraw();
    });
    new ResizeObserver(() => this.fit()).observe(node.parentElement);
  }

  readTheme() {
    this.colors = Object.fromEntries(NAMES.map((name) => [name, color(`--lp-${name}`)]));
    this.font = getComputedStyle(document.body).fontFamily;
  }

  fit() {
    const width = this.node.parentElement.clientWidth;
    if (!width) return; // its tab is closed
    const ratio = devicePixelRatio || 1;
    this.width = width;
    this.height = Math.round(this.heightOf(width));
    this.node.style.height = `${this.height}px`;
    this.node.width = Math.round(width * ratio);
    this.node.height = Math.round(this.height * ratio);
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.redraw();
  }

  clear() {
    this.pen.clearRect(0, 0, this.width, this.height);
  }

  /** @param {Vector} from @param {Vector} to @param {string} stroke @param {number} [width] */
  line(from, to, stroke, width = 1) {
    const { pen } = this;
    pen.strokeStyle = stroke;
    pen.lineWidth = width;
    pen.beginPath();
    pen.moveTo(from[0], from[1]);
    pen.lineTo(to[0], to[1]);
    pen.stroke();
  }

  /** Draw an arrow whose head shrinks with it; below half a pixel nothing is drawn.
   * @param {Vector} from @param {Vector} to @param {string} fill @param {number} width */
  arrow(from, to, fill, width) {
    const { pen } = this;
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const length = Math.hypot(dx, dy);
    if (length < 0.5) return;
    const head = Math.min(4 + 2 * width, length);
    const [ux, uy] = [dx / length, dy / length];
    const base = [to[0] - head * ux, to[1] - head * uy];
    const half = 0.55 * head;
    this.line(from, base, fill, width);
    pen.fillStyle = fill;
    pen.beginPath();
    pen.moveTo(to[0], to[1]);
    pen.lineTo(base[0] - half * uy, base[1] + half * ux);
    pen.lineTo(base[0] + half * uy, base[1] - half * ux);
    pen.fill();
  }

  /** @param {Vector} at @param {number} radius @param {string} fill @param {boolean} [hollow] */
  dot(at, radius, fill, hollow = false) {
    const { pen } = this;
    pen.beginPath();
    pen.arc(at[0], at[1], radius, 0, 2 * Math.PI);
    pen.fillStyle = hollow ? this.colors.page : fill;
    pen.fill();
    if (!hollow) return;
    pen.strokeStyle = fill;
    pen.lineWidth = 1.5;
    pen.stroke();
  }

  /** Write a text and return its width in pixels. @param {string} words @param {Vector} at */
  text(words, at, { fill = this.colors.muted, align = "left", bold = false } = {}) {
    const { pen } = this;
    pen.font = `${bold ? "600 " : ""}12px ${this.font}`;
    pen.textAlign = align;
    pen.fillStyle = fill;
    pen.fillText(words, at[0], at[1]);
    return pen.measureText(words).width;
  }
}
