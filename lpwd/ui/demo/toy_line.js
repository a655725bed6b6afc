// The number line of act one: one weight and one update, decayed in three ways, a row each, phase by phase.
lpwd.toyLine = (node, styles) => {
  "use strict";
  const { mount, colors, clear, line, arrow, dot, text } = lpwd.toyCanvas, { signed } = lpwd.toyWords;
  const ROW = 52, TOP = 36, FOOT = 20, SIDE = 24;
  const NARROW = 480; // pixels: a canvas on which two moves in words do not fit
  const REACHES = [1, 2, 4, 6, 8]; // of the axis, in tenths, ones, ...
  const FIRST = [0.14, 0.4], SECOND = [0.5, 0.76]; // when the first and the second move go, in shares of the cycle
  let shown = null;
  const canvas = mount(node, () => TOP + 2 * ROW + 28 + FOOT, () => shown && draw(shown));

  const within = (share, [from, to]) => Math.min(1, Math.max(0, (share - from) / (to - from)));
  const eased = (x) => x * x * (3 - 2 * x);
  // The smallest round number that the axis must reach to hold them all.
  function reach(ways) {
    const most = 1.1 * Math.max(...ways.flatMap((way) => [way.before, way.between, way.after].map(Math.abs)), 1e-6);
    const power = 10 ** Math.floor(Math.log10(most));
    return power * (REACHES.find((r) => r * power >= most) ?? 10);
  }
  // view: {ways, share (of the cycle, 0 to 1), digits, unit}
  function draw(view) {
    shown = view;
    if (!canvas.width) return canvas.fit();
    const { ways, share } = view, { width, height } = canvas, end = reach(ways);
    const x = (value) => width / 2 + (value / end) * (width / 2 - SIDE);
    clear(canvas);
    line(canvas, x(0), TOP - 28, x(0), height - FOOT + 4, colors.muted, 1);
    for (const at of [-end, -end / 2, 0, end / 2, end]) {
      text(canvas, String(Number(at.toPrecision(2))).replace("-", "−"), x(at), height - 4, { align: "center" });
    }
    ways.forEach((way, i) => row(way, TOP + i * ROW, x, share, view.digits));
  }
  function row(way, y, x, share, digits) {
    const first = eased(within(share, FIRST)), second = eased(within(share, SECOND));
    const { color, label } = styles[way.method], decaysFirst = way.method === "pwd";
    const between = x(way.before) + first * (x(way.between) - x(way.before));
    const after = x(way.between) + second * (x(way.after) - x(way.between));
    line(canvas, SIDE, y, canvas.width - SIDE, y, colors.grid, 1);
    const decay = way.opposes ? colors.against : color, thick = way.opposes ? 6 : 4;
    arrow(canvas, x(way.before), y, between, y, decaysFirst ? decay : colors.muted, decaysFirst ? thick : 2);
    if (second) arrow(canvas, x(way.between), y, after, y, decaysFirst ? colors.muted : decay, decaysFirst ? 2 : thick);
    dot(canvas, x(way.before), y, 4, color, true);
    if (second === 1) dot(canvas, after, y, 5, color);
    labels(way, y + 18, x, second === 1, digits);
    const said = 30 + text(canvas, label, SIDE, y - 14, { color: colors.ink, bold: true });
    const wrong = way.opposes && (decaysFirst ? first : second) > 0;
    const look = { color: wrong ? colors.against : colors.muted, bold: wrong };
    text(canvas, phrase(way, first, second, digits), SIDE + said - 20, y - 14, look);
  }
  // What the row does now.
  function phrase(way, first, second, digits) {
    const plus = (value) => (value > 0 ? `+${signed(value, digits)}` : signed(value, digits));
    const moves = [way.between - way.before, way.after - way.between].map(plus), decaysFirst = way.method === "pwd";
    const decay = `decay ${moves[decaysFirst ? 0 : 1]} ${way.opposes ? "pushes away from 0" : "pulls towards 0"}`;
    const update = `update ${moves[decaysFirst ? 1 : 0]}`;
    if (!first) return "";
    if (decaysFirst && second) return canvas.width < NARROW ? `then ${update}` : `${decay}, then ${update}`;
    if (decaysFirst) return decay;
    return second ? decay : update;
  }
  // The start, and where it ends; neither over the other.
  function labels(way, y, x, ended, digits) {
    const room = Math.abs(x(way.before) - x(way.after));
    if (!ended || room > 56) text(canvas, signed(way.before, digits), x(way.before), y, { align: "center" });
    if (ended) text(canvas, signed(way.after, digits), x(way.after), y, { align: "center", color: colors.ink, bold: true });
  }
  return { draw };
};
