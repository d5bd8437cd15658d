"use strict";
// A lesson: guesses that open their results, and charts whose controls choose among computed states.
const isDark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const painted = [];

function paint(place, chart, state) {
  const axis = { gridcolor: style("--line"), zerolinecolor: style("--line"), linecolor: style("--quiet"), automargin: true };
  const xaxis = { ...axis, title: { text: chart.x }, type: chart.log_x ? "log" : undefined, range: chart.range.x || undefined };
  const yaxis = { ...axis, title: { text: chart.y }, range: chart.range.y || undefined };
  if (chart.equal) Object.assign(yaxis, { scaleanchor: "x", scaleratio: 1 });
  if (state.traces.some((trace) => trace.type === "heatmap")) {
    Object.assign(xaxis, { type: "category" });
    Object.assign(yaxis, { type: "category", autorange: "reversed" });
  }
  const dark = isDark();
  const traces = state.traces.map((trace) => (dark && trace.type === "heatmap" ? { ...trace, colorscale: [[0, "#1f2124"], [1, "#5aa0eb"]] } : trace));
  const layout = {
    margin: { l: 64, r: 14, t: 10, b: 52 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", xaxis, yaxis, barmode: "group",
    font: { family: getComputedStyle(document.body).fontFamily, color: style("--ink"), size: 13 },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, showlegend: state.traces.length > 1,
    hoverlabel: { bgcolor: style("--raised"), font: { color: style("--ink") } },
  };
  library.then(() => Plotly.react(place, traces, layout, { responsive: true, displayModeBar: false }));
}

function makeControl(control, start, moved) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  if (control.kind === "switch") {
    Object.assign(input, { type: "checkbox", checked: start > 0 });
    label.append(input, control.name);
    input.addEventListener("change", moved);
    return { label, value: () => Number(input.checked) };
  }
  const shown = document.createElement("output");
  Object.assign(input, { type: "range", min: 0, max: control.values.length - 1, step: 1, value: start });
  const tell = () => {
    shown.textContent = control.values[Number(input.value)];
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  tell();
  label.append(control.name, input, shown);
  input.addEventListener("input", () => { tell(); moved(); });
  return { label, value: () => Number(input.value) };
}

function setUp(figure) {
  const chart = JSON.parse(figure.querySelector("script").textContent);
  const [drawing, note, holder] = [".drawing", ".note", ".controls"].map((name) => figure.querySelector(name));
  const starts = [];
  let rest = chart.start;
  for (const control of [...chart.controls].reverse()) {
    starts.unshift(rest % control.values.length);
    rest = Math.floor(rest / control.values.length);
  }
  const show = () => {
    const place = controls.reduce((sum, control, index) => sum * chart.controls[index].values.length + control.value(), 0);
    note.textContent = chart.states[place].note;
    paint(drawing, chart, chart.states[place]);
  };
  const controls = chart.controls.map((control, index) => makeControl(control, starts[index], show));
  holder.append(...controls.map(({ label }) => label));
  painted.push(show);
  show();
}

// A chart is drawn when it can be seen: plotly cannot measure what is hidden.
const drawn = new Set();
function drawWithin(place) {
  for (const figure of place.querySelectorAll("figure")) {
    if (drawn.has(figure) || figure.closest("[hidden]")) continue;
    drawn.add(figure);
    setUp(figure);
  }
}

for (const form of document.querySelectorAll("form.guess")) {
  const button = form.querySelector("button");
  form.addEventListener("change", () => { button.disabled = false; });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const inputs = [...form.querySelectorAll("input")];
    const chosen = inputs.findIndex((input) => input.checked);
    const answer = Number(form.dataset.answer);
    inputs[answer].parentElement.classList.add("right");
    if (chosen !== answer) inputs[chosen].parentElement.classList.add("wrong");
    const right = inputs[answer].parentElement.textContent.trim();
    form.querySelector(".said").textContent = chosen === answer ? t("As you guessed: {answer}", { answer: right }) : t("Not quite. It is: {answer}", { answer: right });
    for (const each of [...inputs, button]) each.disabled = true;
    const result = document.getElementById(form.dataset.result);
    result.hidden = false;
    drawWithin(result);
    result.focus({ preventScroll: true });
  });
}

const repaint = () => painted.forEach((show) => show());
document.getElementById("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  repaint();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
window.addEventListener("beforeprint", () => {
  for (const result of document.querySelectorAll(".result[hidden]")) { result.hidden = false; drawWithin(result); }
});
drawWithin(document);
