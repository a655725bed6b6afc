// The canvases of act one: as sharp as the screen, in the page's colours, light or dark.
lpwd.toyCanvas = (() => {
  "use strict";
  const NAMES = ["ink", "muted", "line", "grid", "page", "against"]; // --lp-ink, ...
  const colors = {}; // shared by all canvases, read again when the page turns light or dark
  let font = "sans-serif", themed = false;

  function readTheme() {
    for (const name of NAMES) colors[name] = lpwd.plotly.color(`--lp-${name}`);
    font = getComputedStyle(document.body).fontFamily;
  }
  // Calls redraw() whenever the canvas has another size or the page other colours; `heightOf(width)` in CSS pixels.
  function mount(node, heightOf, redraw) {
    const pen = node.getContext("2d"), canvas = { node, pen, width: 0, height: 0 };
    function fit() {
      const width = node.parentElement.clientWidth, height = Math.round(heightOf(width)), ratio = devicePixelRatio || 1;
      if (!width) return; // its tab is not open
      Object.assign(canvas, { width, height });
      node.style.height = `${height}px`;
      node.width = Math.round(width * ratio);
      node.height = Math.round(height * ratio);
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      redraw();
    }
    if (!themed) readTheme();
    if (!themed) lpwd.plotly.whenThemed(readTheme);
    themed = true;
    lpwd.plotly.whenThemed(redraw);
    new ResizeObserver(fit).observe(node.parentElement);
    return Object.assign(canvas, { fit });
  }
  function clear({ pen, width, height }) {
    pen.clearRect(0, 0, width, height);
  }
  function line({ pen }, x1, y1, x2, y2, color, width = 1) {
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.lineTo(x2, y2);
    pen.stroke();
  }
  // An arrow whose head shrinks with it; what is shorter than half a pixel is not drawn.
  function arrow(canvas, x1, y1, x2, y2, color, width) {
    const { pen } = canvas, length = Math.hypot(x2 - x1, y2 - y1), head = Math.min(4 + 2 * width, length);
    if (length < 0.5) return;
    const ux = (x2 - x1) / length, uy = (y2 - y1) / length, half = 0.55 * head;
    const bx = x2 - head * ux, by = y2 - head * uy;
    line(canvas, x1, y1, bx, by, color, width);
    pen.fillStyle = color;
    pen.beginPath();
    pen.moveTo(x2, y2);
    pen.lineTo(bx - half * uy, by + half * ux);
    pen.lineTo(bx + half * uy, by - half * ux);
    pen.fill();
  }
  function dot({ pen }, x, y, radius, color, hollow = false) {
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.fillStyle = hollow ? colors.page : color;
    pen.fill();
    if (!hollow) return;
    pen.strokeStyle = color;
    pen.lineWidth = 1.5;
    pen.stroke();
  }
  function text({ pen }, words, x, y, { color = colors.muted, align = "left", bold = false } = {}) {
    pen.font = `${bold ? "600 " : ""}12px ${font}`;
    pen.textAlign = align;
    pen.fillStyle = color;
    pen.fillText(words, x, y);
    return pen.measureText(words).width;
  }
  return { mount, colors, clear, line, arrow, dot, text };
})();
