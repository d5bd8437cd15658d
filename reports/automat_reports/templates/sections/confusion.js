"use strict";
// Rows by true and predicted class, coloured by the share of the true class.
{
  const { classes, counts } = page.sections.confusion;
  const chosen = choose("confusion", Object.keys(counts));
  paintWhenSeen(document.getElementById("confusion-chart"), (place) => {
    const rows = counts[chosen()];
    const names = classes.map(escapeText);
    draw(place, [{
      z: rows.map((row) => row.map((count) => count / Math.max(1, row.reduce((a, b) => a + b, 0)))), x: names, y: names, text: rows,
      texttemplate: "%{text}", textfont: { color: style("--ink") }, type: "heatmap", zmin: 0, zmax: 1, showscale: false,
      colorscale: [[0, "rgba(0,0,0,0)"], [1, `rgba(${style("--heat")}, 0.6)`]],
      hovertemplate: t("{truth} called {made}: {rows} rows", { truth: "%{y}", made: "%{x}", rows: "%{text}" }) + "<extra></extra>",
    }], { xaxis: { title: { text: t("predicted") }, type: "category" }, yaxis: { title: { text: t("true") }, type: "category", autorange: "reversed" } });
  });
}
