// The lines of a race's curves. Colour, dash and marker of a method come with the lane.

import { byMethod, overSeeds } from "./seeds.js";

const THIN = 0.45; // opacity of one seed among several
const COLUMN = { loss: "train_loss", top1: "test_top1", opposing: "opposing_count_rate" };

/** Return the lines of a race: each lane's, or of several seeds each method's mean and band over thin lines.
 * @param {ChartKind} kind @param {Lane[]} lanes @param {Curves} curves @returns {Line[]} */
export function raceLines(kind, lanes, curves) {
  const groups = byMethod(lanes);
  if (groups.every((group) => group.length === 1))
    return lanes.flatMap((lane) => laneLines(kind, lane, curves[lane.id]));
  return groups.flatMap((group) => methodLines(kind, group, curves));
}

/** @param {ChartKind} kind @param {Lane[]} lanes of one method @param {Curves} curves */
function methodLines(kind, lanes, curves) {
  const [first] = lanes;
  const seeds = lanes.map((lane) => ({ ...thin(lane), ...points(kind, curves[lane.id]) }));
  const { epoch, mean, low, high } = overSeeds(seeds.map(({ x, y }) => ({ epoch: x, y })));
  const label = `${first.label}, n = ${lanes.length}`;
  const middle = { ...strong(first), label, x: epoch, y: mean, band: { low, high } };
  const begun = ({ id }) => kind === "loss" && curves[id].epochs.epoch.length === 0;
  const steps = lanes.filter(begun).map((lane) => ({ ...stepLine(lane, curves[lane.id]), named: false }));
  return [...seeds, ...steps, middle];
}

/** Return the lines of one lane. @param {ChartKind} kind @param {Lane} lane @param {Curve} curve @returns {Line[]} */
export function laneLines(kind, lane, curve) {
  const means = { ...strong(lane), ...points(kind, curve) };
  return kind === "loss" ? [stepLine(lane, curve), means] : [means];
}

/** Return a published mean over seeds, drawn faintly behind the lanes.
 * @param {ChartKind} kind @param {any} published @returns {Line} */
export function publishedLine(kind, { label, color, dash, seeds, epochs }) {
  const name = `${label}, published, n = ${seeds}`;
  const style = { group: `published ${label}`, label: name, named: true, color, dash, width: 4, opacity: 0.3 };
  return { ...style, ...points(kind, { epochs }) };
}

/** @param {ChartKind} kind @param {{epochs: Epochs}} curve */
function points(kind, { epochs }) {
  const percent = (/** @type {number | null} */ y) => (y === null ? null : 100 * y);
  const y = kind === "opposing" ? epochs.opposing_count_rate.map(percent) : epochs[COLUMN[kind]];
  return { x: epochs.epoch, y };
}

/** @param {Lane} lane @param {Curve} curve @returns {Line} */
function stepLine(lane, { losses, epochs }) {
  const named = epochs.epoch.length === 0;
  const x = losses.step.map((step) => (step * lane.epochs) / lane.totalSteps);
  return { ...base(lane), named, width: 1, opacity: named ? 0.9 : 0.5, x, y: losses.loss };
}

/** @param {Lane} lane */
const base = ({ method, label, color }) => ({ group: method, label, color });

/** @param {Lane} lane */
const thin = (lane) => ({ ...base(lane), named: false, dash: lane.dash, width: 1, opacity: THIN });

/** @param {Lane} lane */
function strong(lane) {
  const marker = lane.marker || "circle-open";
  return { ...base(lane), named: true, dash: lane.dash, width: 2, opacity: 1, marker };
}
