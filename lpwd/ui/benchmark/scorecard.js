// The tiles: a table or figure each, with the paper's claim, its number, ours, and what follows.
lpwd.scorecard = (host, tiles, opened, open) => {
  "use strict";
  const WIDTH = 320, HEIGHT = 56, PAD = 4;
  const { make, items } = lpwd.widgets;
  const NAME = "http://www.w3.org/2000/svg";

  function svg(tag, attributes, ...children) {
    const node = document.createElementNS(NAME, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }
  // All lines on one scale; where values lie on both sides of 0, a thin line stands there.
  function spark({ spark: lines, sparkTitle }) {
    if (!lines.length) return make("div", { className: "lp-spark" });
    const xs = lines.flatMap((line) => line.x), ys = lines.flatMap((line) => line.y);
    const across = scale(xs, PAD, WIDTH - PAD), up = scale(ys, HEIGHT - PAD, PAD);
    const zero = Math.min(...ys) <= 0 && Math.max(...ys) >= 0;
    const axis = zero ? [svg("line", { x1: 0, x2: WIDTH, y1: up(0), y2: up(0), class: "lp-zero" })] : [];
    const drawn = lines.flatMap(({ color, x, y }) => {
      const stroke = color || "currentColor", points = x.map((one, i) => `${across(one).toFixed(1)},${up(y[i]).toFixed(1)}`);
      const path = svg("polyline", { points: points.join(" "), fill: "none", stroke, "stroke-width": 1.5 });
      if (x.length > 16) return [path];
      return [path, ...points.map((point) => svg("circle", { cx: point.split(",")[0], cy: point.split(",")[1], r: 2.5, fill: stroke }))];
    });
    const picture = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true", class: "lp-spark" };
    return make("figure", {}, svg("svg", picture, ...axis, ...drawn), make("figcaption", { textContent: sparkTitle }));
  }
  function scale(values, start, end) {
    const low = Math.min(...values), span = Math.max(...values) - low;
    return (value) => (span ? start + ((value - low) / span) * (end - start) : (start + end) / 2);
  }
  function line(name, ...texts) {
    return make("p", {}, make("b", { textContent: name }), " ", ...texts);
  }
  function body(tile) {
    const parts = tile.ours.length > 1 ? [line("Ours"), make("ul", {}, ...items(tile.ours))] : [line("Ours", tile.ours[0] ?? "not run")];
    return [
      make("header", {}, make("span", { textContent: tile.source }), make("strong", { textContent: tile.verdictText })),
      make("p", { className: "lp-claim", textContent: tile.claim }),
      line("Paper", tile.paper), ...parts, spark(tile),
      make("p", { className: "lp-from", textContent: tile.runs }),
    ];
  }
  function mount(tile) {
    const click = (event) => {
      event.preventDefault();
      open(tile.name);
    };
    const href = lpwd.url.link("benchmark", { preset: tile.name, scale: lpwd.url.parameter("scale") });
    const link = make("a", { className: "lp-tile", href, data: { name: tile.name, verdict: tile.verdict }, on: { click } }, ...body(tile));
    link.setAttribute("aria-current", String(tile.name === opened));
    return make("li", {}, link);
  }
  const focused = document.activeElement?.closest?.(".lp-tile")?.dataset.name;
  host.replaceChildren(...tiles.map(mount));
  if (focused) host.querySelector(`[data-name=${focused}]`)?.focus();
};
