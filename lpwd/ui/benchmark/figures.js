// The figures of a preset, each with its numbers, sentences and a link to its runs.

import { Figure } from "../shared/figure.js";
import { copy, csv } from "../shared/files.js";
import { color, pageLayout } from "../shared/plotly.js";
import { goToTab } from "../shared/tabs.js";
import { tabLink } from "../shared/url.js";
import { button, items, link, make, table } from "../shared/widgets.js";
import { figureRows, panelTitle } from "./figure_rows.js";

const SENTENCES = 3; // before a fold
const COMPARED = 60; // runs that the Runs tab draws at once
const ROWS = 200; // of a figure's table on screen; the copied table has all
const PLOT_PX = 300; // of a figure with lines, and its legend
const LINE_PX = 20;
const ENTRY_PX = 176;
const AXIS_PX = 80;
const PANEL_PX = 240;

const scrolled = (node) => make("div", { className: "lp-scroll", tabIndex: 0 }, node);

export class Figures {
  /** @param {any} host @param {(place: string[]) => void} choose called with the caption, method, eta and lambda of a
   * clicked heatmap cell */
  constructor(host, choose) {
    this.host = host;
    this.choose = choose;
  }

  nodes() {
    return [...this.host.children];
  }

  /** @param {any[]} figures @param {string} key of the preset and scale: its figures are kept while it stays the same */
  show(figures, key) {
    const same = this.nodes().filter((node) => node.dataset.key === key);
    const kept = new Map(same.map((node) => [node.dataset.caption, node]));
    const nodes = figures.map((figure) => kept.get(figure.caption) ?? this.mount(figure.caption, key));
    this.host.replaceChildren(...nodes);
    figures.forEach((figure, i) => {
      this.describe(nodes[i], figure);
      if (nodes[i].json === figure.json) return;
      nodes[i].json = figure.json;
      nodes[i].chart.draw(JSON.parse(figure.json));
    });
  }

  mount(caption, key) {
    const ariaLabel = `${caption}. Its numbers follow as a table.`;
    const plot = make("div", { className: "lp-plot", role: "group", ariaLabel });
    const numbers = make("table", { className: "lp-table" });
    const copyAll = button("Copy as CSV", () => copy(copyAll, csv(figureRows(plot))));
    const on = { toggle: () => details.open && this.fillTable(numbers, plot) };
    const head = make("summary", { textContent: "Numbers" });
    const details = make("details", { on }, head, make("p", {}, copyAll), scrolled(numbers));
    const title = make("figcaption", { textContent: caption });
    const told = make("div", { className: "lp-told" });
    const node = make("figure", { data: { key, caption } }, title, scrolled(plot), told, details);
    const layout = (shown) => layoutOf(node, plot, shown);
    return Object.assign(node, { chart: new Figure(plot, layout, () => this.drawn(node, numbers)) });
  }

  describe(node, { said, runs }) {
    const stamp = JSON.stringify([said, runs]);
    if (node.dataset.told === stamp) return;
    node.dataset.told = stamp;
    const list = (texts) => (texts.length ? [make("ul", { className: "lp-said" }, ...items(texts))] : []);
    const rest = said.slice(SENTENCES);
    const summary = make("summary", { textContent: `${rest.length} more` });
    const fold = rest.length ? [make("details", {}, summary, ...list(rest))] : [];
    const links = runs.length ? [this.runsLink(runs)] : [];
    node.querySelector(".lp-told").replaceChildren(...list(said.slice(0, SENTENCES)), ...fold, ...links);
  }

  runsLink(all) {
    const few = all.slice(0, COMPARED);
    const runs = few.join(",");
    const several = all.length > 1 ? `The ${all.length} runs of this figure` : "The run of this figure";
    const text = few.length < all.length ? `The first ${few.length} of ${all.length} runs` : several;
    return link(text, tabLink("runs", { runs }), () => goToTab("runs", { runs }));
  }

  /** Follow clicks on the cells of heatmaps, and update the open table. */
  drawn(node, numbers) {
    const { element: plot, shown } = node.chart;
    const clicked = ({ points: [{ x, y, xaxis }] }) =>
      this.choose([node.dataset.caption, panelTitle(shown.layout, xaxis._id), String(x), String(y)]);
    plot.removeAllListeners("plotly_click");
    if (panelCount(shown.data)) plot.on("plotly_click", clicked);
    if (node.querySelector("details[open] table")) this.fillTable(numbers, plot);
  }

  fillTable(numbers, plot) {
    table(numbers, figureRows(plot), { limit: ROWS });
  }
}

const panelCount = (data) => data.filter((trace) => trace.type === "heatmap").length;

/** Return the layout of a figure in the page's colours; a heatmap cannot be zoomed by dragging. */
function layoutOf(node, plot, { data, layout }) {
  const panels = panelCount(data);
  node.classList.toggle("lp-full", panels > 1);
  plot.style.minWidth = panels > 1 ? `${panels * PANEL_PX + 128}px` : "";
  const height = Math.max(layout.height ?? 0, panels ? 280 : lineHeight(data, plot.clientWidth));
  plot.style.height = `${height}px`;
  const { dragmode, modebar, ...page } = pageLayout();
  const font = { ...layout.font, size: 12, color: color("--lp-muted") };
  const bar = { ...layout.modebar, color: modebar.color, activecolor: modebar.activecolor };
  const drag = panels ? false : dragmode;
  return { ...layout, ...page, font, modebar: bar, dragmode: drag, uirevision: node.dataset.key };
}

/** Return the height that leaves room for the plot below a legend that wraps. */
function lineHeight(data, width) {
  const entries = data.filter((trace) => trace.name && trace.showlegend !== false).length;
  return PLOT_PX + LINE_PX * Math.ceil(entries / Math.max(1, Math.floor((width - AXIS_PX) / ENTRY_PX)));
}
