// WD, RWD and PWD on a small least-squares problem in float64: how far apart their trajectories are. Needs no page.

import { direction, mulberry32, normal, STEPS } from "../demo/toy_physics.js";

const STEP_COUNT = 200;
const [ROWS, SIZE, LAYERS] = [64, 20, 4]; // equations, unknowns, and layers of five unknowns each
const RUNAWAY = 1e6; // weights start at about 1
const MOMENTUM = 0.9;

const uniform = mulberry32(0);
/** @param {number} length */
const draws = (length) => Array.from({ length }, () => normal(uniform));
const A = Array.from({ length: ROWS }, () => draws(SIZE));
const B = draws(ROWS);
const START = draws(SIZE);

/** @param {Vector} theta */
function gradient(theta) {
  const residual = A.map((row, i) => row.reduce((sum, a, j) => sum + a * theta[j], -B[i]));
  return theta.map((_, j) => residual.reduce((sum, r, i) => sum + A[i][j] * r, 0) / ROWS);
}

/** One step of LPWD: PWD with the decay c · 2i/n for layer i of n. @type {typeof STEPS.pwd} */
function lpwd(theta, c, update) {
  const layer = (/** @type {number} */ j) => 1 + Math.floor((j * LAYERS) / SIZE);
  const between = theta.map((x, j) => x - c * ((2 * layer(j)) / LAYERS) * x);
  const moved = update(between);
  return { between, after: between.map((x, j) => x + moved[j]) };
}

/** Return the weights after every step, one after the other.
 * @param {typeof STEPS.pwd} step @param {Vector} start @param {number} eta @param {number} c @param {Optimizer} optimizer */
function trajectory(step, start, eta, c, optimizer) {
  const state = { m: START.map(() => 0), v: START.map(() => 0) };
  const sgd = (/** @type {Vector} */ g) => {
    state.m = g.map((x, i) => MOMENTUM * state.m[i] + x);
    return state.m;
  };
  let theta = start;
  return Array.from({ length: STEP_COUNT }, (_, t) => {
    const u = (/** @type {Vector} */ g) => (optimizer === "sgd" ? sgd(g) : direction(state, g, optimizer, t + 1));
    theta = step(theta, c, (at) => u(gradient(at)).map((x) => -eta * x)).after;
    return theta;
  }).flat();
}

/** Return max |a - b| / max |b|, or NaN if a trajectory diverges. @param {Vector} a @param {Vector} b */
function distance(a, b) {
  const most = (/** @type {Vector} */ values) => Math.max(...values.map(Math.abs));
  return most(a) < RUNAWAY && most(b) < RUNAWAY ? most(a.map((x, i) => x - b[i])) / most(b) : Number.NaN;
}

/** Return what is wrong with these settings, or "". @param {number} eta @param {number} lambda */
function refusal(eta, lambda) {
  if (!(eta > 0 && eta <= 10)) return `η is ${eta}: it must be greater than 0 and at most 10`;
  if (!(lambda >= 0)) return `λ is ${lambda}: it must be at least 0`;
  return eta * lambda < 0.5 ? "" : `c = ηλ is ${eta * lambda}: it must be less than 0.5, half of every weight per step`;
}

/** Return the identities, which hold to rounding, then the differences at equal eta and lambda; or a problem.
 * @param {number} eta @param {number} lambda @param {any} optimizer "adam" or "sgd" */
export function compare(eta, lambda, optimizer) {
  const problem = refusal(eta, lambda);
  if (problem) return { problem, checks: [] };
  const c = eta * lambda;
  const shrunk = (/** @type {Vector} */ values) => values.map((x) => (1 - c) * x);
  const run = (/** @type {typeof STEPS.pwd} */ step, start = START, rate = eta) =>
    trajectory(step, start, rate, c, optimizer);
  const [wd, rwd, pwd] = [STEPS.wd, STEPS.rwd, STEPS.pwd].map((step) => run(step));
  const pairs = [
    { claim: "D · PWD from θ₀ = RWD from D · θ₀", exact: true, a: shrunk(pwd), b: run(STEPS.rwd, shrunk(START)) },
    {
      claim: "RWD = WD with η′ = η(1 − c), λ′ = λ/(1 − c)",
      exact: true,
      a: rwd,
      b: run(STEPS.wd, START, eta * (1 - c)),
    },
    { claim: "RWD against WD, equal η and λ", exact: false, a: rwd, b: wd },
    { claim: "PWD against WD, equal η and λ", exact: false, a: pwd, b: wd },
    { claim: "LPWD (2i/n) against PWD, equal η and λ", exact: false, a: run(lpwd), b: pwd },
  ];
  const checks = pairs.map(({ claim, exact, a, b }) => ({ claim, exact, difference: distance(a, b) }));
  const diverges = checks.some(({ difference }) => Number.isNaN(difference));
  return { problem: diverges ? `the trajectories diverge at η = ${eta}: choose a smaller η` : "", checks };
}
