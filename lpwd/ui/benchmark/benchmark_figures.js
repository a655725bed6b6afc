// The figures of a preset, drawn by the page's own Plotly, each with its numbers as a table.
lpwd.benchFigures = (host, figures, options) => {
  "use strict";
  const { path, key, chosen } = options;
  const SAID = 3, COMPARED = 60; // sentences before a fold; runs that the Compare tab takes at once
  const ROWS = 200; // of a figure's table on screen; the copy has all
  const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
  const color = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
  const kept = new Map([...host.children].filter((node) => node.dataset.key === key).map((node) => [node.dataset.caption, node]));
  const nodes = figures.map((figure) => kept.get(figure.caption) ?? mount(figure.caption));
  host.replaceChildren(...nodes);
  figures.forEach((figure, i) => {
    tell(nodes[i], figure);
    if (nodes[i].json !== figure.json) draw(nodes[i], figure);
  });
  host.watching ??= new MutationObserver(() => {
    for (const node of host.children) lpwd.chart.plotly(path).then((Plotly) => Plotly.relayout(node.querySelector(".lp-plot"), theme()));
  });
  host.watching.observe(document.body, { attributeFilter: ["class"] });

  function theme() {
    return {
      "font.color": color("--lp-muted"), "hoverlabel.bgcolor": color("--lp-raised"), "hoverlabel.bordercolor": color("--lp-line"),
      "hoverlabel.font.color": color("--lp-ink"), "modebar.color": color("--lp-muted"), "modebar.activecolor": color("--lp-ink"),
    };
  }
  function make(tag, properties, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }
  function mount(caption) {
    const plot = make("div", { className: "lp-plot" });
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", `${caption}. Its numbers follow as a table.`);
    const table = make("table", { className: "lp-table" });
    const copy = make("button", { type: "button", className: "lp-button", textContent: "Copy as CSV" });
    const details = make("details", {}, make("summary", { textContent: "Numbers" }), make("p", {}, copy), make("div", { className: "lp-scroll", tabIndex: 0 }, table));
    const node = make("figure", {}, make("figcaption", { textContent: caption }), make("div", { className: "lp-scroll", tabIndex: 0 }, plot), make("div", { className: "lp-told" }), details);
    Object.assign(node.dataset, { key, caption });
    details.addEventListener("toggle", () => details.open && tabulate(table, rowsOf(plot)));
    copy.addEventListener("click", () => lpwd.copy(copy, rowsOf(plot).map((row) => row.map((cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")).join("\n") + "\n"));
    return node;
  }
  // What the runs of the figure say, and the way to them.
  function tell(node, { said, runs }) {
    const stamp = JSON.stringify([said, runs]);
    if (node.dataset.told === stamp) return;
    node.dataset.told = stamp;
    const list = (texts) => make("ul", { className: "lp-said" }, ...texts.map((textContent) => make("li", { textContent })));
    const rest = said.slice(SAID);
    const more = rest.length ? [make("details", {}, make("summary", { textContent: `${rest.length} more` }), list(rest))] : [];
    const few = runs.slice(0, COMPARED), ids = few.join(",");
    const link = make("a", { href: lpwd.tabs.address("compare", { runs: ids }), textContent: few.length < runs.length ? `The first ${few.length} of its ${runs.length} runs` : runs.length > 1 ? `Its ${runs.length} runs` : "Its run" });
    link.addEventListener("click", (event) => (event.preventDefault(), lpwd.tabs.go("compare", { runs: ids })));
    node.querySelector(".lp-told").replaceChildren(...(said.length ? [list(said.slice(0, SAID)), ...more] : []), ...(runs.length ? [link] : []));
  }
  async function draw(node, { json, caption }) {
    node.json = json;
    const Plotly = await lpwd.chart.plotly(path);
    if (!node.isConnected) return;
    const plot = node.querySelector(".lp-plot"), { data, layout } = JSON.parse(json);
    const panels = data.filter((trace) => trace.type === "heatmap").length;
    node.classList.toggle("lp-full", panels > 1);
    plot.style.minWidth = panels > 1 ? `${panels * 240 + 128}px` : "";
    plot.style.height = `${Math.max(layout.height ?? 0, 280)}px`;
    const t = theme();
    layout.font.color = t["font.color"];
    layout.hoverlabel = { bgcolor: t["hoverlabel.bgcolor"], bordercolor: t["hoverlabel.bordercolor"], font: { color: t["hoverlabel.font.color"] } };
    layout.modebar = { ...layout.modebar, color: t["modebar.color"], activecolor: t["modebar.activecolor"] };
    layout.dragmode = matchMedia("(pointer: coarse)").matches || panels ? false : "zoom"; // a finger scrolls the page
    await Plotly.react(plot, data, { ...layout, autosize: true, uirevision: key }, CONFIG);
    plot.removeAllListeners("plotly_click");
    plot.on("plotly_click", ({ points: [point] }) => {
      if (!panels) return;
      const panel = Number((point.xaxis._id.slice(1) || "1")) - 1;
      chosen([caption, layout.annotations?.[panel]?.text ?? "", String(point.x), String(point.y)]);
    });
    const table = node.querySelector("details[open] table");
    if (table) tabulate(table, rowsOf(plot));
  }
  // Traces as rows; bands and single runs, which Plotly does not name on hover either, are left out.
  function rowsOf(plot) {
    const heat = plot._fullData.some((trace) => trace.type === "heatmap");
    const [x, y] = ["xaxis", "yaxis"].map((axis) => (plot._fullLayout[axis].title?.text || axis[0]).replaceAll(/<[^>]*>/g, ""));
    const panel = (trace) => plot._fullLayout.annotations?.[Number(trace.xaxis?.slice(1) || 1) - 1]?.text ?? "";
    const text = (value) => (value === null || value === undefined || Number.isNaN(value) ? "missing" : typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value));
    if (heat) {
      const cells = plot._fullData.filter((trace) => trace.type === "heatmap").flatMap((trace) => [...trace.y].flatMap((row, i) => [...trace.x].map((column, j) => [panel(trace), text(column), text(row), text(trace.z[i]?.[j])])));
      return [["panel", x, y, "value"], ...cells];
    }
    const points = plot._fullData.filter((trace) => trace.hoverinfo !== "skip").flatMap((trace) => [...(trace.x ?? [])].map((value, i) => [trace.name, text(value), text(trace.y[i])]));
    return [["series", x, y], ...points];
  }
  function tabulate(table, rows) {
    const line = (cells, tag) => make("tr", {}, ...cells.map((textContent) => make(tag, { textContent })));
    const rest = rows.length - 1 - ROWS;
    const more = rest > 0 ? [make("tr", {}, make("td", { colSpan: rows[0].length, textContent: `${rest.toLocaleString()} more in the copy` }))] : [];
    table.replaceChildren(make("thead", {}, line(rows[0], "th")), make("tbody", {}, ...rows.slice(1, ROWS + 1).map((row) => line(row, "td")), ...more));
  }
};
