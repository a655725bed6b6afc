import assert from "node:assert/strict";

/** Assert that numbers, or lists of numbers, differ by at most `tolerance`. */
export function near(actual, expected, tolerance) {
  const [left, right] = [actual, expected].map((value) => [value].flat());
  assert.equal(left.length, right.length);
  left.forEach((value, i) => {
    assert.ok(Math.abs(value - right[i]) <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);
  });
}
