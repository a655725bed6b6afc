// The arithmetic of act one, without a page: WD, RWD and PWD step side by side on a quadratic loss of two weights.
lpwd.toyPhysics = (() => {
  "use strict";
  const MINIMUM = [1.15, 0.05]; // of the loss: one weight is wanted near 0, as most weights of a network are
  const CURVATURE = [[0.55, 0.35], [0.35, 1.5]], START = [-0.12, 0.72];
  const BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8; // Adam's usual ones
  const TRAIL = 60; // steps that are kept to be drawn
  const AXES = [0, 1];

  // Uniform numbers in [0, 1) from a seed (mulberry32), the same in every browser.
  function mulberry32(seed) {
    let a = seed | 0;
    return () => {
      a = (a + 0x6d2b79f5) | 0;
      let t = Math.imul(a ^ (a >>> 15), a | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  }
  // Box and Muller's normal number of two uniform ones.
  const normal = (uniform) => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

  const gradient = (theta) => AXES.map((i) => AXES.reduce((sum, j) => sum + CURVATURE[i][j] * (theta[j] - MINIMUM[j]), 0));
  // U: the gradient itself (SGD), or Adam's direction, whose moments stay with the path.
  function direction(path, g, optimizer, t) {
    if (optimizer === "sgd") return g;
    return g.map((x, i) => {
      path.m[i] = BETA1 * path.m[i] + (1 - BETA1) * x;
      path.v[i] = BETA2 * path.v[i] + (1 - BETA2) * x * x;
      return path.m[i] / (1 - BETA1 ** t) / (Math.sqrt(path.v[i] / (1 - BETA2 ** t)) + EPSILON);
    });
  }
  // One step of a method from theta: `between` its two moves and `after` them. `update(at)` is what the optimizer adds there.
  const STEPS = {
    wd(theta, c, update) {
      const moved = update(theta), between = theta.map((x, i) => x + moved[i]);
      return { between, after: between.map((x, i) => x - c * theta[i]) };
    },
    rwd(theta, c, update) {
      const moved = update(theta), between = theta.map((x, i) => x + moved[i]);
      return { between, after: between.map((x) => x - c * x) };
    },
    pwd(theta, c, update) {
      const between = theta.map((x) => x - c * x), moved = update(between);
      return { between, after: between.map((x, i) => x + moved[i]) };
    },
  };
  // Eq. 10 for each weight: whether decay left it further from 0 than it found it.
  function opposing(method, { before, between, after }) {
    const [found, left] = method === "pwd" ? [before, between] : [between, after];
    return left.map((x, i) => x ** 2 > found[i] ** 2);
  }

  // Settings: eta, c (the share that decay takes a step), noise (deviation of the gradient), optimizer "sgd" or "adam", seed.
  function begin(settings) {
    const still = { before: START, between: START, after: START, opposes: [false, false] };
    const fresh = () => ({ ...still, m: [0, 0], v: [0, 0], trail: [{ at: START, opposed: false }] });
    const paths = Object.fromEntries(Object.keys(STEPS).map((method) => [method, fresh()]));
    const opposed = Object.fromEntries(Object.keys(STEPS).map((method) => [method, 0]));
    return { settings, t: 0, uniform: mulberry32(settings.seed), paths, opposed, penalties: 0, distance: 0 };
  }
  // One step of all three with the same noise.
  function advance(state) {
    const { eta, c, noise, optimizer } = state.settings, added = AXES.map(() => noise * normal(state.uniform));
    state.t += 1;
    state.penalties += AXES.length;
    for (const [method, path] of Object.entries(state.paths)) {
      const noisy = (at) => gradient(at).map((x, i) => x + added[i]);
      const update = (at) => direction(path, noisy(at), optimizer, state.t).map((u) => -eta * u);
      path.before = path.after;
      Object.assign(path, STEPS[method](path.before, c, update));
      path.opposes = opposing(method, path);
      state.opposed[method] += path.opposes.filter(Boolean).length;
      path.trail.push({ at: path.after, opposed: path.opposes.includes(true) });
      if (path.trail.length > TRAIL) path.trail.shift();
    }
    const { wd, rwd } = state.paths;
    state.distance = Math.max(state.distance, apart(wd.after, rwd.after) / apart(START, MINIMUM));
  }
  const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
  // The same path again from its start, perhaps with other settings.
  function run(settings, steps) {
    const state = begin(settings);
    while (state.t < steps) advance(state);
    return state;
  }
  // The share of WD's penalties that oppose, 0 to 1; none before the first step.
  const share = (state) => (state.penalties ? state.opposed.wd / state.penalties : null);

  // One weight with one given update, decayed in the three ways.
  function threeWays(theta, update, c) {
    const one = (method) => {
      const { between: [between], after: [after] } = STEPS[method]([theta], c, () => [update]);
      const [opposes] = opposing(method, { before: [theta], between: [between], after: [after] });
      return { method, before: theta, between, after, opposes };
    };
    return Object.keys(STEPS).map(one);
  }
  return { MINIMUM, CURVATURE, START, TRAIL, begin, advance, run, share, apart, threeWays, gradient };
})();
