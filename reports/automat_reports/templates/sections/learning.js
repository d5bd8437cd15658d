"use strict";
// Error by training rows with its power law, on logarithmic axes.
{
  const { sizes, metric, curves } = page.sections.learning;
  const lookOf = (key) => entrantOf(key) || { colour: style("--quiet"), symbol: "circle" };
  const faint = (colour) => `${colour}26`;
  paintWhenSeen(document.getElementById("learning-chart"), (place) => {
    const traces = curves.flatMap(({ key, title, mean, std, law }) => {
      const look = lookOf(key);
      const { colour, symbol } = look;
      const made = [{
        x: sizes, y: mean, error_y: { type: "data", array: std, thickness: 1, width: 3, color: colour }, mode: law ? "markers" : "markers+lines", name: escapeText(title),
        line: { color: colour, width: 1, dash: "dash" }, marker: { color: colour, symbol, size: 7 },
        hovertemplate: `${escapeText(title)}: %{y:.4g}, ${t("{count} rows", { count: "%{x}" })}<extra></extra>`,
      }];
      if (law) {
        const points = law.line.n.map((n, at) => [n, law.line.value[at]]);
        const end = points.findIndex(([n]) => n >= sizes[sizes.length - 1]);
        const [inside, beyond] = [points.slice(0, end + 1), points.slice(end)];
        const looks = { mode: "lines", hoverinfo: "skip" };
        made.push(
          { x: law.line.n, y: law.line.low, ...looks, line: { width: 0 } },
          { x: law.line.n, y: law.line.high, ...looks, line: { width: 0 }, fill: "tonexty", fillcolor: faint(colour) },
          { x: inside.map(([n]) => n), y: inside.map(([, value]) => value), ...looks, line: { color: colour, width: 1.5, dash: dashOf(look) } },
          { x: beyond.map(([n]) => n), y: beyond.map(([, value]) => value), ...looks, line: { color: colour, width: 1.5, dash: "dot" } },
        );
      }
      return made;
    });
    // One wild fit of a few rows would press all curves flat.
    const means = curves.flatMap(({ mean }) => mean.filter((value) => value > 0)).sort((a, b) => a - b);
    const lows = curves.flatMap(({ law }) => (law ? law.line.low.filter((value) => value > 0) : []));
    const top = Math.min(means[means.length - 1], 4 * means[Math.floor(means.length / 2)]);
    const ticks = [...sizes, ...(curves.some(({ law }) => law) ? [2, 4].map((times) => times * sizes[sizes.length - 1]) : [])];
    draw(place, traces, {
      xaxis: { title: { text: t("training rows") }, type: "log", tickvals: ticks, ticktext: ticks.map(String) },
      yaxis: { title: { text: page.task === "regression" ? unitIn(metric) : metric }, type: "log", range: [Math.log10(0.85 * Math.min(means[0], ...lows)), Math.log10(1.3 * top)], dtick: "D2", tickformat: "~g" },
    });
  });
}
