"use strict";
// Predicted against true: counts a bin where there are many rows, else the rows themselves, dark where many lie.
{
  const { edges, entrants, counted } = page.sections.parity;
  const bins = edges.length - 1;
  const middles = edges.slice(1).map((edge, place) => (edge + edges[place]) / 2);
  const chosen = choose("parity", Object.keys(entrants));
  const binOf = (value) => Math.min(bins - 1, Math.max(0, Math.floor((value - edges[0]) / (edges[1] - edges[0]))));
  const few = 3;

  const grid = ([places, counts]) => {
    const rows = middles.map(() => new Array(bins).fill(null));
    places.forEach((place, at) => { rows[Math.floor(place / bins)][place % bins] = counts[at]; });
    return rows;
  };

  paintWhenSeen(document.getElementById("parity-chart"), (place) => {
    const entrant = entrantOf(chosen());
    const { cells, outside } = entrants[entrant.key];
    const rows = grid(cells);
    const points = pointsOf(entrant).map((point) => ({ ...point, near: rows[binOf(point.predicted)][binOf(point.target)] || 1 }))
      .sort((a, b) => a.near - b.near);
    const shown = counted ? points.filter((point) => point.near <= few) : points;
    const most = Math.log10(Math.max(2, ...cells[1]));
    const range = [edges[0], edges[bins]];
    const traces = [{ x: range, y: range, mode: "lines", line: { color: style("--quiet"), width: 1 }, hoverinfo: "skip" }];
    if (counted) {
      traces.push({
        type: "heatmap", x: middles, y: middles, z: rows.map((row) => row.map((count) => (count === null ? null : Math.log10(count)))),
        text: rows, colorscale: shades(), zmin: 0, zmax: most, showscale: false, hoverongaps: false,
        hovertemplate: t("target {target}, predicted {predicted}: {rows} rows", { target: "%{x:.4g}", predicted: "%{y:.4g}", rows: "%{text}" }) + "<extra></extra>",
      });
    }
    traces.push({
      x: shown.map((point) => point.target), y: shown.map((point) => point.predicted), text: shown.map(labelOf), mode: "markers", type: "scatter",
      marker: { size: counted ? 3 : 5, color: counted ? style("--quiet") : shown.map((point) => Math.log10(point.near)), colorscale: shades(), cmin: 0, cmax: most, opacity: counted ? 0.5 : 0.9 },
      hovertemplate: `%{text}<br>${t("target")} %{x:.4g}, ${t("predicted")} %{y:.4g}<extra></extra>`,
    });
    document.getElementById("parity-outside").textContent = outside ? t("{count} rows lie outside the chart.", { count: outside }) : "";
    draw(place, traces, {
      xaxis: { title: { text: t("target: {name}", { name: escapeText(targetTitle) }) }, range },
      yaxis: { title: { text: t("predicted, test folds") }, range },
    });
  });
}
