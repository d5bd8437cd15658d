"use strict";
// Charts of a dataset: distributions, and maps whose colour the reader chooses.
const page = JSON.parse(document.getElementById("data").textContent);
const chosen = document.getElementById("colour");
const isDark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
// Plotly reads a few tags in labels, so names from data are shown as text.
const escapeText = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const targetTitle = escapeText(page.target) + (page.unit ? ` (${escapeText(page.unit)})` : "");

function draw(place, traces, layout) {
  const axis = { gridcolor: style("--line"), zerolinecolor: style("--line"), linecolor: style("--quiet"), automargin: true };
  drawPlot(place, traces, {
    margin: { l: 50, r: 12, t: 12, b: 44 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
    font: { family: getComputedStyle(document.body).fontFamily, color: style("--ink"), size: 12 }, bargap: 0.04, ...layout,
    modebar: { bgcolor: "rgba(0,0,0,0)", color: style("--line"), activecolor: style("--quiet") },
    xaxis: { ...axis, ...layout.xaxis }, yaxis: { ...axis, ...layout.yaxis },
  }, page.dataset);
}

// Whole numbers and names have a bar each.
function drawCounts(place, values, title) {
  const whole = values.every((value) => typeof value !== "number" || Number.isInteger(value));
  const looks = { marker: { color: style("--accent") }, hovertemplate: `%{x}: %{y} ${t("rows")}<extra></extra>` };
  if (!whole) {
    draw(place, [{ x: values, type: "histogram", ...looks }], { xaxis: { title: { text: title } }, yaxis: { title: { text: t("rows") } } });
    return;
  }
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
  const x = [...counts.keys()].sort((a, b) => (typeof a === "number" ? a - b : 0));
  const few = x.length <= 20;
  draw(place, [{ x, y: x.map((value) => counts.get(value)), type: "bar", ...looks }],
    { xaxis: { title: { text: title }, type: typeof x[0] === "number" ? "linear" : "category", ...(few && typeof x[0] === "number" ? { tickvals: x } : {}) }, yaxis: { title: { text: t("rows") } } });
}

const PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8a7f00", "#777777"];
const text = (row, label) => `${escapeText(page.map.ids[row])} ${escapeText(page.map.formulas[row] || "")}<br>${label}`;

function drawMap(place, [x, y], names) {
  const axes = { xaxis: { title: { text: names[0] } }, yaxis: { title: { text: names[1] } } };
  if (chosen.value === "target" && page.task === "regression") {
    // A few wild targets would press the colours of all others together.
    const sorted = [...page.map.target].sort((a, b) => a - b);
    const [cmin, cmax] = [0.02, 0.98].map((share) => sorted[Math.floor(share * (sorted.length - 1))]);
    draw(place, [{
      x, y, mode: "markers", text: page.map.target.map((value, row) => text(row, value)), hovertemplate: "%{text}<extra></extra>",
      marker: { size: 5, color: page.map.target, colorscale: "Viridis", cmin, cmax, showscale: true, colorbar: { title: { text: targetTitle, side: "right" }, thickness: 10, outlinewidth: 0 } },
    }], axes);
    return;
  }
  const codes = page.map[chosen.value];
  const label = (code) => (chosen.value === "target" ? escapeText(page.classes[code] ?? code) : code < 0 ? t("no cluster") : t("cluster {number}", { number: code + 1 }));
  const groups = [...new Set(codes)].sort((a, b) => a - b);
  draw(place, groups.map((code) => {
    const rows = codes.map((each, row) => [each, row]).filter(([each]) => each === code).map(([, row]) => row);
    return {
      x: rows.map((row) => x[row]), y: rows.map((row) => y[row]), mode: "markers", name: label(code), text: rows.map((row) => text(row, label(code))), hovertemplate: "%{text}<extra></extra>",
      marker: { size: 5, color: code < 0 ? style("--line") : PALETTE[code % PALETTE.length], symbol: code < 0 ? "x-thin-open" : "circle", opacity: 0.85 },
    };
  }), { ...axes, showlegend: groups.length <= 10, legend: { orientation: "h", y: 1.02, yanchor: "bottom", font: { size: 11 } }, margin: { l: 50, r: 12, t: 44, b: 44 } });
}

function drawAll() {
  const isClasses = page.task === "classification";
  drawCounts("target", isClasses ? page.values.map((code) => escapeText(page.classes[code] ?? code)) : page.values, targetTitle);
  if (page.sizes.elements) drawCounts("size-elements", page.sizes.elements, t("elements"));
  if (page.sizes.sites) drawCounts("size-sites", page.sizes.sites, t("sites"));
  drawMap("pca", page.map.pca, ["PC1", "PC2"]);
  drawMap("tsne", page.map.tsne, ["t-SNE 1", "t-SNE 2"]);
  if (page.map.umap) drawMap("umap", page.map.umap, ["UMAP 1", "UMAP 2"]);
}

const kept = new URLSearchParams(location.hash.slice(1)).get("colour");
if ([...chosen.options].some((option) => option.value === kept)) chosen.value = kept;
chosen.addEventListener("change", () => {
  history.replaceState(null, "", chosen.value === "target" ? location.pathname + location.search : `#colour=${chosen.value}`);
  drawAll();
});
document.getElementById("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  drawAll();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
drawAll();
