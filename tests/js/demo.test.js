import assert from "node:assert/strict";
import test from "node:test";
import { heat } from "../../lpwd/ui/demo/network.js";
import { scales, ticks } from "../../lpwd/ui/demo/penalty_axes.js";
import { axesOf, curveSeries, epochRows, resultSeries } from "../../lpwd/ui/demo/penalty_series.js";
import {
  differenceText,
  hintText,
  methodRows,
  remaining,
  shrinkText,
  zeroedText,
} from "../../lpwd/ui/demo/penalty_text.js";
import { near } from "./near.js";

const wd = { method: "wd", label: "WD" };
const lpwd = { method: "lpwd", label: "LPWD" };
const frame = {
  lr: 0.001,
  steps: 100,
  decayingSteps: 100,
  epochs: 2,
  chance: 1,
  decays: [0.5, 5, 50],
  methods: [wd, lpwd],
};
const cell = (rates, top1) => ({
  seeds: [0, 1],
  rates,
  meanRate: 1,
  diverged: 0,
  loss: { mean: [2.5, 2], std: [0.5, 0.25] },
  top1: { mean: [20, 25], std: null },
  best10_mean: top1,
  last_top1: top1,
});
const best = { n: 2, mean: 11, std: Math.SQRT2 };
const nothing = { n: 0, mean: null, std: null };
const scan = {
  decays: frame.decays,
  methods: {
    wd: [cell([0.5, 0.5], best), null, cell([50, 50], nothing)],
    lpwd: [cell([0.1, 0.9], { n: 2, mean: 9, std: 0 }), null, null],
  },
  highest: { loss: 3, top1: 25 },
  minusWd: { best10_mean: { lpwd: [[-2, -3, -1], null, [-4, -5, -3]] }, last_top1: {} },
};

test("bands are one deviation beside the mean, and absent for one seed", () => {
  const [{ low, high }] = curveSeries("loss", selection);
  assert.deepEqual(
    [low, high],
    [
      [2, 1.75],
      [3, 2.25],
    ],
  );
  assert.deepEqual(curveSeries("top1", selection)[0].high, [null, null]);
  assert.deepEqual(
    resultSeries(selection).map(({ low, high }) => [low[0], high[0]]),
    [
      [11 - Math.SQRT2, 11 + Math.SQRT2],
      [9, 9],
    ],
  );
});

test("ticks are round numbers within the range", () => {
  assert.deepEqual(ticks(0, 100, 5), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(ticks(0, 0.5, 5), [0, 0.1, 0.2, 0.3, 0.4, 0.5]);
  assert.deepEqual(ticks(17, 25, 4), [18, 20, 22, 24]);
});

test("scales map values to pixels and back, on a logarithmic axis too", () => {
  for (const log of [false, true]) {
    const place = scales({ x: { range: [0.1, 100], log }, y: { range: [0, 10] } }, 500, 300);
    near([place.x(0.1), place.x(100)], [place.left, place.right], 1e-9);
    near([place.y(0), place.y(10)], [place.bottom, place.top], 1e-9);
    near(place.at(place.x(3)), 3, 1e-9);
  }
});

const points = {
  cursor: "",
  losses: { step: [50], loss: [3] },
  epochs: { epoch: [1], train_loss: [2], test_top1: [7] },
};
const live = { id: "r", method: "wd", label: "WD", totalSteps: 100, epochs: 2, summary: { best10_mean: 8 } };
const selection = {
  frame,
  scan,
  styles: [wd, lpwd],
  at: 0,
  value: "best10_mean",
  close: false,
  lanes: [],
  points: () => points,
};

test("the charts show recorded methods and live lanes", () => {
  assert.deepEqual(
    curveSeries("loss", selection).map(({ id, y }) => [id, y]),
    [
      ["wd", [2.5, 2]],
      ["lpwd", [2.5, 2]],
    ],
  );
  assert.deepEqual(curveSeries("loss", { ...selection, at: 1 }), []);
  const watched = { ...selection, lanes: [live] };
  assert.deepEqual(
    curveSeries("loss", watched).map(({ id }) => id),
    ["wd", "lpwd", "r", "r-steps"],
  );
  assert.deepEqual(curveSeries("top1", watched).at(-1).y, [7]);
  assert.deepEqual(
    resultSeries(watched).map(({ id, y }) => [id, y]),
    [
      ["wd", [11, null, null]],
      ["lpwd", [9, null, null]],
      ["r", [8]],
    ],
  );
  assert.deepEqual(curveSeries("loss", { ...selection, scan: null }), []);
});

test("axes follow the scan and the close-up", () => {
  assert.deepEqual(axesOf(selection).top1.y.range, [0, 100]);
  assert.deepEqual(axesOf({ ...selection, close: true }).top1.y.range, [17, 25]);
  assert.deepEqual(axesOf({ ...selection, scan: null }).loss.y.range, [0, 5]);
});

test("the numbers by epoch name each line and leave single steps out", () => {
  const rows = epochRows(
    2,
    [
      { label: "WD", y: [1, 0.5] },
      { label: "x", raw: true, y: [9] },
    ],
    [{ label: "WD", y: [20] }],
  );
  assert.deepEqual(rows, [
    ["epoch", "WD loss", "WD top-1 (%)"],
    ["1", "1.0000", "20.00"],
    ["2", "0.5000", "–"],
  ]);
});

test("decay alone leaves (1 - eta lambda)^T of a weight", () => {
  near(remaining(frame, 5), 0.995 ** 100, 1e-15);
  assert.equal(remaining(frame, 2000), 0);
  assert.match(shrinkText(frame, 5, null), /η λ = 0.005 per step. .* keeps 99.5 % .* leaves 61 %/);
  assert.match(
    shrinkText(frame, 0.5, { rates: [0.1, 0.9], meanRate: 0.75 }),
    /99 % in .* lowest rate and 91 % .* is 1.5 λ\./,
  );
});

test("a step that would zero a layer is named", () => {
  assert.equal(zeroedText(frame, 5, { WD: null }), "");
  assert.match(
    zeroedText(frame, 500, { WD: { rates: [500] }, LPWD: { rates: [100, 1000] } }),
    /layer: LPWD \(η λᵢ = 1\)\./,
  );
});

test("the hint names the strengths further right where LPWD is behind", () => {
  assert.equal(
    hintText(scan, "best10_mean", 0),
    "Drag to the right: LPWD is behind WD at λ 50, by 4.0 points at λ 50.",
  );
  assert.equal(hintText(scan, "best10_mean", 2), "");
  assert.equal(hintText(scan, "last_top1", 0), "");
});

test("the table at a strength shows results, differences and missing cells", () => {
  const [, first, second] = methodRows(frame, scan, "best10_mean", 0);
  assert.deepEqual(first, ["WD", "1", "95 %", "11.00±1.41 (n = 2)", ""]);
  assert.deepEqual(second, ["LPWD", "1", "99 % to 91 %", "9.00±0.00 (n = 2)", "−2.00 (−3.00 to −1.00)"]);
  assert.deepEqual(methodRows(frame, null, "best10_mean", 0)[1], ["WD", "–", "–", "–", "–"]);
  assert.deepEqual([differenceText([1, null, null]), differenceText(null)], ["+1.00", "–"]);
});

test("heat colours span the scale, and light cells get dark text", () => {
  const all = [0.01, 0.1, 1];
  const mixed = (percent, color) => ({ background: `color-mix(in oklab, #fee838 ${percent}%, #00224e)`, color });
  assert.deepEqual(heat(1, all), mixed(100, "black"));
  assert.deepEqual(heat(0.01, all), mixed(0, "white"));
  assert.deepEqual(heat(1, [1, 1]), mixed(100, "black"));
});
