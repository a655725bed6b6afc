// The fold of act three: the recorded norms as two heatmaps, layer x epoch, shallow on top, on one colour scale.
lpwd.networkHeat = (element) => {
  "use strict";
  const { put, parts } = lpwd.widgets, { field } = parts(element), { short, percent } = lpwd.numbers;
  const plots = [0, 1].map((i) => lpwd.figure(field(`heat-${i}`)));
  const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;"); // names may come from the Hub
  let drawn = "";

  // Logarithmic, in half decades, over all lanes.
  function scale(lanes) {
    const shares = lanes.flatMap((lane) => lane.heat.z.flat());
    const lowest = Math.min(...shares.filter((share) => share > 0), 0.3), highest = Math.max(...shares, 1);
    const low = Math.floor(2 * Math.log10(lowest) + 1e-6), high = Math.ceil(2 * Math.log10(highest) - 1e-6);
    const halves = Array.from({ length: high - low + 1 }, (_, i) => (low + i) / 2);
    const ticks = halves.filter((tick) => high - low < 7 || Number.isInteger(tick));
    return { zmin: low / 2, zmax: high / 2, tickvals: ticks, ticktext: ticks.map((tick) => short(10 ** tick, 1)) };
  }
  function figure({ heat }, { zmin, zmax, ...ticks }) {
    const narrow = matchMedia("(max-width: 600px)").matches, n = heat.layers.length, every = Math.ceil(n / 20);
    const y = heat.layers.map((_, i) => i + 1), shown = y.filter((i) => (i - 1) % every === 0);
    const place = (i) => `${i} ${narrow ? "" : `${plain(heat.layers[i - 1])}, `}λᵢ ${short(heat.rates[i - 1], 3)}`;
    const hover = (share, i, epoch) => `${place(i)}<br>epoch ${epoch}: ${percent(share)} of its norm at the start`;
    const title = { text: "of the norm at the start", side: "right", font: { size: 11 } };
    return {
      data: [{
        type: "heatmap", x: heat.z[0].map((_, epoch) => epoch), y, zmin, zmax, colorscale: "Cividis", xgap: 1, ygap: 1,
        z: heat.z.map((row) => row.map((share) => (share > 0 ? Math.log10(share) : null))),
        customdata: heat.z.map((row, i) => row.map((share, epoch) => hover(share, i + 1, epoch))),
        hovertemplate: "%{customdata}<extra></extra>",
        colorbar: { ...ticks, thickness: 10, outlinewidth: 0, ticklen: 3, title },
      }],
      layout: {
        margin: { l: 56, r: 8, t: 8, b: 44 }, showlegend: false,
        xaxis: { title: "epoch", showgrid: false },
        yaxis: { title: "", range: [n + 0.5, 0.5], showgrid: false, ticks: "", tickvals: shown, ticktext: shown.map(place) },
      },
    };
  }
  function draw(pair) {
    if (pair.key === drawn) return;
    drawn = pair.key;
    const colours = scale(pair.lanes);
    pair.lanes.forEach((lane, i) => {
      put(field(`heat-title-${i}`), `${lane.label}, recorded, seed ${pair.seed}`);
      field(`heat-${i}`).setAttribute("aria-label", lane.words);
      field(`heat-${i}`).style.height = `${Math.max(240, 96 + 24 * Math.min(lane.heat.layers.length, 20))}px`;
      plots[i].draw(figure(lane, colours));
    });
  }
  return { draw };
};
