import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { axisReach } from "../../lpwd/ui/demo/toy_line.js";
import * as physics from "../../lpwd/ui/demo/toy_physics.js";
import { linkedSettings, sliderStop, sliderValue } from "../../lpwd/ui/demo/toy_settings.js";
import { bowlText, lineText } from "../../lpwd/ui/demo/toy_text.js";
import { near } from "./near.js";

const fixture = JSON.parse(readFileSync(new URL("toy_reference.json", import.meta.url), "utf8")); // by tests/test_toy.py
const settings = { eta: 0.3, c: 0.2, noise: 0.35, optimizer: "sgd", seed: 7 };

/** Return a generator that makes `normal` in toy_physics.js return these numbers (u2 = 0, so cos is 1; or 1/2: -1). */
function uniformOf(normals) {
  const uniform = normals.flat().flatMap((x) => [1 - Math.exp(-(x ** 2) / 2), x < 0 ? 0.5 : 0]);
  return () => uniform.shift();
}

for (const { share, distance, ends, ...given } of fixture.cases) {
  test(`steps follow the reference: ${JSON.stringify(given)}`, () => {
    const state = physics.begin({ ...given, seed: 0 });
    state.uniform = uniformOf(fixture.normal);
    for (const _ of fixture.normal) physics.advance(state);
    near(physics.opposingShare(state), share, 1e-12);
    near(state.distance, distance, 1e-7);
    for (const [method, end] of Object.entries(ends)) near(state.paths[method].after, end, 1e-7);
    assert.deepEqual([state.opposed.rwd, state.opposed.pwd], [0, 0]);
  });
}

test("the fixture and the page have the same problem", () => {
  assert.deepEqual(
    [physics.MINIMUM, physics.START, physics.CURVATURE],
    [fixture.minimum, fixture.start, fixture.curvature],
  );
});

test("RWD is WD with learning rate eta (1 - c), and with one update PWD ends where WD ends", () => {
  const c = 0.2;
  const shrunk = { ...settings, noise: 0, eta: 0.3 * (1 - c) };
  const rwd = physics.run({ ...settings, noise: 0 }, 50).paths.rwd.after;
  near(physics.run(shrunk, 50).paths.wd.after, rwd, 1e-12);
  const [wd, , pwd] = physics.threeWays(0.3, -0.5, c);
  near(pwd.after, wd.after, 1e-15);
});

test("an update across 0 makes WD's decay oppose, and never RWD's or PWD's", () => {
  assert.deepEqual(
    physics.threeWays(0.3, -0.5, 0.5).map(({ opposes }) => opposes),
    [true, false, false],
  );
  assert.deepEqual(
    physics.threeWays(0.3, -0.1, 0.5).map(({ opposes }) => opposes),
    [false, false, false],
  );
});

test("the same seed gives the same path; noise is uniform in [0, 1)", () => {
  assert.deepEqual(physics.run(settings, 30).paths.wd.after, physics.run(settings, 30).paths.wd.after);
  const next = physics.mulberry32(7);
  const numbers = Array.from({ length: 10_000 }, next);
  assert.ok(numbers.every((x) => x >= 0 && x < 1));
  near(numbers.reduce((sum, x) => sum + x, 0) / numbers.length, 0.5, 0.01);
  assert.equal(physics.mulberry32(1)(), 0.6270739405881613); // Tommy Ettinger's mulberry32
});

test("a trail keeps the newest steps only", () => {
  const { trail, after } = physics.run(settings, 100).paths.wd;
  assert.equal(trail.length, physics.TRAIL);
  assert.deepEqual(trail.at(-1)?.at, after);
});

test("settings come from the address within their ranges", () => {
  const read = (values) => linkedSettings((name) => values[name] ?? "");
  assert.deepEqual(read({}), settings);
  assert.deepEqual(read({ toy_c: "0.0005", toy_noise: "0", toy_optimizer: "adam" }), {
    ...settings,
    c: 0.0005,
    noise: 0,
    optimizer: "adam",
  });
  assert.deepEqual(read({ toy_eta: "9", toy_c: "-1", toy_noise: "x", toy_optimizer: "x" }), {
    ...settings,
    eta: 0.5,
    c: 0.0001,
  });
});

test("a slider's stop and its value are inverse, to two digits", () => {
  for (const name of ["eta", "c"]) {
    for (const stop of [0, 10, 50, 100]) near(sliderStop(name, sliderValue(name, stop)), stop, 0.6);
  }
  assert.equal(sliderValue("c", 200), 0.9);
});

test("the number line reaches the next round number", () => {
  assert.equal(axisReach(physics.threeWays(0.3, -0.5, 0.5)), 0.4);
  assert.equal(axisReach(physics.threeWays(7, 2, 0)), 10);
});

test("sentences follow the numbers", () => {
  const line = lineText(physics.threeWays(0.3, -0.5, 0.5), 0.5, 2, "Lead.");
  assert.match(line, /^Lead. WD ends at −0.35, further from 0 .* RWD ends at −0.10\./);
  const state = physics.run({ ...settings, c: 0.0005 }, 200);
  assert.match(bowlText(state, 0.1, 0.001, 0.05), /10\.0 % .* the paths of WD and RWD coincide: .* a tenth of a pixel/);
  assert.match(
    bowlText(state, 0, 0.3, 40),
    /^No penalty .*within the paper’s range\)\. The paths of WD and RWD separate/,
  );
  assert.match(bowlText(physics.begin(settings), null, 0, 0), /Press Play/);
});
