// Plotly figures that the server composed: data and axes come as JSON, everything of the theme is added here.
lpwd.figure = (element, path) => {
  "use strict";
  const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
  let shown = null;

  function themed(layout) {
    const css = getComputedStyle(document.body);
    const color = (name) => css.getPropertyValue(name).trim();
    const axis = (given = {}) => ({
      color: color("--lp-muted"), gridcolor: color("--lp-grid"), linecolor: color("--lp-line"), zeroline: false, showline: true,
      ticks: "outside", ticklen: 4, tickcolor: color("--lp-line"), automargin: true, ...given,
      title: { standoff: 8, font: { size: 12, color: color("--lp-muted") }, text: given.title },
    });
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: css.fontFamily, size: 12, color: color("--lp-ink") },
      margin: { l: 56, r: 12, t: 32, b: 48 },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" },
      hovermode: "closest",
      hoverlabel: { bgcolor: color("--lp-raised"), bordercolor: color("--lp-line"), font: { color: color("--lp-ink") } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: color("--lp-muted"), activecolor: color("--lp-ink") },
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom", // a finger scrolls the page
      ...layout,
      xaxis: axis(layout.xaxis),
      yaxis: axis(layout.yaxis),
    };
  }
  async function draw(figure) {
    shown = figure;
    const Plotly = await lpwd.chart.plotly(path);
    if (shown === figure && element.isConnected) await Plotly.react(element, structuredClone(figure.data), themed(figure.layout), CONFIG);
  }
  // The picture stands on the page's background, so that a dark page gives a dark file.
  async function picture(filename, format) {
    const Plotly = await lpwd.chart.plotly(path);
    const background = getComputedStyle(document.body).getPropertyValue("--lp-page").trim();
    const layout = { ...themed(shown.layout), paper_bgcolor: background };
    const size = { width: 1200, height: 640, scale: 2 };
    const url = await Plotly.toImage({ data: structuredClone(shown.data), layout }, { format, ...size });
    lpwd.download(filename, url);
  }
  new MutationObserver(() => shown && draw(shown)).observe(document.body, { attributeFilter: ["class"] });
  return { draw, picture };
};
lpwd.download = (filename, url) => {
  const link = document.createElement("a");
  Object.assign(link, { href: url, download: filename });
  link.click();
};
// A table of text: the first row is the head, the first cell of a row names it.
lpwd.table = (node, rows) => {
  const row = (cells, tag) => {
    const tr = document.createElement("tr");
    cells.forEach((cell, i) => {
      const td = tr.appendChild(document.createElement(i === 0 && tag === "td" ? "th" : tag));
      td.textContent = cell;
      if (td.tagName === "TH") td.scope = tag === "th" ? "col" : "row";
    });
    return tr;
  };
  const [head, ...body] = rows;
  const parts = [document.createElement("thead"), document.createElement("tbody")];
  parts[0].append(row(head, "th"));
  parts[1].append(...body.map((cells) => row(cells, "td")));
  node.replaceChildren(...parts);
};
