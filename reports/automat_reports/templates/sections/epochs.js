"use strict";
// Epoch curves: one chart a network.
{
  const { entrants, measure } = page.sections.epochs;
  const box = document.getElementById("epochs-charts");
  paintWhenSeen(box, () => {
    const charts = element("div", {});
    const waiting = [];
    for (const [key, title] of Object.entries(entrants)) {
      const entrant = entrantOf(key);
      const folds = entrant.folds.filter((fold) => fold.details.epochs);
      figure(charts, waiting, title, (place) => draw(place, folds.flatMap((fold, at) => ["train", "validation"].map((part) => {
        const named = part === "train" ? t("training") : t("validation");
        const values = fold.details.epochs[part] || [];
        return {
          x: values.map((_, epoch) => epoch + 1), y: values, mode: "lines", name: named, legendgroup: part, showlegend: at === 0,
          line: { color: entrant.colour, width: 1.4, dash: part === "train" ? "dot" : "solid" },
          hovertemplate: `${t("fold {number}", { number: fold.fold + 1 })}, ${named}, ${t("epoch")} %{x}: %{y:.4g}<extra></extra>`,
        };
      })), { showlegend: true, legend: { orientation: "h", y: 1.15 }, xaxis: { title: { text: t("epoch") } }, yaxis: { title: { text: escapeText(measure) } } }));
    }
    box.replaceChildren(...charts.children);
    waiting.forEach((paint) => paint());
  });
}
