// Live charts of a race's curves. Colour, dash and marker of a method come with the lane.
lpwd.chart = (() => {
  "use strict";
  const NO_RACE = { ids: [], lanes: [], epochs: 10 }; // empty axes
  const Y = {
    loss: { title: "training loss (cross-entropy, nats)", hoverformat: ".4f", range: [0, 5] },
    top1: { title: "test top-1 (%)", hoverformat: ".2f", range: [0, 100] },
    opposing: { title: "opposing penalties (% of the weights)", hoverformat: ".2f", range: [0, 100] },
  };
  const COLUMN = { loss: "train_loss", top1: "test_top1", opposing: "opposing_count_rate" };
  const values = (kind, epochs) => epochs[COLUMN[kind]].map((y) => (kind === "opposing" && y !== null ? 100 * y : y));
  // Copies, because Plotly takes an array that it has seen before for unchanged.
  const TRACES = {
    loss: (lane, curve) => [
      {
        ...base(lane, "step"),
        x: curve.losses.step.map((step) => (step * lane.epochs) / lane.totalSteps),
        y: [...curve.losses.loss],
        mode: "lines",
        opacity: curve.epochs.epoch.length ? 0.5 : 0.9,
        line: { color: lane.color, width: 1 },
        showlegend: !curve.epochs.epoch.length,
        hoverinfo: curve.epochs.epoch.length ? "skip" : "all",
      },
      { ...base(lane, "mean"), ...strong(lane), x: [...curve.epochs.epoch], y: [...curve.epochs.train_loss] },
    ],
    top1: (lane, curve) => [byEpoch("top1", lane, curve)],
    opposing: (lane, curve) => [byEpoch("opposing", lane, curve)],
  };
  function byEpoch(kind, lane, { epochs }) {
    return { ...base(lane, kind), ...strong(lane), x: [...epochs.epoch], y: values(kind, epochs) };
  }
  // A published mean, behind the lanes.
  function faint(kind, { label, color, dash, seeds, epochs }) {
    const name = `${label}, published, n = ${seeds}`, x = epochs.epoch, y = values(kind, epochs);
    const line = { color, dash, width: 4 };
    return { type: "scatter", mode: "lines", name, x, y, line, opacity: 0.3, uid: `published-${label}-${kind}`.replace(/\W/g, "_") };
  }

  function base(lane, what) {
    const uid = `${lane.id}-${what}`.replace(/[^A-Za-z0-9_-]/g, "_"); // Plotly makes a CSS class of it
    return { type: "scatter", name: lane.label, legendgroup: lane.id, uid };
  }
  function strong(lane) {
    const line = { color: lane.color, dash: lane.dash, width: lane.thin ? 1.25 : 2 };
    if (lane.thin) return { mode: "lines", line, opacity: lane.faded ? 0.6 : 1 };
    const marker = { color: lane.color, symbol: lane.marker || "circle-open", size: 7, maxdisplayed: 40 };
    return { mode: "lines+markers", line, marker };
  }
  function layout(kind, race, begun) {
    const { title, hoverformat } = Y[kind];
    return lpwd.plotly.layout({
      uirevision: race.ids.join(), // zoom, legend and hover survive new points
      margin: { l: 56, r: 12, t: 24, b: 44 },
      xaxis: { title: "epoch", range: [0, race.epochs * 1.02], hoverformat: ".2~f" },
      yaxis: { title, hoverformat, ...range(kind, race, begun) },
      legend: { x: 1, xanchor: "right" },
      showlegend: true,
      hovermode: "x unified",
    });
  }
  function range(kind, race, begun) {
    if (race.ranges) return { range: race.ranges[kind] };
    return begun ? {} : { range: Y[kind].range };
  }

  // Returns draw(race, curves, published): cheap when nothing has changed; `published` has lanes of means over seeds.
  function mount(element, kind) {
    let drawn = null, wanted = { race: NO_RACE, curves: {}, published: { stamp: "", lanes: [] } }, waiting = false;
    async function redraw() {
      await lpwd.plotly.whenSeen(element);
      await lpwd.plotly.load();
      waiting = false;
      if (!element.isConnected) return;
      drawn = stamp();
      const { race, curves, published } = wanted;
      const lanes = race.lanes.filter((lane) => curves[lane.id] && lane.totalSteps);
      const live = lanes.flatMap((lane) => TRACES[kind](lane, curves[lane.id]));
      const data = [...published.lanes.map((lane) => faint(kind, lane)), ...live];
      await lpwd.plotly.draw(element, data, layout(kind, race, data.some((trace) => trace.x.length)));
    }
    function stamp() {
      const { race, curves, published } = wanted;
      const dark = document.body.classList.contains("dark");
      return race.lanes.map((lane) => `${lane.id} ${lane.totalSteps} ${curves[lane.id]?.cursor}`).join() + dark + published.stamp;
    }
    function draw(race, curves, published) {
      wanted = { race, curves, published };
      if (waiting || stamp() === drawn) return;
      waiting = true;
      requestAnimationFrame(redraw);
    }
    lpwd.plotly.whenThemed(() => draw(wanted.race, wanted.curves, wanted.published));
    draw(wanted.race, wanted.curves, wanted.published);
    return draw;
  }
  return { mount };
})();
