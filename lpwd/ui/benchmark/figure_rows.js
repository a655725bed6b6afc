// The numbers of a drawn Plotly figure as rows of texts.

import { short } from "../shared/numbers.js";

/** @param {unknown} value */
function text(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "missing";
  return typeof value === "number" ? short(value) : String(value);
}

/** Return traces as rows, the head first. Traces that Plotly does not name on hover (bands, single runs) are left out.
 * @param {any} plot an element that Plotly has drawn */
export function figureRows({ _fullData: traces, _fullLayout: layout }) {
  const title = (axis) => (layout[axis].title?.text || axis[0]).replaceAll(/<[^>]*>/g, "");
  const axes = [title("xaxis"), title("yaxis")];
  const heatmaps = traces.filter((trace) => trace.type === "heatmap");
  if (heatmaps.length) return [["panel", ...axes, "value"], ...heatmaps.flatMap((trace) => cells(trace, layout))];
  const named = traces.filter((trace) => trace.hoverinfo !== "skip");
  const points = (trace) => [...(trace.x ?? [])].map((x, i) => [trace.name, text(x), text(trace.y[i])]);
  return [["series", ...axes], ...named.flatMap(points)];
}

function cells(trace, layout) {
  const panel = panelTitle(layout, trace.xaxis ?? "x");
  const row = (y, i) => [...trace.x].map((x, j) => [panel, text(x), text(y), text(trace.z[i]?.[j])]);
  return [...trace.y].flatMap(row);
}

/** Return the title of a panel by its x axis: x, x2, ... @param {any} layout @param {string} axis */
export function panelTitle(layout, axis) {
  return layout.annotations?.[Number(axis.slice(1) || 1) - 1]?.text ?? "";
}
