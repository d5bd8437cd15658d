"use strict";
// What a search tried: best so far, and its score by each parameter.
{
  const { entrants, higher } = page.sections.validation;
  const chosen = choose("validation", Object.keys(entrants));
  const box = document.getElementById("validation-charts");
  const palette = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8a7f00"];
  const foldColour = (fold) => palette[fold.fold % palette.length];
  const trialsOf = (fold) => (fold.details.search || []).filter((trial) => trial.value !== null && trial.value !== undefined);
  const scoreAxis = { title: { text: metricTitle } };

  // Values over a hundredfold span are read on a logarithmic axis.
  function axisOf(name, values) {
    const numbers = values.every((value) => typeof value === "number");
    const positive = numbers && values.every((value) => value > 0);
    const wide = positive && Math.max(...values) / Math.min(...values) > 100;
    return { title: { text: escapeText(name) }, type: wide ? "log" : numbers ? "linear" : "category" };
  }

  function bestSoFar(trials) {
    let best = trials[0].value;
    return trials.map(({ value }) => { best = higher ? Math.max(best, value) : Math.min(best, value); return best; });
  }

  function paintBest(place, folds) {
    draw(place, folds.flatMap((fold) => {
      const [trials, colour] = [trialsOf(fold), foldColour(fold)];
      const x = trials.map((trial) => trial.number + 1);
      const name = t("fold {number}", { number: fold.fold + 1 });
      return [
        { x, y: trials.map((trial) => trial.value), mode: "markers", marker: { color: colour, size: 6, opacity: 0.5 }, hovertemplate: `${name}, ${t("trial")} %{x}: %{y:.4g}<extra></extra>` },
        { x, y: bestSoFar(trials), mode: "lines", line: { color: colour, shape: "hv", width: 1.6 }, hoverinfo: "skip" },
      ];
    }), { xaxis: { title: { text: t("trial") }, tick0: 1, dtick: Math.ceil(Math.max(...folds.map((fold) => trialsOf(fold).length)) / 8) }, yaxis: scoreAxis });
  }

  function paintParameter(place, folds, name) {
    const valueIn = (trial) => (typeof trial.params[name] === "number" ? trial.params[name] : String(trial.params[name]));
    const values = folds.flatMap((fold) => trialsOf(fold).map(valueIn));
    draw(place, folds.map((fold) => ({
      x: trialsOf(fold).map(valueIn), y: trialsOf(fold).map((trial) => trial.value), mode: "markers", marker: { color: foldColour(fold), size: 7, opacity: 0.7 },
      hovertemplate: `${t("fold {number}", { number: fold.fold + 1 })}, ${escapeText(name)} %{x}: %{y:.4g}<extra></extra>`,
    })), { xaxis: axisOf(name, values), yaxis: scoreAxis });
  }

  paintWhenSeen(box, () => {
    const entrant = entrantOf(chosen());
    const folds = entrant.folds.filter((fold) => trialsOf(fold).length > 1);
    const charts = element("div", {});
    const waiting = [];
    figure(charts, waiting, t("Best trial so far"), (place) => paintBest(place, folds));
    for (const name of entrants[entrant.key]) figure(charts, waiting, t("{name}: score of every trial", { name }), (place) => paintParameter(place, folds, name));
    box.replaceChildren(...charts.children);
    waiting.forEach((paint) => paint());
  });
}
