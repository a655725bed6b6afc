// Plotly figures of a race's curves. Colour, dash and marker of a method come with the lane; the rest from the theme.
lpwd.chart = (() => {
  "use strict";
  let loading = null;

  function plotly(path) {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL(`gradio_api/file=${path}`, document.baseURI);
      script.onload = () => resolve(window.Plotly); // ours: Gradio's own copy may take the name later
      script.onerror = reject;
      document.head.append(script);
    });
    return loading;
  }

  const NO_RACE = { ids: [], lanes: [], epochs: 10 }; // empty axes
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
    top1: (lane, curve) => [{ ...base(lane, "top1"), ...strong(lane), x: [...curve.epochs.epoch], y: [...curve.epochs.test_top1] }],
  };
  const Y = {
    loss: { title: "training loss (cross-entropy, nats)", hoverformat: ".4f", range: [0, 5] },
    top1: { title: "test top-1 (%)", hoverformat: ".2f", range: [0, 100] },
  };

  function base(lane, what) {
    const uid = `${lane.id}-${what}`.replace(/[^A-Za-z0-9_-]/g, "_"); // Plotly makes a CSS class of it
    return { type: "scatter", name: lane.label, legendgroup: lane.id, uid };
  }
  function strong(lane) {
    if (lane.thin) return { mode: "lines", line: { color: lane.color, dash: lane.dash, width: 1.25 }, opacity: lane.faded ? 0.6 : 1 };
    return {
      mode: "lines+markers",
      line: { color: lane.color, dash: lane.dash, width: 2 },
      marker: { color: lane.color, symbol: lane.marker || "circle-open", size: 7, maxdisplayed: 40 },
    };
  }
  function figure(kind, race, curves) {
    const css = getComputedStyle(document.body);
    const color = (name) => css.getPropertyValue(name).trim();
    const axis = {
      color: color("--lp-muted"), gridcolor: color("--lp-grid"), linecolor: color("--lp-line"), zeroline: false,
      showline: true, ticks: "outside", ticklen: 4, tickcolor: color("--lp-line"), automargin: true,
    };
    const lanes = race.lanes.filter((lane) => curves[lane.id] && lane.totalSteps);
    const data = lanes.flatMap((lane) => TRACES[kind](lane, curves[lane.id]));
    const begun = data.some((trace) => trace.x.length);
    const title = (text) => ({ text, standoff: 8, font: { size: 12, color: color("--lp-muted") } });
    return {
      data,
      layout: {
        uirevision: race.ids.join(), // zoom, legend and hover survive new points
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
        font: { family: css.fontFamily, size: 12, color: color("--lp-ink") },
        margin: { l: 56, r: 12, t: 24, b: 44 },
        xaxis: { ...axis, title: title("epoch"), range: [0, race.epochs * 1.02], hoverformat: ".2~f" },
        yaxis: { ...axis, title: title(Y[kind].title), hoverformat: Y[kind].hoverformat, ...range(kind, race, begun) },
        legend: { orientation: "h", x: 1, xanchor: "right", y: 1.02, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" },
        showlegend: true,
        hovermode: "x unified",
        hoverlabel: { bgcolor: color("--lp-raised"), bordercolor: color("--lp-line"), font: { color: color("--lp-ink") } },
        modebar: { bgcolor: "rgba(0,0,0,0)", color: color("--lp-muted"), activecolor: color("--lp-ink") },
        dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom", // a finger scrolls the page
      },
    };
  }
  function range(kind, race, begun) {
    if (race.ranges) return { range: race.ranges[kind] };
    return begun ? {} : { range: Y[kind].range };
  }
  const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };

  // Returns draw(race, curves): cheap when nothing has changed.
  function mount(element, kind, path) {
    let drawn = null, wanted = { race: NO_RACE, curves: {} }, waiting = false;
    async function redraw() {
      const Plotly = await plotly(path);
      waiting = false;
      if (!element.isConnected) return;
      drawn = stamp();
      const { race, curves } = wanted;
      const { data, layout } = figure(kind, race, curves);
      await Plotly.react(element, data, layout, CONFIG);
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
    new MutationObserver(() => draw(wanted.race, wanted.curves)).observe(document.body, { attributeFilter: ["class"] });
    draw(NO_RACE, {});
    return draw;
  }
  return { mount, plotly };
})();
