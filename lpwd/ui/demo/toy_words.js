// What act one says, computed from what it shows.
lpwd.toyWords = (() => {
  "use strict";
  const PAPER = 0.0005; // the largest eta lambda of the paper, table 2: 0.001 x 0.5
  const FAR = 10; // pixels: more than a dot is wide
  const signed = (value, digits) => value.toFixed(digits).replace(/^-(?=0\.?0*$)/, "").replace("-", "−");
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const distance = (value) => (value === 0 ? "0" : value.toPrecision(2));

  // Under the number line; `lead` says which weight it is.
  function line(ways, c, digits, lead) {
    const [wd, rwd, pwd] = ways, at = (value) => signed(value, digits);
    const wrong = "further from 0 than the update left it: its decay pushed the wrong way";
    const far = wd.opposes ? wrong : "nearer to 0 than the update left it";
    const there = `PWD lands exactly where WD lands (${at(pwd.after)}), because the update is the same`;
    const way = `its way from the shrunk weight (${at(pwd.between)}) is 1 − c = ${Number((1 - c).toPrecision(4))} times as long`;
    return [
      `${lead} WD ends at ${at(wd.after)}, ${far}. RWD ends at ${at(rwd.after)}.`,
      `PWD’s arrow never points away from 0, and yet ${there}. RWD lands short: ${way}.`,
    ].join(" ");
  }
  // Under the bowl; `pixels` is the largest distance as drawn.
  function bowl({ t, settings: { c } }, share, gap, pixels) {
    if (!t) return "Nothing has moved yet: press Play or Step.";
    const times = Number((c / PAPER).toPrecision(2));
    const more = times > 1 ? `${times} times the paper’s largest` : "within the paper’s range";
    const where = `in ${lpwd.numbers.count(t, "step")} at c = ${c} (${more})`;
    const none = `No penalty of WD has opposed its purpose ${where}.`;
    const some = `${percent(share)} of WD’s penalties opposed their purpose ${where}; of RWD’s and PWD’s none can.`;
    const drawn = pixels < 0.1 ? "less than a tenth of a pixel" : `${Number(pixels.toPrecision(2))} pixels`;
    const lie = pixels < 1 ? "lie on each other" : pixels < FAR ? "hardly part" : "part";
    const real = share ? `The defect is real, and ${pixels < FAR ? "yet " : ""}the` : "The";
    return `${share ? some : none} ${real} paths of WD and RWD ${lie}: at most ${distance(gap)} apart, ${drawn} here.`;
  }
  return { PAPER, signed, percent, distance, line, bowl };
})();
