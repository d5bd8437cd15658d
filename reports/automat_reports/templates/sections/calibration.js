"use strict";
// Stated against observed shares, a line an entrant.
{
  const { entrants, regression } = page.sections.calibration;
  paintWhenSeen(document.getElementById("calibration-chart"), (place) => {
    const curves = Object.entries(entrants).map(([key, { stated, observed }]) => {
      const entrant = entrantOf(key);
      const { colour, symbol } = entrant;
      return {
        x: stated, y: observed, mode: regression ? "lines" : "lines+markers", name: escapeText(titleOf(key)), line: { color: colour, width: 1.6, dash: dashOf(entrant) }, marker: { color: colour, symbol, size: 6 },
        hovertemplate: `${escapeText(titleOf(key))}: ${t("{stated} stated, {observed} observed", { stated: "%{x:.2f}", observed: "%{y:.2f}" })}<extra></extra>`,
      };
    });
    draw(place, [{ x: [0, 1], y: [0, 1], mode: "lines", line: { color: style("--quiet"), width: 1, dash: "dot" }, hoverinfo: "skip" }, ...curves], {
      xaxis: { title: { text: regression ? t("stated share of rows") : t("stated probability") }, range: [0, 1] },
      yaxis: { title: { text: regression ? t("observed share of rows") : t("share that is right") }, range: [0, 1] },
    });
  });
}
