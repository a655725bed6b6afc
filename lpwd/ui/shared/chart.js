// Live charts of a race's curves. Colour, dash and marker of a method come with the lane.
lpwd.chart = (() => {
  "use strict";
  const NO_RACE = { ids: [], lanes: [], epochs: 10 }; // empty axes
  const Y = {
    loss: { title: "training loss (cross-entropy, nats)", hoverformat: ".4f", range: [0, 5] },
    top1: { title: "test top-1 (%)", hoverformat: ".2f", range: [0, 100] },
  };
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
    top1: (lane, curve) => [
      { ...base(lane, "top1"), ...strong(lane), x: [...curve.epochs.epoch], y: [...curve.epochs.test_top1] },
    ],
  };

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

  // Returns draw(race, curves): cheap when nothing has changed.
  function mount(element, kind) {
    let drawn = null, wanted = { race: NO_RACE, curves: {} }, waiting = false;
    async function redraw() {
      await lpwd.plotly.whenSeen(element);
      await lpwd.plotly.load();
      waiting = false;
      if (!element.isConnected) return;
      drawn = stamp();
      const { race, curves } = wanted;
      const lanes = race.lanes.filter((lane) => curves[lane.id] && lane.totalSteps);
      const data = lanes.flatMap((lane) => TRACES[kind](lane, curves[lane.id]));
      await lpwd.plotly.draw(element, data, layout(kind, race, data.some((trace) => trace.x.length)));
    }
    function stamp() {
      const { race, curves } = wanted;
      const dark = document.body.classList.contains("dark");
      return race.lanes.map((lane) => `${lane.id} ${lane.totalSteps} ${curves[lane.id]?.cursor}`).join() + dark;
    }
    function draw(race, curves) {
      wanted = { race, curves };
      if (waiting || stamp() === drawn) return;
      waiting = true;
      requestAnimationFrame(redraw);
    }
    lpwd.plotly.whenThemed(() => draw(wanted.race, wanted.curves));
    draw(NO_RACE, {});
    return draw;
  }
  return { mount };
})();
