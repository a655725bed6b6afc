// The page's Plotly: loaded once, when the first chart has a size, and drawn in the page's colours.

import { make } from "./widgets.js";

const CLEAR = "rgba(0,0,0,0)";
/** @type {Promise<any> | null} */
let loading = null;
/** @type {MutationObserver | null} */
let theme = null;

const isTouch = () => matchMedia("(pointer: coarse)").matches; // a finger scrolls the page and cannot use a toolbar

/** Load Plotly and return it; Gradio's own copy may take the global name later.
 * @returns {Promise<any>} */
export function load() {
  loading ??= new Promise((resolve, reject) => {
    const src = new URL("../plotly.min.js", import.meta.url);
    const onload = () => resolve(/** @type {any} */ (window).Plotly);
    document.head.append(make("script", { src, onload, onerror: () => reject(new Error("Plotly did not load")) }));
  });
  return loading;
}

/** Return the value of a CSS variable of the page. @param {string} name */
export const color = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

/** Return the layout that every figure takes from the page, without axes and margins. */
export function pageLayout() {
  return {
    hoverlabel: { bgcolor: color("--lp-raised"), bordercolor: color("--lp-line"), font: { color: color("--lp-ink") } },
    modebar: { bgcolor: CLEAR, color: color("--lp-muted"), activecolor: color("--lp-ink") },
    dragmode: isTouch() ? false : "zoom",
  };
}

/** Return a whole layout. `given` takes precedence; the titles of its axes are texts. */
export function figureLayout(/** @type {any} */ given) {
  return {
    paper_bgcolor: CLEAR,
    plot_bgcolor: CLEAR,
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: color("--lp-ink") },
    margin: { l: 56, r: 12, t: 32, b: 48 },
    hovermode: "closest",
    ...pageLayout(),
    ...given,
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", bgcolor: CLEAR, ...given.legend },
    xaxis: axis(given.xaxis),
    yaxis: axis(given.yaxis),
  };
}

function axis(/** @type {any} */ given = {}) {
  const line = color("--lp-line");
  return {
    color: color("--lp-muted"),
    gridcolor: color("--lp-grid"),
    linecolor: line,
    zeroline: false,
    showline: true,
    ticks: "outside",
    ticklen: 4,
    tickcolor: line,
    automargin: true,
    ...given,
    title: { standoff: 8, font: { size: 12, color: color("--lp-muted") }, text: given.title },
  };
}

/** Draw; zoom and legend are kept while `uirevision` is the same.
 * @param {HTMLElement} element @param {object[]} data @param {object} layout */
export async function draw(element, data, layout) {
  const modeBarButtonsToRemove = ["select2d", "lasso2d", "autoScale2d"];
  const config = { displaylogo: false, modeBarButtonsToRemove };
  await (await load()).react(element, data, layout, isTouch() ? { ...config, displayModeBar: false } : config);
}

/** Call `redraw` when the page turns light or dark. @param {Element} element a plot or a canvas @param {() => void} redraw */
export function onThemeChange(element, redraw) {
  element.addEventListener("lp-theme", redraw);
  theme ??= new MutationObserver(() => {
    for (const chart of document.querySelectorAll(".lp-plot, canvas")) chart.dispatchEvent(new Event("lp-theme"));
  });
  theme.observe(document.body, { attributeFilter: ["class"] });
}
