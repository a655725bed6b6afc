// The steps of WD, RWD and PWD on a quadratic loss of two weights. Needs no page.

export const MINIMUM = [1.15, 0.05]; // one weight ends near 0, as most weights of a network do
export const CURVATURE = [
  [0.55, 0.35],
  [0.35, 1.5],
];
export const START = [-0.12, 0.72];
export const TRAIL = 60; // steps that are kept for drawing
const BETA1 = 0.9; // Adam's defaults
const BETA2 = 0.999;
const EPSILON = 1e-8;

/** Return a generator of uniform numbers in [0, 1) (mulberry32): the same numbers in every browser.
 * @param {number} seed */
export function mulberry32(seed) {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Return a normal number made of two uniform ones (Box and Muller). @param {() => number} uniform */
export const normal = (uniform) => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

/** @param {Vector} theta */
export const gradient = (theta) =>
  CURVATURE.map((row) => row.reduce((sum, curvature, j) => sum + curvature * (theta[j] - MINIMUM[j]), 0));

/** Return U at step t: the gradient (SGD), or Adam's direction, whose moments stay with the path.
 * @param {{m: Vector, v: Vector}} path @param {Vector} g @param {Optimizer} optimizer @param {number} t */
export function direction(path, g, optimizer, t) {
  if (optimizer === "sgd") return g;
  return g.map((x, i) => {
    path.m[i] = BETA1 * path.m[i] + (1 - BETA1) * x;
    path.v[i] = BETA2 * path.v[i] + (1 - BETA2) * x * x;
    return path.m[i] / (1 - BETA1 ** t) / (Math.sqrt(path.v[i] / (1 - BETA2 ** t)) + EPSILON);
  });
}

/** One step of each method from theta: `between` its two moves and `after` them. `update(at)` is -eta U there.
 * @type {Record<string, (theta: Vector, c: number, update: (at: Vector) => Vector) => {between: Vector, after: Vector}>} */
export const STEPS = {
  wd(theta, c, update) {
    const between = add(theta, update(theta));
    return { between, after: between.map((x, i) => x - c * theta[i]) };
  },
  rwd(theta, c, update) {
    const between = add(theta, update(theta));
    return { between, after: between.map((x) => x - c * x) };
  },
  pwd(theta, c, update) {
    const between = theta.map((x) => x - c * x);
    return { between, after: add(between, update(between)) };
  },
};

/** @param {Vector} a @param {Vector} b */
const add = (a, b) => a.map((x, i) => x + b[i]);

/** Return, for each weight, whether decay moved it away from 0 (eq. 10). @param {string} method @param {ToyStep} step */
function opposing(method, { before, between, after }) {
  const [from, to] = method === "pwd" ? [before, between] : [between, after];
  return to.map((x, i) => x ** 2 > from[i] ** 2);
}

/** Return the state before the first step. c is the fraction of a weight that decay takes per step, noise the standard
 * deviation added to the gradient. @param {ToySettings} settings @returns {ToyState} */
export function begin(settings) {
  const still = { before: START, between: START, after: START, opposes: [false, false] };
  const fresh = () => ({ ...still, m: [0, 0], v: [0, 0], trail: [{ at: START, opposed: false }] });
  const methods = Object.keys(STEPS);
  const paths = Object.fromEntries(methods.map((method) => [method, fresh()]));
  const opposed = Object.fromEntries(methods.map((method) => [method, 0]));
  return { settings, t: 0, uniform: mulberry32(settings.seed), paths, opposed, penalties: 0, distance: 0 };
}

/** Step all three methods with the same noise. @param {ToyState} state */
export function advance(state) {
  const { noise } = state.settings;
  const added = START.map(() => noise * normal(state.uniform));
  state.t += 1;
  state.penalties += START.length;
  for (const [method, path] of Object.entries(state.paths)) stepPath(state, method, path, added);
  const { wd, rwd } = state.paths;
  state.distance = Math.max(state.distance, distance(wd.after, rwd.after) / distance(START, MINIMUM));
}

/** @param {ToyState} state @param {string} method @param {ToyPath} path @param {Vector} noise */
function stepPath(state, method, path, noise) {
  const { eta, c, optimizer } = state.settings;
  const update = (/** @type {Vector} */ at) =>
    direction(path, add(gradient(at), noise), optimizer, state.t).map((u) => -eta * u);
  path.before = path.after;
  Object.assign(path, STEPS[method](path.before, c, update));
  path.opposes = opposing(method, path);
  state.opposed[method] += path.opposes.filter(Boolean).length;
  path.trail.push({ at: path.after, opposed: path.opposes.includes(true) });
  if (path.trail.length > TRAIL) path.trail.shift();
}

/** @param {Vector} a @param {Vector} b */
export const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** Return the state after this many steps. @param {ToySettings} settings @param {number} steps */
export function run(settings, steps) {
  const state = begin(settings);
  while (state.t < steps) advance(state);
  return state;
}

/** Return the fraction of WD's penalties that oppose, or null before the first step. @param {ToyState} state */
export const opposingShare = (state) => (state.penalties ? state.opposed.wd / state.penalties : null);

/** Decay one weight with one given update in the three ways.
 * @param {number} theta @param {number} update @param {number} c @returns {Decayed[]} */
export function threeWays(theta, update, c) {
  return Object.entries(STEPS).map(([method, step]) => {
    const { between, after } = step([theta], c, () => [update]);
    const [opposes] = opposing(method, { before: [theta], between, after });
    return { method, before: theta, between: between[0], after: after[0], opposes };
  });
}
