"use strict";
// The charts: two of all entrants, and those of the entrant that was clicked.
const detail = document.getElementById("detail");
const isDark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const metricTitle = page.metric_title + (page.unit && page.metric === "mae" ? ` (${page.unit})` : "");
const targetTitle = page.target + (page.unit ? ` (${page.unit})` : "");
const foldNames = Object.keys(page.folds);

// What sections paint again when colours change.
const repainted = [];

function draw(place, traces, layout) {
  const axis = { gridcolor: style("--line"), zerolinecolor: style("--line"), linecolor: style("--quiet"), automargin: true };
  const base = {
    margin: { l: 60, r: 12, t: 12, b: 48 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, color: style("--ink"), size: 12 },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: style("--line"), activecolor: style("--quiet") },
    hoverlabel: { bgcolor: style("--raised"), font: { color: style("--ink") } }, showlegend: false, ...layout,
  };
  for (const name of ["xaxis", "yaxis"]) base[name] = { ...axis, ...layout[name] };
  drawPlot(place, traces, base, page.dataset);
}

const marker = (entrant) => ({ color: entrant.colour, symbol: entrant.symbol, size: 9, line: { width: entrant.symbol.endsWith("open") ? 2 : 0 } });
// The dummy is far from all others; the axis starts with it out of sight, a double click brings it back.
function rangeOf(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = 0.06 * (high - low || Math.abs(high) || 1);
  return [low - margin, high + margin];
}
const finished = page.entrants.filter((entrant) => entrant.mean !== null);
const contenders = finished.filter((entrant) => entrant.model !== "dummy");
const sight = contenders.length > 1 ? contenders : finished;

function drawFolds() {
  const traces = finished.map((entrant) => {
    const folds = entrant.folds.filter((fold) => fold.scores.test);
    return {
      x: folds.map((fold) => fold.scores.test[page.metric]), y: folds.map(() => entrant.title), mode: "markers", name: entrant.title,
      marker: { ...marker(entrant), opacity: 0.8 }, text: folds.map((fold) => t("fold {number}", { number: fold.fold + 1 })),
      hovertemplate: "%{y}, %{text}: %{x:.4g}<extra></extra>",
    };
  });
  document.getElementById("folds").style.height = `${Math.max(340, 60 + 24 * finished.length)}px`;
  const scores = sight.flatMap((entrant) => entrant.folds.filter((fold) => fold.scores.test).map((fold) => fold.scores.test[page.metric]));
  // Full titles would leave a phone no room for the marks.
  const narrow = document.getElementById("folds").clientWidth < 480;
  const names = narrow ? { tickmode: "array", tickvals: finished.map((entrant) => entrant.title), ticktext: finished.map((entrant) => escapeText(entrant.model)) } : {};
  draw("folds", traces, { xaxis: { title: { text: metricTitle }, range: rangeOf(scores), nticks: narrow ? 5 : undefined }, yaxis: { autorange: "reversed", type: "category", ...names } });
}

function drawPareto() {
  const better = (a, b) => (page.higher ? a > b : a < b);
  const costed = finished.map((entrant) => ({ entrant, cost: Math.max(entrant.cost ?? 0, 0.01) })).sort((a, b) => a.cost - b.cost);
  const front = [];
  for (const each of costed) if (!front.length || better(each.entrant.mean, front[front.length - 1].entrant.mean)) front.push(each);
  const line = {
    x: front.map(({ cost }) => cost), y: front.map(({ entrant }) => entrant.mean), mode: "lines", hoverinfo: "skip",
    line: { color: style("--quiet"), width: 1, dash: "dot", shape: "hv" },
  };
  // Only those on the line carry their names, and of two that lie close together the better one, so that names do not
  // cover each other; a hover tells the others.
  const [least, most] = [costed[0], costed[costed.length - 1]].map(({ cost }) => Math.log10(cost));
  const span = most - least || 1;
  const [low, high] = rangeOf(sight.map((entrant) => entrant.mean));
  const isClose = (one, other) => Math.abs(Math.log10(one.cost / other.cost)) < 0.1 * span && Math.abs(one.entrant.mean - other.entrant.mean) < 0.05 * (high - low);
  const named = [];
  for (const each of [...front].reverse()) if (!named.some((better) => isClose(each, better))) named.push(each);
  const marks = costed.map(({ entrant, cost }) => ({
    x: [cost], y: [entrant.mean], mode: "markers+text", text: [named.some((each) => each.entrant === entrant) ? escapeText(entrant.model) : ""],
    textposition: page.higher ? "top left" : "bottom left", // the side of the line where no mark can be
    textfont: { size: 10, color: style("--quiet") }, marker: marker(entrant), hovertemplate: `${escapeText(entrant.title)}: %{y:.4g}, %{x:.3g} s<extra></extra>`,
  }));
  draw("pareto", [line, ...marks], {
    xaxis: { title: { text: t("CPU seconds a fold, tuning and fitting") }, type: "log", dtick: 1, range: [least - 0.35 * span, most + 0.06 * span] },
    yaxis: { title: { text: metricTitle }, range: [low, high] },
  });
}

// Plotly reads a few tags in labels, so names from data are shown as text.
function escapeText(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

// All folds of one entrant side by side: name, formula, target, prediction, probability.
function pointsOf(entrant) {
  const points = [];
  for (const fold of foldNames) {
    if (!entrant.predicted[fold]) continue;
    const { ids, formulas, true: targets } = page.folds[fold];
    ids.forEach((id, row) => points.push({
      id, formula: formulas[row] || "", fold: Number(fold) + 1, target: targets[row], predicted: entrant.predicted[fold][row],
      probability: entrant.probability[fold] ? entrant.probability[fold][row] : null,
    }));
  }
  return points;
}

const labelOf = (point) => `${escapeText(point.id)} ${escapeText(point.formula)} (${t("fold {number}", { number: point.fold })})`;

function drawParity(place, entrant, points) {
  const all = points.flatMap((point) => [point.target, point.predicted]);
  const ends = [Math.min(...all), Math.max(...all)];
  const range = rangeOf(ends);
  draw(place, [
    { x: range, y: range, mode: "lines", line: { color: style("--quiet"), width: 1 }, hoverinfo: "skip" },
    {
      x: points.map((point) => point.target), y: points.map((point) => point.predicted), mode: "markers", text: points.map(labelOf),
      marker: { color: entrant.colour, size: 5, opacity: 0.35 }, hovertemplate: `%{text}<br>${t("target")} %{x:.4g}, ${t("predicted")} %{y:.4g}<extra></extra>`,
    },
  ], { xaxis: { title: { text: t("target: {name}", { name: escapeText(targetTitle) }) }, range }, yaxis: { title: { text: t("predicted, test folds") }, range } });
}

function drawResiduals(place, entrant, points) {
  draw(place, [{
    x: points.map((point) => point.predicted - point.target), type: "histogram", nbinsx: 60, marker: { color: entrant.colour },
    hovertemplate: `%{x}: %{y} ${t("rows")}<extra></extra>`,
  }], { xaxis: { title: { text: `${t("predicted − target")}${page.unit ? ` (${escapeText(page.unit)})` : ""}` } }, yaxis: { title: { text: t("rows") } }, bargap: 0.03 });
}

function drawRoc(place, entrant, points) {
  const ordered = [...points].sort((a, b) => b.probability - a.probability);
  const positives = ordered.filter((point) => point.target === 1).length;
  const [x, y] = [[0], [0]];
  let [hits, alarms] = [0, 0];
  ordered.forEach((point, row) => {
    if (point.target === 1) hits += 1; else alarms += 1;
    // Rows of equal probability are one step.
    if (row + 1 === ordered.length || ordered[row + 1].probability !== point.probability) {
      x.push(alarms / (ordered.length - positives));
      y.push(hits / positives);
    }
  });
  draw(place, [
    { x: [0, 1], y: [0, 1], mode: "lines", line: { color: style("--quiet"), width: 1, dash: "dot" }, hoverinfo: "skip" },
    { x, y, mode: "lines", line: { color: entrant.colour, width: 2 }, hovertemplate: `${t("false positive rate")} %{x:.3f}, ${t("true positive rate")} %{y:.3f}<extra></extra>` },
  ], { xaxis: { title: { text: t("false positive rate") }, range: [0, 1], constrain: "domain" }, yaxis: { title: { text: t("true positive rate") }, range: [0, 1], scaleanchor: "x", constrain: "domain" } });
}

function drawConfusion(place, points) {
  const names = page.classes.map(escapeText);
  const counts = names.map(() => names.map(() => 0));
  points.forEach((point) => { counts[point.target][point.predicted] += 1; });
  const share = counts.map((row) => row.map((count) => count / Math.max(1, row.reduce((a, b) => a + b, 0))));
  draw(place, [{
    z: share, x: names, y: names, text: counts, texttemplate: "%{text}", textfont: { color: style("--ink") }, type: "heatmap", zmin: 0, zmax: 1, showscale: false,
    colorscale: [[0, "rgba(0,0,0,0)"], [1, `rgba(${style("--heat")}, 0.6)`]], hovertemplate: `${t("true")} %{y}, ${t("predicted")} %{x}: %{text} ${t("rows")}<extra></extra>`,
  }], { xaxis: { title: { text: t("predicted") }, type: "category" }, yaxis: { title: { text: t("true") }, type: "category", autorange: "reversed" } });
}

function drawProbabilities(place, points) {
  const two = page.classes.length === 2;
  const groups = two ? page.classes.map((name, code) => [name, points.filter((point) => point.target === code)])
    : [[t("right"), points.filter((point) => point.target === point.predicted)], [t("wrong"), points.filter((point) => point.target !== point.predicted)]];
  draw(place, groups.map(([name, members], row) => ({
    x: members.map((point) => point.probability), type: "histogram", name: escapeText(name), opacity: 0.65, xbins: { start: 0, end: 1.0001, size: 0.05 },
    marker: { color: ["#D55E00", "#0072B2"][row] },
  })), { barmode: "overlay", showlegend: true, legend: { orientation: "h", y: 1.15 },
    xaxis: { title: { text: two ? t("probability of {name}", { name: escapeText(page.classes[1]) }) : t("probability of the predicted class") } }, yaxis: { title: { text: t("rows") } } });
}

function drawCurves(place, entrant) {
  const traces = entrant.folds.filter((fold) => fold.details.epochs).flatMap((fold, place) => [["train", t("train")], ["validation", t("validation")]].map(([part, name]) => ({
    y: fold.details.epochs[part], mode: "lines", name, legendgroup: part, showlegend: place === 0,
    line: { color: entrant.colour, width: 1.3, dash: part === "train" ? "dot" : "solid" }, hovertemplate: `${t("fold {number}", { number: fold.fold + 1 })}, ${name}, ${t("epoch")} %{x}: %{y:.4g}<extra></extra>`,
  })));
  draw(place, traces, { showlegend: true, legend: { orientation: "h", y: 1.15 }, xaxis: { title: { text: t("epoch") } },
    yaxis: { title: { text: page.task === "regression" ? `MAE${page.unit ? ` (${escapeText(page.unit)})` : ""}` : t("log loss") } } });
}

function element(tag, attributes, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

function tableOf(heads, rows) {
  const line = (cells, tag) => element("tr", {}, ...cells.map((cell) => element(tag, {}, cell === null || cell === undefined ? "–" : String(cell))));
  return element("div", { className: "scroll" }, element("table", {}, element("thead", {}, line(heads, "th")), element("tbody", {}, ...rows.map((row) => line(row, "td")))));
}

// Charts take their size from the page, so they are painted once all of their places stand in it.
function figure(charts, waiting, caption, paint) {
  const place = element("div", { className: "chart" });
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", caption);
  charts.append(element("figure", {}, place, element("figcaption", {}, caption)));
  waiting.push(() => paint(place));
}

const short = (value) => (typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value);

function fillTables(entrant) {
  const names = Object.keys(page.titles);
  const done = entrant.folds.filter((fold) => fold.scores.test);
  detail.append(element("h3", {}, t("Scores of every fold")), tableOf(
    [t("fold"), ...names.map((name) => t("test {metric}", { metric: page.titles[name] })), ...names.map((name) => t("train {metric}", { metric: page.titles[name] }))],
    done.map((fold) => [fold.fold + 1, ...["test", "train"].flatMap((part) => names.map((name) => short(fold.scores[part][name])))])));
  const params = [...new Set(entrant.folds.flatMap((fold) => Object.keys(fold.params)))];
  if (params.length) detail.append(element("h3", {}, t("Parameters of every fold")), tableOf([t("fold"), ...params], done.map((fold) => [fold.fold + 1, ...params.map((name) => short(fold.params[name]))])));
  for (const fold of done) {
    if (fold.details.comparison?.length) {
      const heads = Object.keys(fold.details.comparison[0]);
      const { score, tuned_score, blend_score, tuned_learner, tuning, final } = fold.details;
      detail.append(element("details", { className: "fold" }, element("summary", {}, t("Fold {number}: its own comparison (inside the training fold)", { number: fold.fold + 1 })),
        tableOf(heads, fold.details.comparison.map((row) => heads.map((name) => short(row[name])))),
        element("p", { className: "quiet" }, t("{score}: {learner} tuned {tuned} ({tuning}), blend {blend}; entered: {final}.", { score, learner: tuned_learner, tuned: short(tuned_score), tuning, blend: short(blend_score) ?? "–", final }))));
    }
    if (fold.details.search?.length) {
      const searched = Object.keys(fold.details.search[0].params);
      detail.append(element("details", { className: "fold" }, element("summary", {}, t("Fold {number}: search, {count} trials", { number: fold.fold + 1, count: fold.details.search.length })),
        tableOf([t("trial"), t("inner {metric}", { metric: page.metric_title }), ...searched, t("error")], fold.details.search.map((trial) => [trial.number + 1, short(trial.value), ...searched.map((name) => short(trial.params[name])), trial.error || ""]))));
    }
  }
}

function openRow(place) {
  for (const row of rowsInOrder) {
    const mine = Number(row.dataset.place) === place;
    row.classList.toggle("open", mine);
    row.setAttribute("aria-expanded", String(mine));
  }
  view.open = place;
  remember();
  detail.replaceChildren();
  detail.hidden = place === null;
  if (place === null) return;
  const entrant = page.entrants[place];
  detail.append(element("h2", {}, `${entrant.title} (${entrant.features})`));
  const own = page.pages[entrant.key];
  if (own) detail.append(element("p", {}, element("a", { href: encodeURI(own) }, t("Its page: parameters, search history, what it learned, model card"))));
  for (const error of entrant.errors) detail.append(element("p", { className: "reason" }, error));
  if (page.drawn) detail.append(element("p", { className: "quiet" }, t("Charts of this entrant show {rows} of {of} test rows, drawn by chance; the tables are over all.", page.drawn)));
  const points = pointsOf(entrant);
  const charts = element("div", { className: "charts" });
  const waiting = [];
  detail.append(charts);
  if (points.length && page.task === "regression") {
    figure(charts, waiting, t("Each point is one row of a test fold. Points below the line are underestimated, above it overestimated."), (at) => drawParity(at, entrant, points));
    figure(charts, waiting, t("How far predictions lie from their targets. A peak off zero is a bias; long tails are a few bad misses."), (at) => drawResiduals(at, entrant, points));
  } else if (points.length) {
    if (page.classes.length === 2) figure(charts, waiting, t("ROC over all test folds: the nearer to the upper left, the better {second} is told from {first}.", { first: page.classes[0], second: page.classes[1] }), (at) => drawRoc(at, entrant, points));
    figure(charts, waiting, t("Rows of the test folds by true and predicted class; the diagonal is right."), (at) => drawConfusion(at, points));
    figure(charts, waiting, t("How sure the predictions are. Where the two overlap, the model does not know."), (at) => drawProbabilities(at, points));
  }
  if (entrant.folds.some((fold) => fold.details.epochs)) {
    figure(charts, waiting, t("Error of every epoch, a pair of lines a fold. A training line that keeps falling while validation rises is overfitting."), (at) => drawCurves(at, entrant));
  }
  waiting.forEach((paint) => paint());
  fillTables(entrant);
}

function drawAll() {
  if (finished.length) {
    drawFolds();
    drawPareto();
  }
  if (view.open !== null) openRow(view.open);
  repainted.forEach((paint) => paint());
}

for (const row of rowsInOrder) {
  const toggle = () => {
    const place = Number(row.dataset.place);
    openRow(view.open === place ? null : place);
    if (view.open !== null) detail.scrollIntoView({ block: "nearest" });
  };
  row.addEventListener("click", (event) => { if (!event.target.closest("a")) toggle(); });
  row.addEventListener("keydown", (event) => {
    if (event.target === row && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); toggle(); }
  });
}
document.getElementById("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  drawAll();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
view.open = opened;
drawAll();
