import assert from "node:assert/strict";
import test from "node:test";
import { chosenColumns, fileTitle, optionsOf, tooLarge } from "../../lpwd/ui/runs/imported_choices.js";

const chosen = { method: "who", seed: "s", value: "acc", margin: 2 };

test("another value has its own margin; other choices keep the rest", () => {
  assert.deepEqual(chosenColumns(chosen, "value", "loss"), { method: "who", seed: "s", value: "loss" });
  assert.deepEqual(chosenColumns(chosen, "seed", ""), { ...chosen, seed: "" });
  assert.deepEqual(chosenColumns(chosen, "margin", "-1"), { method: "who", seed: "s", value: "acc" });
  assert.deepEqual(chosenColumns({}, "margin", "0.5"), { margin: 0.5 });
});

test("a column that is not clear must be chosen, and no seed is a choice", () => {
  assert.deepEqual(optionsOf("method", ["a"], undefined), [
    ["choose", "", false, true],
    ["a", "a", false, false],
  ]);
  assert.deepEqual(optionsOf("seed", ["s"], "s")[0], ["none: not paired", "", false, false]);
});

test("files that are too large are not sent", () => {
  assert.equal(tooLarge([{ size: 11e6 }]), "");
  assert.match(tooLarge([{ size: 6e6 }, { size: 6e6 }]), /12\.0 MB: at most 11 MB/);
  assert.equal(fileTitle([{ name: "a.csv" }, { name: "b" }, { name: "c" }]), "a.csv and 2 more files");
});
