import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { merge } from "../../lpwd/ui/shared/curves.js";
import { csv } from "../../lpwd/ui/shared/files.js";
import { laneLines, publishedLine } from "../../lpwd/ui/shared/lane_lines.js";
import * as numbers from "../../lpwd/ui/shared/numbers.js";
import { epochText, stateText } from "../../lpwd/ui/shared/race_text.js";
import { withParameters } from "../../lpwd/ui/shared/url.js";

test("copied tables quote what a spreadsheet would run", () => {
  const rows = [
    ["layer", "=1+1", 'a "b", c'],
    ["–", "-0.5", "-x"],
    ["+1e-3", "@sum", ""],
  ];
  assert.equal(csv(rows), 'layer,\'=1+1,"a ""b"", c"\n–,-0.5,\'-x\n+1e-3,\'@sum,\n');
});

test("numbers are written as the page shows them", () => {
  assert.deepEqual([1, 59, 90, 3599, 3600, 90_061].map(numbers.duration), [
    "1 s",
    "59 s",
    "1 min 30 s",
    "59 min 59 s",
    "1 h 00 min",
    "25 h 01 min",
  ]);
  assert.deepEqual([numbers.fixed(1.005, 1), numbers.fixed(undefined, 2), numbers.fixed(null, 2)], ["1.0", "–", "–"]);
  assert.deepEqual([numbers.percent(0.12345), numbers.percent(null)], ["12.3 %", "–"]);
  assert.deepEqual([numbers.count(1, "run"), numbers.count(1234, "run")], ["1 run", "1,234 runs"]);
  assert.deepEqual([numbers.signed(-0.35, 2), numbers.signed(-0.001, 2)], ["−0.35", "0.00"]);
  assert.equal(numbers.short(0.1 + 0.2), "0.3");
});

test("spread is mean and sample deviation; one value has no deviation", () => {
  assert.deepEqual(numbers.spread([1, 3]), { n: 2, mean: 2, std: Math.SQRT2 });
  assert.deepEqual(numbers.spread([5]), { n: 1, mean: 5, std: null });
  assert.deepEqual(numbers.spread([]), { n: 0, mean: null, std: null });
});

test("parameters change in the address, empty ones leave it", () => {
  const href = "https://host.example/app/?tab=runs&run=a#x";
  assert.equal(withParameters(href, { run: "a,b", tab: "" }), "/app/?run=a,b#x");
  assert.equal(
    withParameters(href, { demo_wd: 0.5, note: "ä & b" }),
    "/app/?tab=runs&run=a&demo_wd=0.5&note=%C3%A4+%26+b#x",
  );
});

const points = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
const delta = (steps, reset = false) => ({
  reset,
  cursor: `${steps.at(-1)}`,
  losses: { step: steps, loss: steps.map((step) => (step === 1234 ? 99 : 1 / (1 + step))) },
  epochs: { epoch: [], train_loss: [], test_top1: [], opposing_count_rate: [] },
});

test("curves grow by pieces, start again on reset, and ask for a thinned curve when they are long", () => {
  const curves = {};
  for (let at = 0; at < 2000; at += 100) merge(curves, "a", delta(points(at, at + 100)));
  assert.deepEqual(curves.a.losses.step, points(0, 2000));
  assert.equal(curves.a.cursor, "1999");
  merge(curves, "a", delta(points(2000, 2100)));
  assert.equal(curves.a.cursor, "");
  merge(curves, "a", delta([1, 2], true));
  assert.deepEqual([curves.a.losses.step, curves.a.cursor], [[1, 2], "2"]);
});

const lane = { id: "run/1", label: "WD", color: "#000", dash: "dot", marker: "x", epochs: 2, totalSteps: 20 };
const epochs = { epoch: [1, 2], train_loss: [2, 1], test_top1: [10, 20], opposing_count_rate: [null, 0.25] };

test("the losses of steps and the means of epochs lie on one axis of epochs", () => {
  const curve = { cursor: "", losses: { step: [10, 20], loss: [3, 2] }, epochs };
  const [steps, means] = laneLines("loss", lane, curve);
  assert.deepEqual(
    [steps.x, steps.y, means.y],
    [
      [1, 2],
      [3, 2],
      [2, 1],
    ],
  );
  assert.deepEqual(laneLines("opposing", lane, curve)[0].y, [null, 25]);
  assert.equal(publishedLine("top1", { ...lane, seeds: 3, epochs }).label, "WD, published, n = 3");
});

test("sentences about a race follow its state", () => {
  const race = {
    seeds: [{ seed: 0, state: "queued" }],
    epoch: 0,
    epochs: 10,
    secondsLeft: 75,
    messages: ["Disk full."],
    ahead: 1,
    state: "queued",
  };
  assert.equal(epochText(race), "epoch 1 of 10, 75 s left");
  assert.equal(epochText({ ...race, secondsLeft: null }, "/"), "epoch 1/10");
  assert.equal(stateText(race), "Queued: 1 race is ahead.");
  assert.equal(stateText({ ...race, ahead: 0 }), "Queued: the worker is starting.");
  assert.equal(stateText({ ...race, state: "failed" }), "Failed. Disk full.");
  assert.equal(stateText({ ...race, state: "running", messages: [] }), "");
});

test("the chart library that the page serves is the one that npm names", () => {
  for (const [ours, theirs] of [
    ["uPlot.js", "uPlot.esm.js"],
    ["uPlot.css", "uPlot.min.css"],
  ])
    assert.equal(
      readFileSync(`lpwd/ui/vendor/${ours}`, "utf8"),
      readFileSync(`node_modules/uplot/dist/${theirs}`, "utf8"),
    );
});
