// The page's Plotly: loaded once, when the first chart is seen, with the page's settings, in the page's colours.
lpwd.plotly = (() => {
  "use strict";
  const finger = matchMedia("(pointer: coarse)").matches; // it scrolls the page, and has no use for a toolbar
  const CONFIG = {
    responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    ...(finger ? { displayModeBar: false } : {}),
  };
  const CLEAR = "rgba(0,0,0,0)";
  const seen = new WeakMap(); // element -> a promise
  let loading = null;

  // When the element first has a size: its tab or fold is open.
  function whenSeen(element) {
    if (!seen.has(element)) seen.set(element, new Promise((resolve) => {
      const observer = new ResizeObserver(() => {
        if (!element.clientWidth) return;
        observer.disconnect();
        resolve();
      });
      observer.observe(element);
    }));
    return seen.get(element);
  }
  function load() {
    loading ??= new Promise((resolve, reject) => {
      const onload = () => resolve(window.Plotly); // ours: Gradio's own copy may take the name later
      const src = new URL(lpwd.plotlyAddress, document.baseURI);
      document.head.append(lpwd.widgets.make("script", { src, onload, onerror: reject }));
    });
    return loading;
  }
  const color = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

  // What every figure has from the page, its axes and margins aside.
  function page() {
    return {
      hoverlabel: { bgcolor: color("--lp-raised"), bordercolor: color("--lp-line"), font: { color: color("--lp-ink") } },
      modebar: { bgcolor: CLEAR, color: color("--lp-muted"), activecolor: color("--lp-ink") },
      dragmode: finger ? false : "zoom",
    };
  }
  // A whole layout; `given` has the last word, the titles of its axes are texts.
  function layout(given) {
    return {
      paper_bgcolor: CLEAR, plot_bgcolor: CLEAR,
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: color("--lp-ink") },
      margin: { l: 56, r: 12, t: 32, b: 48 },
      hovermode: "closest",
      ...page(),
      ...given,
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", bgcolor: CLEAR, ...given.legend },
      xaxis: axis(given.xaxis),
      yaxis: axis(given.yaxis),
    };
  }
  function axis(given = {}) {
    return {
      color: color("--lp-muted"), gridcolor: color("--lp-grid"), linecolor: color("--lp-line"), zeroline: false,
      showline: true, ticks: "outside", ticklen: 4, tickcolor: color("--lp-line"), automargin: true, ...given,
      title: { standoff: 8, font: { size: 12, color: color("--lp-muted") }, text: given.title },
    };
  }
  // Draws, keeping zoom and legend where `uirevision` is the same.
  async function draw(element, data, layout) {
    await (await load()).react(element, data, layout, CONFIG);
  }
  // Calls redraw() when the page turns light or dark.
  function whenThemed(redraw) {
    new MutationObserver(redraw).observe(document.body, { attributeFilter: ["class"] });
  }
  return { load, whenSeen, color, page, layout, draw, whenThemed };
})();
