import assert from "node:assert/strict";
import test from "node:test";
import { figureRows } from "../../lpwd/ui/benchmark/figure_rows.js";
import { rowsWith } from "../../lpwd/ui/explain/audit_rows.js";
import { columnsOf, large, top1 } from "../../lpwd/ui/runs/columns.js";
import { matching, newestRace, sorted } from "../../lpwd/ui/runs/run_rows.js";
import { Ticks } from "../../lpwd/ui/runs/ticks.js";
import { epochRows, laneRow, summaryText } from "../../lpwd/ui/train/panel_rows.js";

const run = (id, key, values = {}) => ({
  id,
  key,
  method: key[0],
  words: `${id} ${key}`,
  origin: "",
  job: "j",
  created: 1,
  ...values,
});
const rows = [
  run("w0", "w*1"),
  run("w1", "w*1"),
  run("l0", "l*1", { created: 2 }),
  run("o0", "w*2", { job: "old", created: 0 }),
];
const members = (key) => rows.filter((row) => row.key === key);

function ticksOf(text = "") {
  const address = {
    text,
    read: () => address.text,
    write(next) {
      address.text = next;
    },
  };
  return { address, ticks: new Ticks(members, address, () => {}) };
}

test("a ticked group stands for all its runs in the address", () => {
  const { ticks, address } = ticksOf();
  assert.ok(ticks.isUntouched());
  ticks.setGroup("w*1", true);
  assert.equal(address.text, "w*1");
  assert.equal(ticks.count(), 2);
  ticks.setRun(rows[0], false);
  assert.equal(address.text, "w1");
  ticks.setAll(rows, true);
  assert.deepEqual(ticks.list().sort(), ["l0", "o0", "w*1"]);
  ticks.replace([]);
  assert.equal(address.text, "none");
  assert.ok(!ticks.isUntouched());
});

test("deleted runs are unticked, and another tab's choice is read again", () => {
  const { ticks, address } = ticksOf("w0,l0");
  ticks.forget(["w0"]);
  assert.equal(address.text, "l0");
  address.text = "o0";
  ticks.reread();
  assert.deepEqual(ticks.list(), ["o0"]);
});

test("rows match words and filters, one line per run or per setting", () => {
  const ask = (words, filters, together) =>
    matching(rows, { words, filters, together }).map(({ rows: all }) => all.length);
  assert.deepEqual(ask("", {}, true), [2, 1, 1]);
  assert.deepEqual(ask("", {}, false), [1, 1, 1, 1]);
  assert.deepEqual(ask("W1", { method: "w" }, true), [1]);
  assert.deepEqual(ask("nothing", {}, true), []);
});

test("lines without a value come last in both directions", () => {
  const lines = [3, null, 1].map((value, i) => ({ rows: [{ id: `${i}` }], value }));
  const order = (descending) => sorted(lines, (line) => line.value, descending).map(({ value }) => value);
  assert.deepEqual(
    [order(false), order(true)],
    [
      [1, 3, null],
      [3, 1, null],
    ],
  );
});

test("the newest race is ticked first, in the order of methods", () => {
  assert.deepEqual(newestRace(rows, ["l", "w"]), ["l0", "w0", "w1"]);
  const published = rows.map((row) => ({ ...row, origin: "hub", job: "" }));
  assert.deepEqual(newestRace(published, ["w", "l"]), ["w0", "w1", "l0"]);
  assert.deepEqual(newestRace([], []), []);
});

test("top-1 of a line is over finished seeds, and of the last epochs until one finishes", () => {
  const seed = (state, value) => ({ state, top1: state === "finished" ? value : null, last: value });
  assert.deepEqual(top1({ rows: [seed("finished", 10), seed("finished", 12), seed("running", 99)] }), {
    n: 2,
    middle: 11,
    now: null,
    error: 1,
  });
  assert.deepEqual(top1({ rows: [seed("running", 5), seed("running", 7)] }), {
    n: 0,
    middle: null,
    now: 6,
    error: null,
  });
  const { created, parameters } = columnsOf({ methods: {}, optimizers: {} });
  assert.equal(created.value({ rows: [{ created: 1 }, { created: 3 }] }), 3);
  assert.equal(parameters.cell({ rows: [{ parameters: 28_000_000 }] }), "28M");
  assert.deepEqual([large(999), large(12_345)], ["999", "12.3K"]);
});

const lanes = [
  { id: "a", method: "wd", seed: 0, label: "WD", state: "running", epochs: 3, imagesPerSecond: 1234.5, summary: {} },
  {
    id: "b",
    method: "lpwd",
    seed: 0,
    label: "LPWD",
    state: "finished",
    epochs: 3,
    imagesPerSecond: 0,
    summary: { best10_mean: 30, best10_std: 0.5 },
  },
];
const curves = {
  a: { epochs: { epoch: [1, 2], train_loss: [3, 2], test_top1: [10, 20] } },
  b: { epochs: { epoch: [1, 2, 3], train_loss: [3, 2.5, 1], test_top1: [11, 22, 33] } },
};

test("the numbers of a race are those of its curves", () => {
  assert.deepEqual(laneRow(lanes[0], curves.a), ["WD", "running", "2/3", "2.0000", "20.00", "–", "1,235"]);
  assert.deepEqual(laneRow(lanes[1], undefined), ["LPWD", "finished", "0/3", "–", "–", "30.00 ± 0.50", "–"]);
  assert.deepEqual(epochRows(lanes, curves).at(-1), ["3", "–", "–", "1.0000", "33.00"]);
  assert.match(
    summaryText(lanes, curves),
    /^Test top-1 after epoch 2: WD 20.00 %, LPWD 22.00 %\. Largest difference: 2\.00/,
  );
  assert.equal(summaryText(lanes, {}), "");
});

test("a figure's numbers are its named traces, or the cells of its heatmaps", () => {
  const layout = {
    xaxis: { title: { text: "<b>epoch</b>" } },
    yaxis: {},
    annotations: [{ text: "WD" }, { text: "LPWD" }],
  };
  const line = { type: "scatter", name: "WD", x: [1], y: [0.1 + 0.2] };
  assert.deepEqual(figureRows({ _fullData: [line, { ...line, hoverinfo: "skip" }], _fullLayout: layout }), [
    ["series", "epoch", "y"],
    ["WD", "1", "0.3"],
  ]);
  const heatmap = { type: "heatmap", xaxis: "x2", x: [1, 2], y: ["a"], z: [[5, null]] };
  assert.deepEqual(figureRows({ _fullData: [heatmap], _fullLayout: layout }).slice(1), [
    ["LPWD", "1", "a", "5"],
    ["LPWD", "2", "a", "missing"],
  ]);
});

test("the audits show the rows that hold every word", () => {
  const rows = [
    ["timm:lamb", "in the update"],
    ["torch:Adam", "coupled"],
    ["timm:adam", "coupled"],
  ];
  assert.deepEqual(rowsWith(rows, "TIMM coupled"), [rows[2]]);
  assert.deepEqual(rowsWith(rows, " "), rows);
});
