// What act two says in numbers: how much decay there is, where a step would zero a layer, and what comes further right.
lpwd.penaltyWords = (() => {
  "use strict";
  const { short, fixed } = lpwd.numbers, TINY = 1e-5;
  const signed = (value) => `${value < 0 ? "−" : "+"}${fixed(Math.abs(value), 2)}`;

  // A share near 1 with two digits of what is missing: 98.2 %, 99.99 %.
  function keeps(fraction) {
    const lost = 100 * fraction;
    if (!(lost > 0 && lost < 100)) return `${lost > 0 ? 0 : 100} %`;
    return `${short(Number((100 - lost).toFixed(Math.max(0, 1 - Math.floor(Math.log10(lost))))), 12)} %`;
  }
  // What decay alone leaves of a weight that no update touches: (1 - eta lambda)^steps.
  const leaves = (frame, rate) => Math.max(0, 1 - frame.lr * rate) ** frame.decayingSteps;
  const left = (share) => (share < TINY ? `less than ${100 * TINY} %` : `${short(100 * share, 2)} %`);
  function between(frame, rates) {
    const [most, least] = rates.map((rate) => left(leaves(frame, rate)));
    return most === least ? most : `${most} to ${least}`;
  }
  function shrink(frame, decay, lpwd) {
    const c = frame.lr * decay, about = frame.decayingSteps === frame.steps ? "" : "about ";
    const wd =
      `η λ = ${short(c, 3)} a step. Under WD each step keeps ${keeps(c)} of every weight; after the ${frame.steps} steps ` +
      `of a run ${about}${left(leaves(frame, decay))} of its start is left`;
    if (!lpwd?.rates) return `${wd}, if no update brings it back.`;
    const [first, last] = lpwd.rates.map((rate) => left(leaves(frame, rate)));
    const more = short(lpwd.meanRate / decay, 3);
    return `${wd}; under LPWD ${first} in the layer that decays least, ${last} in the one that decays most. ` +
      `Averaged over parameters LPWD decays by ${more} λ.`;
  }
  // A step of 1 or more leaves nothing of a layer, or turns its sign.
  function warning(frame, decay, cells) {
    const rates = Object.entries(cells).map(([label, cell]) => [label, Math.max(decay, ...(cell?.rates ?? []))]);
    const zeroed = rates.filter(([, rate]) => frame.lr * rate >= 1);
    if (!zeroed.length) return "";
    const named = zeroed.map(([label, rate]) => `${label} (η λᵢ = ${short(frame.lr * rate, 3)})`);
    return `One step would zero a whole layer here: ${named.join(", ")}. Such a run learns nothing.`;
  }
  // Where LPWD falls behind on the way to the strongest penalty: the path of the cursor.
  function hint(scan, value, at) {
    const gaps = scan.minusWd[value]?.lpwd ?? [];
    const behind = gaps.map((gap, i) => ({ gap, i })).filter(({ gap, i }) => i > at && gap && gap[2] !== null && gap[2] < 0);
    if (!behind.length) return "";
    const worst = behind.reduce((one, other) => (other.gap[0] < one.gap[0] ? other : one));
    const name = (i) => scan.decays[i], places = behind.map(({ i }) => i), first = places[0];
    const toTheEnd = places.length > 1 && places.length === scan.decays.length - first;
    const where = toTheEnd ? `from λ ${name(first)} on` : `at λ ${places.map(name).join(", ")}`;
    return `Drag on to the right: LPWD is behind WD ${where}, by ${fixed(-worst.gap[0], 1)} points at λ ${name(worst.i)}.`;
  }
  const spread = ({ n, mean, std }) =>
    n ? `${fixed(mean, 2)}${std === null ? "" : `±${fixed(std, 2)}`} (n = ${n})` : lpwd.numbers.NONE;
  function difference(gap) {
    if (!gap) return lpwd.numbers.NONE;
    const [mean, low, high] = gap;
    return low === null ? signed(mean) : `${signed(mean)} (${signed(low)} to ${signed(high)})`;
  }
  // Rows of the table at one strength: the head first.
  function rows(frame, scan, value, at) {
    const name = value === "best10_mean" ? "best-10 top-1 (%)" : "last top-1 (%)";
    const head = ["method", "mean λ over parameters", "decay alone leaves", name, "minus WD, 95 % interval"];
    return [head, ...frame.methods.map(({ method, label }) => {
      const cell = scan?.methods[method]?.[at];
      if (!cell) return [label, ...Array(4).fill(lpwd.numbers.NONE)];
      const ofStart = method === "l2sp" ? " of the way from the start" : "";
      const diverged = cell.diverged ? `, ${cell.diverged} diverged` : "";
      const remains = cell.rates ? between(frame, cell.rates) + ofStart : lpwd.numbers.NONE;
      const gap = method === "wd" ? "" : difference(scan.minusWd[value][method]?.[at]);
      return [label, short(cell.meanRate, 3), remains, spread(cell[value]) + diverged, gap];
    })];
  }
  return { shrink, warning, hint, rows, difference, spread };
})();
