import assert from "node:assert/strict";
import test from "node:test";
import { barsOf, meanOf, overMean, shape } from "../../lpwd/ui/shared/profile_shape.js";

test("a profile of any length is drawn with as many bars as there are layers, linear between its multipliers", () => {
  assert.deepEqual(barsOf("0,7", 8), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(barsOf("3", 3), [3, 3, 3]);
  assert.deepEqual(barsOf("1, 2; 5", 3), [1, 2, 5]);
  for (const text of ["", "a,b", "1,-2"]) assert.equal(barsOf(text, 3), null);
});

test("buttons draw the shapes that they name for any number of layers", () => {
  assert.deepEqual(shape("uniform", 3), [1, 1, 1]);
  assert.deepEqual(shape("paper", 4), [0.5, 1, 1.5, 2]);
  assert.deepEqual(shape("reversed", 4), [2, 1.5, 1, 0.5]);
  assert.deepEqual(shape("last", 8), [0, 0, 0, 0, 0, 0, 2, 2]);
  assert.equal(meanOf([1, 2, 6]), 3);
});

test("bars are shown as multiples of their mean, which stays lambda", () => {
  assert.deepEqual(overMean([0, 1, 2]), [0, 1, 2]);
  assert.deepEqual(overMean([2, 2]), [1, 1]);
  assert.deepEqual(overMean([0, 0]), [0, 0]);
});
