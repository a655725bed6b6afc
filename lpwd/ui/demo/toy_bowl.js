// The bowl of act one: contours of the loss, the paths of the three methods, and WD's two arrows.

import { Canvas } from "./toy_canvas.js";
import { CURVATURE, distance, MINIMUM, START, TRAIL } from "./toy_physics.js";

const LOW = [-0.5, -0.5]; // the visible range of weight 1 and weight 2
const HIGH = [1.7, 0.95];
const LEVELS = 10;
const RADII = { wd: 7, rwd: 5, pwd: 3 }; // concentric if the methods coincide
const MOVES = [0.45, 0.9]; // end of the first and second move of a step, as fractions of the step

/** Return the point at `share` of the way from a to b. @param {Vector} a @param {Vector} b @param {number} share */
const between = (a, b, share) => [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])];

/** Return where a path is within its step. @param {ToyPath} path @param {number} share of the step, 0 to 1 */
function along(path, share) {
  if (share < MOVES[0]) return between(path.before, path.between, share / MOVES[0]);
  return between(path.between, path.after, Math.min(1, (share - MOVES[0]) / (MOVES[1] - MOVES[0])));
}

export class Bowl {
  /** @param {HTMLElement} node @param {Record<string, Style>} styles by method */
  constructor(node, styles) {
    this.styles = styles;
    /** @type {any} */
    this.shown = null;
    this.scale = 1; // pixels per unit of a weight
    this.left = 0; // pixel of the origin
    this.top = 0;
    this.contours = new Path2D();
    const height = (width) => Math.min(320, Math.max(240, 0.5 * width));
    this.canvas = new Canvas(node, height, () => this.place());
  }

  place() {
    const { width, height } = this.canvas;
    this.scale = Math.min(width / (HIGH[0] - LOW[0]), height / (HIGH[1] - LOW[1]));
    this.left = width / 2 - (this.scale * (LOW[0] + HIGH[0])) / 2;
    this.top = height / 2 + (this.scale * (LOW[1] + HIGH[1])) / 2;
    this.contours = new Path2D();
    for (let level = 1; level <= LEVELS; level++) this.addContour(0.03 * level ** 2);
    if (this.shown) this.draw(this.shown[0], this.shown[1]);
  }

  /** @param {Vector} point */
  at([x, y]) {
    return [this.left + x * this.scale, this.top - y * this.scale];
  }

  /** Add the contour on which the loss is `level` above its minimum. */
  addContour(level) {
    const [[a, b], [, d]] = CURVATURE;
    for (let angle = 0; angle < 6.3; angle += 0.05) {
      const [u, v] = [Math.cos(angle), Math.sin(angle)];
      const r = Math.sqrt((2 * level) / (a * u * u + 2 * b * u * v + d * v * v));
      const [x, y] = this.at([MINIMUM[0] + r * u, MINIMUM[1] + r * v]);
      if (angle) this.contours.lineTo(x, y);
      else this.contours.moveTo(x, y);
    }
    this.contours.closePath();
  }

  /** @param {ToyState} state @param {number} share of the step, 0 to 1 */
  draw(state, share) {
    this.shown = [state, share];
    if (!this.canvas.width) return this.canvas.fit();
    this.drawLoss();
    const paths = Object.entries(state.paths);
    for (const [method, path] of paths) this.drawTrail(path, this.styles[method].color);
    this.drawArrows(state.paths.wd, share);
    for (const [method, path] of paths) {
      this.canvas.dot(this.at(along(path, share)), RADII[method], this.styles[method].color);
    }
  }

  drawLoss() {
    const { canvas } = this;
    const { pen, colors, width, height } = canvas;
    const [x, y] = this.at([0, 0]);
    canvas.clear();
    pen.strokeStyle = colors.grid;
    pen.lineWidth = 1;
    pen.stroke(this.contours);
    canvas.line([x, 0], [x, height], colors.line);
    canvas.line([0, y], [width, y], colors.line);
    canvas.text("weight 1", [8, y + 16]);
    canvas.text("weight 2", [x + 8, 16]);
    canvas.text("0", [x - 6, y + 16], { align: "right" });
    canvas.dot(this.at(MINIMUM), 3, colors.muted);
    canvas.text("minimum of the loss", [this.at(MINIMUM)[0], y + 16], { align: "center" });
  }

  /** Draw a trail that fades with age, with a red dot after each penalty that opposed. */
  drawTrail({ trail }, color) {
    const { canvas } = this;
    for (let i = 1; i < trail.length - 1; i++) {
      canvas.pen.globalAlpha = 0.9 * (1 - (trail.length - i) / TRAIL) ** 2;
      canvas.line(this.at(trail[i - 1].at), this.at(trail[i].at), color);
      if (trail[i].opposed) canvas.dot(this.at(trail[i].at), 3, canvas.colors.against);
    }
    canvas.pen.globalAlpha = 1;
  }

  drawArrows(path, share) {
    const { muted, against } = this.canvas.colors;
    const opposed = path.opposes.includes(true);
    const first = Math.min(1, share / MOVES[0]);
    this.canvas.arrow(this.at(path.before), this.at(between(path.before, path.between, first)), muted, 2);
    if (first < 1) return;
    const color = opposed ? against : this.styles.wd.color;
    this.canvas.arrow(this.at(path.between), this.at(along(path, share)), color, opposed ? 5 : 3);
  }

  /** Convert a gap, as a fraction of the distance from start to minimum, to pixels of this picture. */
  pixels(/** @type {number} */ gap) {
    return gap * distance(START, MINIMUM) * this.scale;
  }
}
