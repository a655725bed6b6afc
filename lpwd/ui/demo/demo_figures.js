// The Demo's two heatmaps, layer x epoch, on one colour scale, with their words and tables.
lpwd.demoFigures = (element) => {
  "use strict";
  const { put, table, parts } = lpwd.widgets, { field, act } = parts(element), { short, percent } = lpwd.numbers;
  const plots = [0, 1].map((i) => lpwd.figure(field(`heat-${i}`)));
  const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;"); // names may come from the Hub
  const rate = (value) => short(value, 3);
  let drawn = "", layers = [];

  // The scale is logarithmic in half decades, so that it moves seldom while a live pair grows.
  function scale(lanes) {
    const shares = lanes.flatMap((lane) => lane.heat.z.flat());
    const lowest = Math.min(...shares.filter((share) => share > 0), 0.3), highest = Math.max(...shares, 1);
    const low = Math.floor(2 * Math.log10(lowest) + 1e-6), high = Math.ceil(2 * Math.log10(highest) - 1e-6);
    const halves = Array.from({ length: high - low + 1 }, (_, i) => (low + i) / 2);
    const ticks = halves.filter((tick) => high - low < 7 || Number.isInteger(tick));
    return { zmin: low / 2, zmax: high / 2, tickvals: ticks, ticktext: ticks.map((tick) => short(10 ** tick, 1)) };
  }
  function figure({ heat }, shown, epochs, { zmin, zmax, ...ticks }) {
    const narrow = matchMedia("(max-width: 600px)").matches;
    const n = heat.layers.length, columns = Math.min(shown, heat.z[0].length - 1) + 1;
    const x = Array.from({ length: columns }, (_, i) => i), y = heat.layers.map((_, i) => i + 1);
    const place = (i) => `${plain(heat.layers[i])}, λᵢ ${rate(heat.rates[i])}`;
    const every = Math.ceil(n / 20), rows = y.filter((i) => (n - i) % every === 0);
    const named = (i) => (narrow ? `${i} · λᵢ ${rate(heat.rates[i - 1])}` : place(i - 1));
    const hover = (share, i, epoch) => `${place(i)}<br>epoch ${epoch}: ${percent(share)} of its initial norm ${heat.initial[i]}`;
    const title = { text: "of the initial norm", side: "right", font: { size: 11 } };
    return {
      data: [{
        type: "heatmap", x, y, zmin, zmax, colorscale: "Cividis", xgap: 1, ygap: 1,
        z: heat.z.map((row) => row.slice(0, columns).map((share) => (share > 0 ? Math.log10(share) : null))),
        customdata: heat.z.map((row, i) => row.slice(0, columns).map((share, epoch) => hover(share, i, epoch))),
        hovertemplate: "%{customdata}<extra></extra>",
        colorbar: { ...ticks, thickness: 10, outlinewidth: 0, ticklen: 3, title },
      }],
      layout: {
        uirevision: "kept", margin: { l: 56, r: 8, t: 8, b: 44 }, showlegend: false,
        xaxis: { title: "epoch", range: [-0.5, epochs + 0.5], showgrid: false, rangemode: "nonnegative" },
        yaxis: { title: "", range: [0.5, n + 0.5], showgrid: false, ticks: "", tickvals: rows, ticktext: rows.map(named) },
      },
    };
  }

  // lanes: [{label, where, heat, words}, ...]; `shown` epochs of `epochs` are drawn.
  function draw(lanes, shown, epochs, key) {
    const stamp = `${key} ${shown} ${epochs}`;
    if (stamp === drawn) return;
    drawn = stamp;
    const colours = scale(lanes);
    lanes.forEach((lane, i) => {
      put(field(`heat-title-${i}`), `Weight norm by layer: ${lane.label}, ${lane.where}`);
      field(`heat-${i}`).setAttribute("aria-label", `${lane.words} The numbers follow below.`);
      field(`heat-${i}`).style.height = `${Math.max(240, 96 + 24 * Math.min(lane.heat.layers.length, 20))}px`;
      plots[i].draw(figure(lane, shown, epochs, colours));
    });
    put(field("heat-words"), shown ? lanes.map((lane) => lane.words).join(" ") : "");
    layersTable(lanes);
  }
  function layersTable(lanes) {
    const heads = lanes.flatMap(({ label }) => [`${label} λᵢ`, `${label} last`, `${label} of initial`]);
    const body = lanes[0].heat.layers.map((name, i) => [
      name,
      String(lanes[0].heat.initial[i]),
      ...lanes.flatMap(({ heat }) => {
        const share = heat.z[i]?.at(-1) ?? null;
        return [String(heat.rates[i]), share === null ? lpwd.numbers.NONE : (share * heat.initial[i]).toPrecision(4), percent(share)];
      }),
    ]);
    layers = [["layer, shallow to deep", "initial norm", ...heads], ...body];
    table(field("layers"), layers);
  }
  act("copy-layers").addEventListener("click", ({ target }) => lpwd.files.copy(target, lpwd.files.csv(layers)));
  return { draw };
};
