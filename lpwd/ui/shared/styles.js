// How a method's line is drawn: dashes and markers by Plotly's names, for SVG and canvas.

/** @type {Record<string, number[]>} lengths of strokes and gaps in pixels */
export const DASHES = {
  dash: [7, 4],
  dot: [2, 3],
  dashdot: [7, 3, 2, 3],
  longdash: [12, 4],
  longdashdot: [12, 4, 2, 4],
};
/** @type {Record<string, string>} SVG paths around (0, 0) */
export const MARKERS = {
  circle: "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0Z",
  square: "M-3-3H3V3H-3Z",
  diamond: "M0-4.5L4.5 0 0 4.5-4.5 0Z",
  "triangle-down": "M0 4L4-3H-4Z",
  "triangle-up": "M0-4L4 3H-4Z",
  pentagon: "M0-4L4-1 2.5 3.5H-2.5L-4-1Z",
  cross: "M-1-4H1V-1H4V1H1V4H-1V1H-4V-1H-1Z",
  x: "M-4-3L-3-4 0-1 3-4 4-3 1 0 4 3 3 4 0 1-3 4-4 3-1 0Z",
};
