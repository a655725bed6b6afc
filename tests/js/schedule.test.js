import assert from "node:assert/strict";
import test from "node:test";
import { Schedule } from "../../lpwd/ui/shared/schedule.js";

function watching(tabs) {
  const schedule = new Schedule();
  const taken = [];
  const open = new Set(tabs);
  const watch = (name, tab, ask = () => ({})) =>
    schedule.watch(name, () => open.has(tab), { ask, take: (answer) => taken.push([name, answer]) });
  return { schedule, taken, open, watch };
}
const names = (asked) => asked.map(({ topic }) => topic.name);

test("only topics of the open tab are asked", () => {
  const { schedule, watch, open } = watching(["runs"]);
  watch("runs", "runs");
  watch("scorecard", "benchmark");
  assert.deepEqual(names(schedule.questions(0)), ["runs"]);
  open.clear();
  assert.deepEqual(schedule.questions(0), []);
});

test("an answer says when its topic is due; what is due soon joins the request", () => {
  const { schedule, watch } = watching(["runs"]);
  watch("runs", "runs");
  watch("compare", "runs");
  schedule.take(schedule.questions(0), { runs: { pollMs: 500 }, compare: {} }, 650, 1000);
  assert.equal(schedule.pause(5000, 1000), 500);
  assert.equal(schedule.pause(100, 1000), 100); // the race is due first
  assert.deepEqual(names(schedule.questions(1299)), []);
  assert.deepEqual(names(schedule.questions(1300)), ["runs"]);
  assert.deepEqual(names(schedule.questions(1450)), ["runs", "compare"]);
  assert.equal(schedule.pause(5000, 9000), 0);
});

test("a problem that no component shows is kept until its topic answers without it", () => {
  const { schedule, watch, taken, open } = watching(["runs"]);
  watch("runs", "runs");
  schedule.take(schedule.questions(0), { runs: { problem: "unexpected keyword argument" } }, 500, 0);
  assert.equal(schedule.problem(), "unexpected keyword argument");
  assert.deepEqual(taken, []);
  open.clear();
  assert.equal(schedule.problem(), "");
  open.add("runs");
  schedule.take(schedule.questions(500), { runs: { problem: "", rows: [] } }, 500, 500);
  assert.equal(schedule.problem(), "");
  assert.equal(taken.length, 1);
});

test("a topic without a question waits until it is restarted", () => {
  let question = null;
  const { schedule, watch } = watching(["demo"]);
  const topic = watch("seed", "demo", () => question);
  assert.deepEqual(schedule.questions(0), []);
  question = { ids: ["a"] };
  assert.deepEqual(schedule.questions(1e12), []);
  schedule.restart(topic);
  assert.deepEqual(
    schedule.questions(0).map(({ given }) => given),
    [question],
  );
});

test("an answer to an older question, or of a removed topic, is dropped", () => {
  const { schedule, watch, taken } = watching(["runs"]);
  const [old, removed] = [watch("runs", "runs"), watch("compare", "runs")];
  const asked = schedule.questions(0);
  schedule.restart(old);
  schedule.topics.delete(removed);
  schedule.take(asked, { runs: 1, compare: 2 }, 1000, 0);
  assert.deepEqual(taken, []);
  assert.deepEqual(names(schedule.questions(0)), ["runs"]);
});

test("opening a tab makes all its topics due", () => {
  const { schedule, watch } = watching(["runs"]);
  watch("runs", "runs");
  schedule.take(schedule.questions(0), { runs: {} }, 10_000, 0);
  schedule.restartOpen();
  assert.deepEqual(names(schedule.questions(0)), ["runs"]);
});
