"use strict";
// Light and dark, and images of the charts that the page holds as SVG.
const root = document.documentElement;
const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
document.getElementById("theme").addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; });

// What the page's style sheet says of a chart stands in the copy itself, so that it looks the same elsewhere.
const PAINTED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "text-anchor", "font-size", "font-family"];

function copyOf(chart) {
  const copy = chart.cloneNode(true);
  const [from, to] = [[chart, ...chart.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
  from.forEach((node, place) => {
    const looks = getComputedStyle(node);
    to[place].setAttribute("style", PAINTED.map((name) => `${name}: ${looks.getPropertyValue(name)}`).join("; "));
  });
  const { width, height } = chart.viewBox.baseVal;
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ width, height, fill: getComputedStyle(document.body).backgroundColor })) ground.setAttribute(name, value);
  copy.prepend(ground);
  return new XMLSerializer().serializeToString(copy);
}

function keep(address, chart, ending) {
  const link = document.createElement("a");
  link.href = address;
  link.download = `${document.title.replace(/[^\w.-]+/g, "-")}-${chart.dataset.name}.${ending}`;
  link.click();
}

function asImage(text, chart, scale = 3) {
  return new Promise((done, failed) => {
    const { width, height } = chart.viewBox.baseVal;
    const picture = new Image();
    picture.onload = () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: scale * width, height: scale * height });
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      done(canvas.toDataURL("image/png"));
    };
    picture.onerror = failed;
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  });
}

for (const chart of document.querySelectorAll("svg.plot")) {
  const tools = document.createElement("div");
  tools.className = "save";
  const button = (label, title, act) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: label, title });
    made.addEventListener("click", act);
    tools.append(made);
  };
  button("PNG", t("save as PNG"), async () => keep(await asImage(copyOf(chart), chart), chart, "png"));
  button("SVG", t("save as SVG"), () => {
    const address = URL.createObjectURL(new Blob([copyOf(chart)], { type: "image/svg+xml" }));
    keep(address, chart, "svg");
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  });
  (chart.parentElement.querySelector("figcaption") || chart.parentElement).prepend(tools);
}
