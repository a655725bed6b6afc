// The arithmetic of act three, without a page: lambda_i, what decay alone leaves, and the colours of rates.
lpwd.networkRates = (() => {
  "use strict";
  const CIVIDIS = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];

  const sum = (values) => values.reduce((total, value) => total + value, 0);
  // The mean of a value a layer over all parameters; over layers where their numbers are not known.
  function mean(values, counts) {
    if (!counts.length) return sum(values) / values.length;
    return sum(values.map((value, i) => value * counts[i])) / sum(counts);
  }
  // lambda_i from the rule's multipliers; at the same total decay their mean over parameters is lambda itself.
  function rates(multipliers, lambda, counts, sameTotal) {
    const factor = sameTotal ? 1 / mean(multipliers, counts) : 1;
    return multipliers.map((m) => m * lambda * factor);
  }
  // eta of each of a run's steps: constant, or a half cosine from eta to 0.
  const course = (eta, steps, schedule) =>
    Array.from({ length: steps }, (_, t) => (schedule === "cosine" ? (eta / 2) * (1 + Math.cos((Math.PI * t) / steps)) : eta));
  // The share of a starting weight that decay alone leaves after steps with these eta: the product itself, not its e^(-sum).
  const left = (rate, etas) => etas.reduce((share, eta) => share * (1 - eta * rate), 1);
  // Cividis, 0 to 1.
  function color(share) {
    const at = Math.min(1, Math.max(0, share)) * (CIVIDIS.length - 1), low = Math.floor(at);
    const [a, b] = [CIVIDIS[low], CIVIDIS[Math.min(low + 1, CIVIDIS.length - 1)]];
    return `color-mix(in srgb, ${b} ${(100 * (at - low)).toFixed(1)}%, ${a})`;
  }
  // A recorded series between its epochs.
  function between(values, at) {
    const low = Math.min(Math.floor(at), values.length - 1), high = Math.min(low + 1, values.length - 1);
    return values[low] + (at - low) * (values[high] - values[low]);
  }
  return { CIVIDIS, mean, rates, course, left, color, between };
})();
