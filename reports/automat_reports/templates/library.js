"use strict";
// Plotly lies in the page compressed: the page stays small enough to send, and nothing is fetched.
const library = (async () => {
  const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (letter) => letter.charCodeAt(0));
  const text = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  document.head.append(Object.assign(document.createElement("script"), { textContent: text }));
})();
library.catch(() => document.querySelector("main").prepend(Object.assign(document.createElement("p"), {
  className: "reason", textContent: t("Charts need a browser of 2023 or later; the tables are all here."),
})));

// An image of a chart for papers and slides, on the page's ground.
function imageButton(format, dataset) {
  const { clientWidth: width, clientHeight: height } = document.documentElement;
  const ground = () => getComputedStyle(document.documentElement).getPropertyValue("--ground").trim();
  const save = (chart) => Plotly.downloadImage(
    { data: chart.data, layout: { ...chart.layout, paper_bgcolor: ground() } },
    { format, filename: `${dataset.replace(/[^\w.-]+/g, "-")}-${chart.id || "chart"}`, width: chart.clientWidth || width, height: chart.clientHeight || height, scale: format === "png" ? 2 : 1 });
  return { name: format, title: format === "png" ? t("save as PNG") : t("save as SVG"), icon: format === "png" ? Plotly.Icons.camera : Plotly.Icons.disk, click: save };
}

// What all charts have: it draws itself as wide as its place, and is kept as PNG or SVG.
const drawPlot = (place, traces, layout, dataset) => library.then(() => Plotly.react(place, traces, layout, {
  responsive: true, displaylogo: false, modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d"],
  modeBarButtonsToAdd: [imageButton("png", dataset), imageButton("svg", dataset)],
}));

// Charts are painted in the colours of the page: on paper in those of a light one.
const redraw = () => (typeof drawAll === "function" ? drawAll() : repaint());
let themeOnScreen = null;
addEventListener("beforeprint", () => {
  themeOnScreen = document.documentElement.dataset.theme ?? "";
  document.documentElement.dataset.theme = "light";
  redraw();
});
addEventListener("afterprint", () => {
  if (themeOnScreen === null) return;
  if (themeOnScreen) document.documentElement.dataset.theme = themeOnScreen;
  else delete document.documentElement.dataset.theme;
  themeOnScreen = null;
  redraw();
});
