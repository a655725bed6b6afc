import assert from "node:assert/strict";
import test from "node:test";
import { barsOf, overMean } from "../../lpwd/ui/shared/profile_shape.js";

test("a profile of any length is drawn at eight depths, linear between its multipliers", () => {
  assert.deepEqual(barsOf("0,7", 8), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(barsOf("3", 3), [3, 3, 3]);
  assert.deepEqual(barsOf("1, 2; 5", 3), [1, 2, 5]);
  for (const text of ["", "a,b", "1,-2"]) assert.equal(barsOf(text, 3), null);
});

test("bars are shown as multiples of their mean, which stays lambda", () => {
  assert.deepEqual(overMean([0, 1, 2]), [0, 1, 2]);
  assert.deepEqual(overMean([2, 2]), [1, 1]);
  assert.deepEqual(overMean([0, 0]), [0, 0]);
});
