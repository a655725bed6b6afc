import assert from "node:assert/strict";
import test from "node:test";
import { raceLines } from "../../lpwd/ui/shared/lane_lines.js";
import { bands, lineSeries } from "../../lpwd/ui/shared/lane_plot.js";
import { epochText } from "../../lpwd/ui/shared/race_text.js";
import { byMethod, overSeeds } from "../../lpwd/ui/shared/seeds.js";
import { axis, differenceText } from "../../lpwd/ui/train/differences.js";
import { epochRows, resultRows, summaryText } from "../../lpwd/ui/train/panel_rows.js";

const lane = (method, seed, summary = {}) => ({
  id: `${method}${seed}`,
  method,
  label: method.toUpperCase(),
  color: method === "wd" ? "#D55E00" : "#0072B2",
  dash: "solid",
  marker: "",
  seed,
  state: "running",
  epochs: 2,
  totalSteps: 10,
  summary,
});
const done = (last) => ({ train_loss: 1, last_top1: last, best10_mean: last });
const lanes = [lane("wd", 0, done(10)), lane("wd", 1, done(14)), lane("lpwd", 0, done(12)), lane("lpwd", 1)];
const curve = (top1, loss = top1) => ({
  cursor: "",
  losses: { step: [1, 2], loss: [9, 8] },
  epochs: { epoch: top1.map((_, i) => i + 1), train_loss: loss, test_top1: top1, opposing_count_rate: [] },
});
const curves = { wd0: curve([1, 10]), wd1: curve([3, 14]), lpwd0: curve([2, 12]), lpwd1: curve([]) };

test("lanes of several seeds are grouped by method, with mean and one standard deviation by epoch", () => {
  assert.deepEqual(
    byMethod(lanes).map((group) => group.map(({ id }) => id)),
    [
      ["wd0", "wd1"],
      ["lpwd0", "lpwd1"],
    ],
  );
  const both = [
    { epoch: [1, 2], y: [1, 10] },
    { epoch: [1, 2], y: [3, null] },
  ];
  assert.deepEqual(overSeeds(both), {
    epoch: [1, 2],
    mean: [2, 10],
    low: [2 - Math.SQRT2, 10],
    high: [2 + Math.SQRT2, 10],
  });
});

test("a race of several seeds is drawn as one mean and band per method over one thin line per seed", () => {
  const lines = raceLines("top1", lanes, curves);
  const means = lines.filter(({ band }) => band);
  assert.deepEqual(
    means.map(({ label, y }) => [label, y]),
    [
      ["WD, n = 2", [2, 12]],
      ["LPWD, n = 2", [2, 12]],
    ],
  );
  assert.deepEqual(
    lines.filter(({ named }) => !named).map(({ group, y }) => [group, y]),
    [
      ["wd", [1, 10]],
      ["wd", [3, 14]],
      ["lpwd", [2, 12]],
      ["lpwd", []],
    ],
  );
  const steps = raceLines("loss", lanes, curves).filter(({ named, opacity }) => !named && opacity === 0.9);
  assert.deepEqual(
    steps.map(({ x, y }) => [x, y]),
    [
      [
        [0.2, 0.4],
        [9, 8],
      ],
    ],
    "the losses of its steps show a seed that has no epoch yet",
  );
});

test("a mean with a band is three series, the area between two of them filled", () => {
  const [mean] = raceLines("top1", lanes, curves).filter(({ band }) => band);
  const series = [{}, ...lineSeries(mean, 2, true)];
  assert.deepEqual(
    series.map(({ edge, width }) => [edge, width]),
    [
      [undefined, undefined],
      ["low", 0],
      ["high", 0],
      [undefined, 2],
    ],
  );
  assert.deepEqual(bands(series), [{ series: [2, 1], fill: "#D55E0026" }]);
});

test("the table has a row a method, and the copied numbers a column a seed", () => {
  const { rows, colors } = resultRows(lanes, curves);
  assert.deepEqual(rows.slice(1), [
    ["WD", "2/2", "1.0000 ± 0.0000", "12.00 ± 2.83", "12.00 ± 2.83"],
    ["LPWD", "1/2", "1.0000", "12.00", "12.00"],
  ]);
  assert.deepEqual(colors, ["#D55E00", "#0072B2"]);
  assert.ok(epochRows(lanes, curves)[0].includes("WD, seed 1 top-1 (%)"));
  assert.equal(summaryText(lanes, curves), "");
});

test("progress names the seed that trains", () => {
  const seeds = [{ state: "finished" }, { state: "running" }, { state: "queued" }];
  const race = { epoch: 3, epochs: 10, secondsLeft: null, seeds };
  assert.equal(epochText(race), "seed 2 of 3, epoch 3 of 10");
  assert.equal(epochText(race, "/"), "seed 2/3, epoch 3/10");
});

test("differences stand on one axis about 0, and a wide interval does not squeeze the dots", () => {
  const row = { differences: [-1, 2], mean: 0.5, low: -30, high: 31 };
  const x = axis([row]);
  assert.equal(x(0), 160);
  assert.ok(x(2) - x(0) > 70);
  assert.equal(x(-30), 8);
  assert.equal(differenceText(row), "+0.50 points [−30.00, +31.00], n = 2");
  assert.equal(differenceText({ ...row, differences: [1], low: null, high: null }), "+0.50 points, n = 1");
});
