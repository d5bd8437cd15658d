"use strict";
// A line an entrant over the splits.
{
  const { rungs, far, metric, entrants } = page.sections.ladder;
  paintWhenSeen(document.getElementById("ladder-chart"), (place) => {
    const places = rungs.map((rung, at) => `${escapeText(rung)}<br>${t("{share} far", { share: `${(100 * far[at]).toFixed(0)}%` })}`);
    const values = entrants.flatMap(({ scores }) => scores.filter((value) => value !== null));
    const isWide = Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) > 20;
    draw(place, entrants.map(({ key, title, scores }) => {
      const look = entrantOf(key) || { colour: style("--quiet"), symbol: "circle" };
      return {
        x: places, y: scores, mode: "lines+markers", name: escapeText(title), line: { color: look.colour, width: 1.4, dash: dashOf(look) },
        marker: { color: look.colour, symbol: look.symbol, size: 7 }, hovertemplate: `${escapeText(title)}: %{y:.4g}<extra></extra>`,
      };
    }), {
      margin: { l: 60, r: 12, t: 12, b: 60 },
      xaxis: { type: "category" }, yaxis: { type: isWide ? "log" : "linear", title: { text: page.task === "regression" ? unitIn(metric) : metric } },
    });
  });
}
