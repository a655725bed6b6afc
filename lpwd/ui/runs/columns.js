// Columns of the table of runs. A line is {key, rows}: one run, or the seeds of one setting.

import { duration, fixed, mean, NONE, spread, whole } from "../shared/numbers.js";
import { sparkline } from "../shared/sparkline.js";
import { make } from "../shared/widgets.js";

const STATES = ["running", "stopping", "queued", "failed", "interrupted", "stopped", "finished", "diverged"];
export const DEFAULT = [
  "method",
  "lr",
  "weightDecay",
  "top1",
  "curve",
  "state",
  "parameters",
  "images",
  "epochs",
  "speed",
];
export const MAX_CURVES = 6; // in one small picture
const SPARK = { width: 72, height: 20, pad: 1 };
const LEFT = "lp-left"; // for texts; "wide" columns are hidden on small screens

const day = (seconds) => new Date(seconds * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
const small = (textContent) => make("small", { textContent });

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** Return 28M, 12.3K or 1,234. @param {number} value */
export const large = (value) => (value >= 1e4 ? compact.format(value) : whole(value));

const values = ({ rows }, name) =>
  rows.map((row) => row[name]).filter((value) => value !== null && value !== undefined);
const average = (name) => (line) => mean(values(line, name));
const first = (name) => (line) => line.rows[0][name];
const newest = (line) => Math.max(...values(line, "created"));

/** Return mean, standard error and n over the finished seeds; `now` is the mean of seeds that still train. */
export function top1(line) {
  const finished = line.rows.filter((row) => row.state === "finished" && row.top1 !== null);
  const { n, mean: middle, std } = spread(finished.map((row) => row.top1));
  return { n, middle, now: n ? null : average("last")(line), error: std === null ? null : std / Math.sqrt(n) };
}

function top1Cell(line) {
  const { n, middle, now, error } = top1(line);
  if (!n && now === null) return NONE;
  if (!n) return make("span", { title: "last epoch so far" }, fixed(now, 2), small("so far"));
  const seeds = `${n} seed${n > 1 ? "s" : ""}`;
  const title = `best-10 test top-1, mean${error === null ? "" : " ± standard error"} over ${seeds}`;
  return make(
    "span",
    { title },
    fixed(middle, 2),
    small(error === null ? `n = ${n}` : `± ${fixed(error, 2)}, n = ${n}`),
  );
}

/** Return test top-1 by epoch of a few runs. @param {any} line @param {Map<string, (number | null)[]>} curves by run id */
function curveCell({ rows }, curves, color) {
  const series = rows.slice(0, MAX_CURVES).map(({ id }) => (curves.get(id) ?? []).filter((value) => value !== null));
  const lines = series.filter((y) => y.length > 1).map((y) => ({ x: y.map((_, i) => i / (y.length - 1)), y, color }));
  if (!lines.length) return "";
  const all = lines.flatMap(({ y }) => y);
  const label = `test top-1 by epoch, ${fixed(Math.min(...all), 1)} to ${fixed(Math.max(...all), 1)} %`;
  return sparkline(lines, SPARK, { role: "img", "aria-label": label });
}

const stateOf = ({ rows }) => STATES.find((name) => rows.some((row) => row.state === name));

function stateCell(line) {
  const state = stateOf(line);
  const count = line.rows.filter((row) => row.state === state).length;
  const textContent = count < line.rows.length ? `${count} of ${line.rows.length} ${state}` : state;
  return make("span", { className: `lp-is-${state}`, textContent });
}

function epochsCell({ rows }) {
  const { epoch, epochs } = rows[0];
  return rows.length > 1 || epoch === epochs ? whole(epochs) : `${epoch}/${epochs}`;
}

function number(name, title, text, className = "wide") {
  const cell = (line) => (values(line, name).length ? text(average(name)(line)) : NONE);
  return { title, value: average(name), cell, className };
}

function text(name, title, className, shown = (value) => String(value)) {
  return { title, value: first(name), cell: (line) => shown(line.rows[0][name]), className };
}

/** Return the columns by name: {title, value to sort by, cell, className}. @param {any} labels of methods and optimizers
 * @returns {Record<string, {title: string, value: (line: any) => any, cell: (line: any, curves: any) => any, className: string}>} */
export function columnsOf({ methods, optimizers }) {
  const method = ({ rows: [{ method }] }) => methods[method] ?? { label: method, color: "" }; // of an absent plug-in
  const chip = (line) => make("i", { className: "lp-chip", style: { background: method(line).color } });
  const methodCell = (line) => make("span", { className: "lp-method" }, chip(line), method(line).label);
  const best = (line) => top1(line).middle ?? top1(line).now;
  const curve = (line, curves) => curveCell(line, curves, method(line).color);
  const seed = ({ rows }) => (rows.length > 1 ? NONE : String(rows[0].seed));
  return {
    method: { title: "Method", value: (line) => method(line).label, cell: methodCell, className: LEFT },
    lr: text("lr", "η", "wide"),
    weightDecay: text("weightDecay", "λ", ""),
    top1: { title: "Top-1 (%)", value: best, cell: top1Cell, className: "" },
    curve: { title: "Curve", value: best, cell: curve, className: "wide" },
    state: { title: "State", value: stateOf, cell: stateCell, className: `${LEFT} wide` },
    parameters: number("parameters", "Params", large),
    images: number("images", "Images", large),
    epochs: { title: "Epochs", value: first("epochs"), cell: epochsCell, className: "wide" },
    speed: number("speed", "Images/s", (value) => large(Math.round(value)), "wide widest"),
    last: number("last", "Last top-1 (%)", (value) => fixed(value, 2)),
    loss: number("loss", "Train loss", (value) => fixed(value, 4)),
    optimizer: text("optimizer", "Optimizer", `${LEFT} wide`, (key) => optimizers[key] ?? key),
    seed: { title: "Seed", value: first("seed"), cell: seed, className: "wide" },
    seconds: number("seconds", "Time", (value) => (value ? duration(value) : NONE)),
    created: { title: "Created", value: newest, cell: (line) => day(newest(line)), className: "wide" },
  };
}
