// Plotly traces of a race's curves. Colour, dash and marker of a method come with the lane.

import { byMethod, overSeeds } from "./seeds.js";

const THIN = 0.45; // opacity of one seed among several
const BAND = "26"; // opacity of a band, as the last byte of a colour
const COLUMN = { loss: "train_loss", top1: "test_top1", opposing: "opposing_count_rate" };

/** Return the traces of a race: each lane's, or of several seeds each method's mean and band over thin lines.
 * @param {ChartKind} kind @param {Lane[]} lanes @param {Curves} curves */
export function raceTraces(kind, lanes, curves) {
  const groups = byMethod(lanes);
  if (groups.every((group) => group.length === 1))
    return lanes.flatMap((lane) => laneTraces(kind, lane, curves[lane.id]));
  return groups.flatMap((group) => methodTraces(kind, group, curves));
}

/** @param {ChartKind} kind @param {Lane[]} lanes of one method @param {Curves} curves */
function methodTraces(kind, lanes, curves) {
  const [first] = lanes;
  const all = lanes.map(({ id }) => ({ epoch: curves[id].epochs.epoch, y: values(kind, curves[id].epochs) }));
  const { epoch, mean, low, high } = overSeeds(all);
  const name = `${first.label}, n = ${lanes.length}`;
  const group = { ...base(first, kind), legendgroup: first.method, name };
  const band = { x: [...epoch, ...[...epoch].reverse()], y: [...high, ...[...low].reverse()] };
  return [
    { ...group, ...thin(first), ...joined(all), uid: `${group.uid}-seeds` },
    ...lanes.filter(begins).map((lane) => ({ ...stepTrace(lane, curves[lane.id]), showlegend: false })),
    { ...group, ...band, uid: `${group.uid}-band`, ...filled(first.color) },
    { ...group, ...strong(first), uid: `${group.uid}-mean`, x: epoch, y: mean },
  ];
  function begins(/** @type {Lane} */ { id }) {
    return kind === "loss" && curves[id].epochs.epoch.length === 0;
  }
}

/** @param {Lane} lane */
function thin({ color, dash }) {
  return { mode: "lines", line: { color, dash, width: 1 }, opacity: THIN, showlegend: false, hoverinfo: "skip" };
}

/** Return the points of all seeds as one line with gaps: Plotly takes as long for a short trace as for a long one.
 * @param {{epoch: number[], y: any[]}[]} seeds */
const joined = (seeds) => ({
  x: seeds.flatMap(({ epoch }) => [...epoch, null]),
  y: seeds.flatMap(({ y }) => [...y, null]),
});

const filled = (/** @type {string} */ color) => ({
  mode: "lines",
  fill: "toself",
  fillcolor: color + BAND,
  line: { width: 0 },
  showlegend: false,
  hoverinfo: "skip",
});

/** Return the traces of one lane. @param {ChartKind} kind @param {Lane} lane @param {Curve} curve */
export function laneTraces(kind, lane, curve) {
  const means = { ...base(lane, kind), ...strong(lane), x: curve.epochs.epoch, y: values(kind, curve.epochs) };
  return kind === "loss" ? [stepTrace(lane, curve), means] : [means];
}

/** Return a published mean over seeds, drawn faintly behind the lanes. @param {ChartKind} kind @param {any} published */
export function publishedTrace(kind, { label, color, dash, seeds, epochs }) {
  const name = `${label}, published, n = ${seeds}`;
  const uid = `published-${label}-${kind}`.replace(/\W/g, "_");
  const line = { color, dash, width: 4 };
  return { type: "scatter", mode: "lines", name, uid, x: epochs.epoch, y: values(kind, epochs), line, opacity: 0.3 };
}

/** @param {ChartKind} kind @param {any} epochs */
function values(kind, epochs) {
  const percent = (/** @type {number | null} */ y) => (y === null ? null : 100 * y);
  return kind === "opposing" ? epochs[COLUMN[kind]].map(percent) : epochs[COLUMN[kind]];
}

/** @param {Lane} lane @param {Curve} curve */
function stepTrace(lane, { losses, epochs }) {
  const epochsDone = epochs.epoch.length > 0;
  return {
    ...base(lane, "step"),
    x: losses.step.map((step) => (step * lane.epochs) / lane.totalSteps),
    y: losses.loss,
    mode: "lines",
    opacity: epochsDone ? 0.5 : 0.9,
    line: { color: lane.color, width: 1 },
    showlegend: !epochsDone,
    hoverinfo: epochsDone ? "skip" : "all",
  };
}

/** @param {Lane} lane @param {string} what */
function base(lane, what) {
  const uid = `${lane.id}-${what}`.replace(/[^A-Za-z0-9_-]/g, "_"); // Plotly makes a CSS class of it
  return { type: "scatter", name: lane.label, legendgroup: lane.id, uid };
}

function strong(/** @type {Lane} */ lane) {
  const line = { color: lane.color, dash: lane.dash, width: 2 };
  const marker = { color: lane.color, symbol: lane.marker || "circle-open", size: 7, maxdisplayed: 40 };
  return { mode: "lines+markers", line, marker };
}
