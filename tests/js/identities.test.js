import assert from "node:assert/strict";
import test from "node:test";
import { compare } from "../../lpwd/ui/explain/identities.js";

for (const optimizer of ["adam", "sgd"]) {
  for (const [eta, lambda] of [
    [1e-3, 0.5],
    [1e-2, 20],
    [1e-3, 0],
  ]) {
    test(`identities hold to rounding, and the layer rule changes more: ${optimizer}, η ${eta}, λ ${lambda}`, () => {
      const { problem, checks } = compare(eta, lambda, optimizer);
      assert.equal(problem, "");
      for (const { exact, difference } of checks) if (exact) assert.ok(difference < 1e-12, String(difference));
      const [, , rwd, , lpwd] = checks.map(({ difference }) => difference);
      assert.ok(lpwd >= 5 * rwd);
      assert.equal(rwd > 1e-6, lambda > 0);
    });
  }
}

test("bad input is a sentence", () => {
  assert.match(compare(0, 1, "adam").problem, /η is 0/);
  assert.match(compare(1e-3, -1, "adam").problem, /λ is -1/);
  assert.match(compare(0.1, 5, "adam").problem, /less than 0.5/);
  assert.match(compare(10, 0.01, "sgd").problem, /diverge/);
});
