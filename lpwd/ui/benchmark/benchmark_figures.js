// The figures of a preset, each with its numbers as a table, what its runs say and the way to them.
lpwd.benchFigures = (host, figures, key, chosen) => {
  "use strict";
  const SAID = 3, COMPARED = 60; // sentences before a fold; runs that the Runs tab draws at once
  const ROWS = 200; // of a figure's table on screen; the copy has all
  const PLOT_PX = 300, LINE_PX = 20, ENTRY_PX = 176, AXIS_PX = 80; // of a figure with lines: its plot, its legend's lines
  const { make, button, items, link, table } = lpwd.widgets, { copy, csv } = lpwd.files;
  const kept = new Map([...host.children].filter((node) => node.dataset.key === key).map((node) => [node.dataset.caption, node]));
  const nodes = figures.map((figure) => kept.get(figure.caption) ?? mount(figure.caption));
  host.replaceChildren(...nodes);
  figures.forEach((figure, i) => {
    tell(nodes[i], figure);
    if (nodes[i].figure?.json !== figure.json) draw(nodes[i], figure);
  });
  if (!host.themed) lpwd.plotly.whenThemed(() => [...host.children].forEach((node) => draw(node, node.figure)));
  host.themed = true;

  function mount(caption) {
    const plot = make("div", { className: "lp-plot", role: "group", ariaLabel: `${caption}. Its numbers follow as a table.` });
    const numbers = make("table", { className: "lp-table" });
    const all = button("Copy as CSV", () => copy(all, csv(rowsOf(plot))));
    const toggle = () => details.open && tabulate(numbers, plot);
    const scrolled = (node) => make("div", { className: "lp-scroll", tabIndex: 0 }, node);
    const head = make("summary", { textContent: "Numbers" });
    const details = make("details", { on: { toggle } }, head, make("p", {}, all), scrolled(numbers));
    const title = make("figcaption", { textContent: caption });
    const told = make("div", { className: "lp-told" });
    return make("figure", { data: { key, caption } }, title, scrolled(plot), told, details);
  }
  function tell(node, { said, runs }) {
    const stamp = JSON.stringify([said, runs]);
    if (node.dataset.told === stamp) return;
    node.dataset.told = stamp;
    const list = (texts) => make("ul", { className: "lp-said" }, ...items(texts));
    const rest = said.slice(SAID);
    const fold = () => make("details", {}, make("summary", { textContent: `${rest.length} more` }), list(rest));
    const sentences = said.length ? [list(said.slice(0, SAID)), ...(rest.length ? [fold()] : [])] : [];
    node.querySelector(".lp-told").replaceChildren(...sentences, ...(runs.length ? [toRuns(runs)] : []));
  }
  function toRuns(all) {
    const few = all.slice(0, COMPARED), runs = few.join(",");
    const several = all.length > 1 ? `Its ${all.length} runs` : "Its run";
    const text = few.length < all.length ? `The first ${few.length} of its ${all.length} runs` : several;
    return link(text, lpwd.url.link("runs", { runs }), () => lpwd.tabs.go("runs", { runs }));
  }
  async function draw(node, figure) {
    node.figure = figure;
    await lpwd.plotly.whenSeen(node);
    await lpwd.plotly.load();
    if (!node.isConnected || node.figure !== figure) return;
    const plot = node.querySelector(".lp-plot"), { data, layout } = JSON.parse(figure.json), page = lpwd.plotly.page();
    const panels = data.filter((trace) => trace.type === "heatmap").length;
    node.classList.toggle("lp-full", panels > 1);
    plot.style.minWidth = panels > 1 ? `${panels * 240 + 128}px` : "";
    const height = Math.max(layout.height ?? 0, panels ? 280 : tall(data, plot.clientWidth));
    plot.style.height = `${height}px`;
    const font = { ...layout.font, size: 12, color: lpwd.plotly.color("--lp-muted") };
    const modebar = { ...layout.modebar, color: page.modebar.color, activecolor: page.modebar.activecolor };
    const dragmode = panels ? false : page.dragmode;
    const own = { font, modebar, dragmode, height, autosize: true, uirevision: node.dataset.key };
    await lpwd.plotly.draw(plot, data, { ...layout, ...page, ...own });
    plot.removeAllListeners("plotly_click");
    plot.on("plotly_click", ({ points: [point] }) => {
      if (!panels) return;
      const panel = Number(point.xaxis._id.slice(1) || "1") - 1;
      chosen([figure.caption, layout.annotations?.[panel]?.text ?? "", String(point.x), String(point.y)]);
    });
    const numbers = node.querySelector("details[open] table");
    if (numbers) tabulate(numbers, plot);
  }
  // Pixels that leave the plot itself enough for its axis title, below a legend that wraps.
  function tall(data, width) {
    const entries = data.filter((trace) => trace.name && trace.showlegend !== false).length;
    return PLOT_PX + LINE_PX * Math.ceil(entries / Math.max(1, Math.floor((width - AXIS_PX) / ENTRY_PX)));
  }
  // Traces as rows; bands and single runs, which Plotly does not name on hover either, are left out.
  function rowsOf(plot) {
    const { _fullData: traces, _fullLayout: layout } = plot;
    const plain = (axis) => (layout[axis].title?.text || axis[0]).replaceAll(/<[^>]*>/g, "");
    const axes = [plain("xaxis"), plain("yaxis")], heat = traces.filter((trace) => trace.type === "heatmap");
    const panel = (trace) => layout.annotations?.[Number(trace.xaxis?.slice(1) || 1) - 1]?.text ?? "";
    const places = (trace) =>
      [...trace.y].flatMap((y, i) => [...trace.x].map((x, j) => [panel(trace), text(x), text(y), text(trace.z[i]?.[j])]));
    if (heat.length) return [["panel", ...axes, "value"], ...heat.flatMap(places)];
    const points = (trace) => [...(trace.x ?? [])].map((x, i) => [trace.name, text(x), text(trace.y[i])]);
    return [["series", ...axes], ...traces.filter((trace) => trace.hoverinfo !== "skip").flatMap(points)];
  }
  function text(value) {
    if (value === null || value === undefined || Number.isNaN(value)) return "missing";
    return typeof value === "number" ? lpwd.numbers.short(value) : String(value);
  }
  function tabulate(numbers, plot) {
    table(numbers, rowsOf(plot), { limit: ROWS });
  }
};
