"use strict";
// Charts of a dataset: distributions, the periodic table, and two maps whose colour the reader chooses.
const page = JSON.parse(document.getElementById("data").textContent);
const chosen = document.getElementById("colour");
const isDark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
// Plotly reads a few tags in labels, so names from data are shown as text.
const escapeText = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const targetTitle = escapeText(page.target) + (page.unit ? ` (${escapeText(page.unit)})` : "");

function draw(place, traces, layout) {
  const axis = { gridcolor: style("--line"), zerolinecolor: style("--line"), linecolor: style("--quiet"), automargin: true };
  Plotly.react(place, traces, {
    margin: { l: 50, r: 12, t: 12, b: 44 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
    font: { family: getComputedStyle(document.body).fontFamily, color: style("--ink"), size: 12 }, bargap: 0.04, ...layout,
    modebar: { bgcolor: "rgba(0,0,0,0)", color: style("--line"), activecolor: style("--quiet") },
    xaxis: { ...axis, ...layout.xaxis }, yaxis: { ...axis, ...layout.yaxis },
  }, { responsive: true, displaylogo: false });
}

function drawCounts(place, values, title) {
  draw(place, [{ x: values, type: "histogram", marker: { color: style("--accent") }, hovertemplate: `%{x}: %{y} ${t("rows")}<extra></extra>` }],
    { xaxis: { title: { text: title } }, yaxis: { title: { text: t("rows") } } });
}

function drawElements() {
  if (!page.elements.length) return;
  draw("elements", [{
    x: page.elements.map((each) => each.group), y: page.elements.map((each) => each.period), text: page.elements.map((each) => each.symbol),
    customdata: page.elements.map((each) => each.rows), mode: "markers+text", textfont: { size: 9, color: style("--ink") },
    marker: { symbol: "square", size: 20, color: page.elements.map((each) => Math.log10(each.rows)), colorscale: "Blues", reversescale: !isDark(), opacity: 0.55 },
    hovertemplate: `%{text}: %{customdata} ${t("rows")}<extra></extra>`,
  }], { xaxis: { range: [0, 19], visible: false }, yaxis: { range: [10.7, 0.3], visible: false } });
}

function drawMap(place, [x, y], names) {
  const classes = page.task === "classification";
  const colour = chosen.value === "target" ? page.map.target : page.map[chosen.value];
  const isAmount = chosen.value === "target" && !classes;
  const label = (value) => (chosen.value !== "target" ? (value < 0 ? t("no cluster") : t("cluster {number}", { number: value + 1 }))
    : classes ? escapeText(page.classes[value] ?? value) : value);
  draw(place, [{
    x, y, mode: "markers", text: page.map.ids.map((id, row) => `${escapeText(id)} ${escapeText(page.map.formulas[row] || "")}<br>${label(colour[row])}`),
    hovertemplate: "%{text}<extra></extra>",
    marker: { size: 5, color: colour, colorscale: isAmount ? "Viridis" : "Portland", showscale: isAmount, colorbar: { title: { text: targetTitle, side: "right" }, thickness: 10 } },
  }], { xaxis: { title: { text: names[0] } }, yaxis: { title: { text: names[1] } } });
}

function drawAll() {
  const isClasses = page.task === "classification";
  drawCounts("target", isClasses ? page.values.map((code) => escapeText(page.classes[code] ?? code)) : page.values, targetTitle);
  if (page.sizes.elements) drawCounts("size-elements", page.sizes.elements, t("elements"));
  if (page.sizes.sites) drawCounts("size-sites", page.sizes.sites, t("sites"));
  drawElements();
  drawMap("pca", page.map.pca, ["PC1", "PC2"]);
  drawMap("tsne", page.map.tsne, ["t-SNE 1", "t-SNE 2"]);
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
