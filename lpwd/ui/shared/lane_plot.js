// Lines of a race as series, bands and axes of uPlot, in the page's colours. No state here.

import { fixed } from "./numbers.js";
import { color } from "./plotly.js";
import { DASHES, MARKERS } from "./styles.js";

const BAND = "26"; // opacity of a band, as the last byte of a colour
const MARKERS_A_LINE = 40;
const RING = `${MARKERS.circle}M-2 0a2 2 0 1 1 4 0a2 2 0 1 1-4 0Z`; // of a method without a marker

/** Return the series of one line: those of its band, which are not drawn, and its own.
 * @param {Line} line @param {number} digits of its values @param {boolean} show */
export function lineSeries(line, digits, show) {
  const value = (_plot, y) => fixed(y, digits);
  const named = line.named ? undefined : "lp-unnamed"; // without a row in the legend
  const points = line.marker ? markers(line.marker, line.color) : { show: false };
  const { group, label, width, opacity: alpha } = line;
  const own = { group, label, show, value, width, alpha, points, class: named, stroke: line.color };
  const edge = { group, label, show, width: 0, class: "lp-unnamed", points: { show: false } };
  const drawn = { ...own, dash: line.dash ? DASHES[line.dash] : undefined };
  return line.band ? [{ ...edge, edge: "low" }, { ...edge, edge: "high", fill: line.color + BAND }, drawn] : [drawn];
}

/** Return the filled areas between the edges of bands. @param {any[]} series */
export const bands = (series) =>
  series.flatMap(({ edge, fill }, i) => (edge === "high" ? [{ series: [i, i - 1], fill }] : []));

/** @param {string} marker a name of Plotly @param {string} fill */
function markers(marker, fill) {
  const shape = MARKERS[marker] ?? RING;
  return { show: true, fill, width: 0, filter: spacedIndices, paths: (...given) => markerPaths(shape, ...given) };
}

/** Return indices of at most `MARKERS_A_LINE` points of a line, its last one included. */
function spacedIndices(plot, series) {
  const { idxs } = plot.series[series];
  const filled = [...plot.data[series].keys()].filter((i) => plot.data[series][i] != null && inside(i, idxs));
  const every = Math.ceil(filled.length / MARKERS_A_LINE);
  return filled.filter((_, i) => (filled.length - 1 - i) % every === 0);
}

const inside = (i, [first, last]) => i >= first && i <= last;

/** Return a shape at each of the points, for `fill`; uPlot cuts it off at `clip`. */
function markerPaths(shape, plot, series, _first, _last, indices) {
  const [fill, clip, scale] = [new Path2D(), new Path2D(), devicePixelRatio];
  const { left, top, width, height } = plot.bbox;
  clip.rect(left - 8, top - 8, width + 16, height + 16);
  for (const i of indices) {
    const [x, y] = [plot.valToPos(plot.data[0][i], "x", true), plot.valToPos(plot.data[series][i], "y", true)];
    fill.addPath(new Path2D(shape), new DOMMatrix([scale, 0, 0, scale, x, y]));
  }
  return { fill, stroke: null, clip, flags: 3 };
}

/** Return an axis in the page's colours. @param {string} label @param {number} size pixels of its numbers */
export function axis(label, size) {
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const [ink, line] = [color("--lp-muted"), color("--lp-line")];
  const grid = { stroke: color("--lp-grid"), width: 1 };
  return {
    ...{ label, size, font, labelFont: font, labelSize: 20, labelGap: 0, stroke: ink, grid },
    border: { show: true, stroke: line, width: 1 },
    ticks: { stroke: line, width: 1, size: 4 },
  };
}
