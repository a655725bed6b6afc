// A figure that the server composed: data and axes come as JSON, the page adds its theme.
lpwd.figure = (element) => {
  "use strict";
  const SIZE = { width: 1200, height: 640, scale: 2 }; // of a picture
  let shown = null;

  async function draw(figure) {
    shown = figure;
    await lpwd.plotly.whenSeen(element);
    await lpwd.plotly.load();
    if (shown !== figure || !element.isConnected) return;
    await lpwd.plotly.draw(element, structuredClone(figure.data), lpwd.plotly.layout(figure.layout));
  }
  // The picture stands on the page's background, so that a dark page gives a dark file.
  async function picture(filename, format) {
    const Plotly = await lpwd.plotly.load();
    const layout = { ...lpwd.plotly.layout(shown.layout), paper_bgcolor: lpwd.plotly.color("--lp-page") };
    lpwd.files.download(filename, await Plotly.toImage({ data: structuredClone(shown.data), layout }, { format, ...SIZE }));
  }
  lpwd.plotly.whenThemed(() => shown && draw(shown));
  return { draw, picture };
};
