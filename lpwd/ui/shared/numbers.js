// How numbers are written on the page.
lpwd.numbers = (() => {
  "use strict";
  const NONE = "–";
  const fixed = (value, digits) => value?.toFixed(digits) ?? NONE;
  const short = (value, digits = 6) => String(Number(value.toPrecision(digits)));
  const percent = (share) => (share === null ? NONE : `${short(100 * share, 3)} %`);
  const whole = (value) => value.toLocaleString("en");
  const count = (n, noun) => `${whole(n)} ${noun}${n === 1 ? "" : "s"}`;
  const padded = (value) => String(value).padStart(2, "0");

  function duration(seconds) {
    const s = Math.max(1, Math.round(seconds));
    if (s < 90) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min ${padded(s % 60)} s`;
    return `${Math.floor(s / 3600)} h ${padded(Math.floor((s % 3600) / 60))} min`;
  }
  return { NONE, fixed, short, percent, whole, count, duration };
})();
