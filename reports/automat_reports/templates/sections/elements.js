"use strict";
// The periodic table, coloured by the mean error of the materials that hold each element.
{
  const { symbols, counts, places, all, errors } = page.sections.elements;
  const chosen = choose("elements", Object.keys(errors));
  const [height, width] = [10, 18];
  const empty = () => Array.from({ length: height }, () => new Array(width).fill(null));

  paintWhenSeen(document.getElementById("elements-chart"), (place) => {
    const mine = errors[chosen()];
    const [values, about] = [empty(), empty()];
    symbols.forEach((symbol, at) => {
      const [row, column] = places[at];
      values[row][column] = mine[at];
      about[row][column] = [symbol, counts[at]];
    });
    // A few materials of a rare element would stretch the colours of all others.
    const known = mine.filter((value) => value !== null).sort((a, b) => a - b);
    const top = known[Math.floor(0.95 * (known.length - 1))];
    const wide = place.clientWidth > 620;
    const labels = all.map(([symbol, row, column]) => {
      const value = values[row][column];
      const dark = value !== null && (value - known[0]) / (top - known[0] || 1) > 0.5;
      const colour = value === null ? style("--quiet") : dark === isDark() ? "#10202f" : "#f7f7f4";
      const figure = value !== null && wide ? `<br><span style="font-size:8px">${value.toPrecision(2)}</span>` : "";
      return { x: column, y: row, text: `${symbol}${figure}`, showarrow: false, font: { size: wide ? 12 : 8, color: value === null ? style("--line") : colour } };
    });
    draw(place, [{
      type: "heatmap", z: values, customdata: about, xgap: 2, ygap: 2, colorscale: shades(), zmin: known[0], zmax: top, hoverongaps: false,
      hovertemplate: t("{symbol}: {error}, {count} materials", { symbol: "%{customdata[0]}", error: "%{z:.3g}", count: "%{customdata[1]}" }) + "<extra></extra>",
      colorbar: { thickness: 10, len: 0.45, y: 0.78, x: 0.36, xanchor: "center", orientation: "h", title: { text: page.task === "regression" ? unitIn("MAE") : t("share misclassified"), side: "top", font: { size: 11 } }, tickfont: { size: 10 } },
    }], {
      annotations: labels, margin: { l: 4, r: 4, t: 8, b: 4 },
      xaxis: { visible: false, range: [-0.5, width - 0.5], fixedrange: true }, yaxis: { visible: false, range: [height - 0.5, -0.5], fixedrange: true },
    });
  });
}
