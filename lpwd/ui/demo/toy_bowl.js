// The bowl of act one: contours of the loss, the three weights on their way, their trails and WD's two arrows.
lpwd.toyBowl = (node, styles) => {
  "use strict";
  const { mount, colors, clear, line, arrow, dot, text } = lpwd.toyCanvas;
  const { MINIMUM, CURVATURE, START, TRAIL, apart } = lpwd.toyPhysics;
  const LOW = [-0.5, -0.5], HIGH = [1.7, 0.95]; // what must be seen, of weight 1 and weight 2
  const LEVELS = 10, RADII = { wd: 7, rwd: 5, pwd: 3 }; // one within the other where they lie on each other
  const MOVES = [0.45, 0.9]; // when the first and the second move of a step have ended
  let shown = null, contours = null, scale = 1, left = 0, top = 0;
  const canvas = mount(node, (width) => Math.min(320, Math.max(240, 0.5 * width)), place);

  const x = (w) => left + w * scale, y = (w) => top - w * scale;
  function place() {
    const spans = [HIGH[0] - LOW[0], HIGH[1] - LOW[1]];
    scale = Math.min(canvas.width / spans[0], canvas.height / spans[1]);
    left = canvas.width / 2 - (scale * (LOW[0] + HIGH[0])) / 2;
    top = canvas.height / 2 + (scale * (LOW[1] + HIGH[1])) / 2;
    contours = new Path2D();
    for (let level = 1; level <= LEVELS; level++) contour(0.03 * level ** 2);
    if (shown) draw(...shown);
  }
  // Where the loss is `level` above its minimum.
  function contour(level) {
    const [[a, b], [, d]] = CURVATURE;
    for (let angle = 0; angle < 6.3; angle += 0.05) {
      const [u, v] = [Math.cos(angle), Math.sin(angle)], r = Math.sqrt((2 * level) / (a * u * u + 2 * b * u * v + d * v * v));
      const at = [x(MINIMUM[0] + r * u), y(MINIMUM[1] + r * v)];
      angle ? contours.lineTo(...at) : contours.moveTo(...at);
    }
    contours.closePath();
  }
  const between = (a, b, share) => [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])];
  // Where a weight is within its step, `share` from 0 to 1 of the step's time.
  function along(path, share) {
    if (share < MOVES[0]) return between(path.before, path.between, share / MOVES[0]);
    return between(path.between, path.after, Math.min(1, (share - MOVES[0]) / (MOVES[1] - MOVES[0])));
  }
  function draw(state, share) {
    shown = [state, share];
    if (!canvas.width) return canvas.fit();
    const { pen, width, height } = canvas;
    clear(canvas);
    pen.strokeStyle = colors.grid;
    pen.lineWidth = 1;
    pen.stroke(contours);
    line(canvas, x(0), 0, x(0), height, colors.line);
    line(canvas, 0, y(0), width, y(0), colors.line);
    text(canvas, "weight 1", 8, y(0) + 16);
    text(canvas, "weight 2", x(0) + 8, 16);
    text(canvas, "0", x(0) - 6, y(0) + 16, { align: "right" });
    dot(canvas, x(MINIMUM[0]), y(MINIMUM[1]), 3, colors.muted);
    text(canvas, "minimum of the loss", x(MINIMUM[0]), y(0) + 16, { align: "center" });
    for (const [method, path] of Object.entries(state.paths)) trail(path, styles[method].color);
    arrows(state.paths.wd, share);
    for (const [method, path] of Object.entries(state.paths)) {
      const at = along(path, share);
      dot(canvas, x(at[0]), y(at[1]), RADII[method], styles[method].color);
    }
  }
  // Fades with age; red where a penalty opposed.
  function trail({ trail: points }, color) {
    const { pen } = canvas;
    for (let i = 1; i < points.length - 1; i++) {
      const [a, b] = [points[i - 1].at, points[i].at];
      pen.globalAlpha = 0.9 * (1 - (points.length - i) / TRAIL) ** 2;
      line(canvas, x(a[0]), y(a[1]), x(b[0]), y(b[1]), color, 1);
      if (points[i].opposed) dot(canvas, x(b[0]), y(b[1]), 3, colors.against);
    }
    pen.globalAlpha = 1;
  }
  function arrows(path, share) {
    const first = Math.min(1, share / MOVES[0]), opposed = path.opposes.includes(true);
    const ends = [between(path.before, path.between, first), along(path, share)];
    arrow(canvas, x(path.before[0]), y(path.before[1]), x(ends[0][0]), y(ends[0][1]), colors.muted, 2);
    if (first < 1) return;
    const [a, b] = [path.between, ends[1]];
    arrow(canvas, x(a[0]), y(a[1]), x(b[0]), y(b[1]), opposed ? colors.against : styles.wd.color, opposed ? 5 : 3);
  }
  // A distance of the figures (in units of the way from the start to the minimum) in pixels of this picture.
  const pixels = (distance) => distance * apart(START, MINIMUM) * scale;
  return { draw, pixels };
};
