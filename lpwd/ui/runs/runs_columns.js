// The columns of the table of runs: what a run and a group of seeds show in each. A line is {key, rows}; of one run or more.
lpwd.runsColumns = (labels) => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg", WIDTH = 72, HEIGHT = 20, DRAWN = 6; // runs in one small curve
  const STATES = ["running", "stopping", "queued", "failed", "interrupted", "stopped", "finished", "diverged"];
  const { make } = lpwd.widgets, { NONE, fixed, whole, duration } = lpwd.numbers;
  const day = (seconds) => new Date(seconds * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
  const large = (value) => (value >= 1e6 ? `${fixed(value / 1e6, 1)} M` : value >= 1e4 ? `${fixed(value / 1e3, 0)} k` : whole(value));
  const all = (line, name) => line.rows.map((row) => row[name]).filter((value) => value !== null && value !== undefined);
  const mean = (values) => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : null);
  const first = (name) => (line) => line.rows[0][name];
  const average = (name) => (line) => mean(all(line, name));

  // Mean, standard error over seeds and n of the runs that have ended; of one that trains, where it stands.
  function top1({ rows }) {
    const ended = rows.filter((row) => row.state === "finished" && row.top1 !== null).map((row) => row.top1);
    const n = ended.length, middle = mean(ended), now = n ? null : mean(all({ rows }, "last"));
    const deviation = Math.sqrt(ended.reduce((sum, x) => sum + (x - middle) ** 2, 0) / (n - 1));
    return { n, middle, now, error: n > 1 ? deviation / Math.sqrt(n) : null };
  }
  function top1Text(line) {
    const { n, middle, now, error } = top1(line);
    if (!n) return now === null ? NONE : make("span", { title: "of the last epoch until now" }, `${fixed(now, 2)}`, small("so far"));
    const title = `best-10 test top-1, mean${error === null ? "" : " ± standard error"} over ${n} seed${n > 1 ? "s" : ""}`;
    return make("span", { title }, fixed(middle, 2), small(error === null ? `n = ${n}` : `± ${fixed(error, 2)}, n = ${n}`));
  }
  const small = (textContent) => make("small", { textContent });

  function state({ rows }) {
    return STATES.find((name) => rows.some((row) => row.state === name));
  }
  function stateText(line) {
    const is = state(line), count = line.rows.filter((row) => row.state === is).length;
    const textContent = count < line.rows.length ? `${count} of ${line.rows.length} ${is}` : is;
    return make("span", { className: `lp-is-${is}`, textContent });
  }
  function epochs(line) {
    const { epoch, epochs: planned } = line.rows[0];
    return line.rows.length > 1 || epoch === planned ? whole(planned) : `${epoch}/${planned}`;
  }
  function chip(line) {
    const { label, color } = labels.methods[line.rows[0].method];
    return make("span", { className: "lp-method" }, make("i", { className: "lp-chip", style: { background: color } }), label);
  }
  // Test top-1 by epoch, of a few runs on one scale; `curves` is by run.
  function spark(line, curves) {
    const numbers = (row) => (curves.get(row.id) ?? []).filter((value) => value !== null);
    const drawn = line.rows.slice(0, DRAWN).map(numbers).filter((ys) => ys.length > 1);
    if (!drawn.length) return "";
    const low = Math.min(...drawn.flat()), range = Math.max(...drawn.flat()) - low || 1;
    const svg = document.createElementNS(SVG, "svg");
    const label = `test top-1 by epoch, ${fixed(low, 1)} to ${fixed(low + range, 1)} %`;
    const stroke = labels.methods[line.rows[0].method].color;
    const path = (ys) => {
      const x = (i) => 1 + (i * (WIDTH - 2)) / (ys.length - 1), y = (value) => HEIGHT - 1 - ((value - low) / range) * (HEIGHT - 2);
      const points = ys.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
      return drawing("polyline", { points, stroke, fill: "none", "stroke-width": 1.25 });
    };
    const size = { width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}` };
    return drawing("svg", { ...size, role: "img", "aria-label": label }, ...drawn.map(path));
  }
  function drawing(tag, attributes, ...children) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  // name -> [head, value to sort by, what a cell shows, class]. `wide` leaves on small screens, LEFT is for texts.
  const LEFT = "lp-left", text = (name, shown = String) => [first(name), (line) => shown(line.rows[0][name])];
  const number = (name, shown) => [average(name), (line) => (all(line, name).length ? shown(average(name)(line)) : NONE)];
  const COLUMNS = {
    method: ["Method", (line) => labels.methods[line.rows[0].method].label, chip, LEFT],
    lr: ["η", ...text("lr"), "wide"],
    weightDecay: ["λ", ...text("weightDecay"), ""],
    top1: ["Top-1 (%)", (line) => top1(line).middle ?? top1(line).now, top1Text, ""],
    curve: ["Curve", (line) => top1(line).middle ?? top1(line).now, spark, "wide"],
    state: ["State", state, stateText, `${LEFT} wide`],
    parameters: ["Params", ...number("parameters", large), "wide"],
    images: ["Images", ...number("images", large), "wide"],
    epochs: ["Epochs", first("epochs"), epochs, "wide"],
    speed: ["Images/s", ...number("speed", (value) => large(Math.round(value))), "wide widest"],
    last: ["Last top-1 (%)", ...number("last", (value) => fixed(value, 2)), "wide"],
    loss: ["Train loss", ...number("loss", (value) => fixed(value, 4)), "wide"],
    optimizer: ["Optimizer", ...text("optimizer", (key) => labels.optimizers[key]), `${LEFT} wide`],
    seed: ["Seed", first("seed"), (line) => (line.rows.length > 1 ? NONE : String(line.rows[0].seed)), "wide"],
    seconds: ["Time", ...number("seconds", (value) => (value ? duration(value) : NONE)), "wide"],
    created: ["Created", (line) => Math.max(...all(line, "created")), (line) => day(Math.max(...all(line, "created"))), "wide"],
  };
  const DEFAULT = ["method", "lr", "weightDecay", "top1", "curve", "state", "parameters", "images", "epochs", "speed"];
  const known = (names) => Object.keys(COLUMNS).filter((name) => names.includes(name));
  return { COLUMNS, DEFAULT, known };
};
