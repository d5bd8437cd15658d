"use strict";
// What the scripts of the sections share: charts painted when they come into sight, and one chosen entrant for all.
const entrantOf = (key) => page.entrants.find((entrant) => entrant.key === key);
// Lines of entrants that share a colour differ as their symbols do.
const DASHES = { circle: "solid", square: "dash", diamond: "dashdot" };
const dashOf = (entrant) => DASHES[entrant.symbol] || "solid";
const watched = new Map();
const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) paintNow(target);
}, { rootMargin: "400px" });

function paintNow(place) {
  const chart = watched.get(place);
  if (!chart || chart.painted) return;
  chart.painted = true;
  chart.paint(place);
}

// Paint when the place is near the view, and again when colours or the chosen entrant change.
function paintWhenSeen(place, paint) {
  watched.set(place, { paint, painted: false });
  watcher.observe(place);
}

function paintAll() {
  for (const place of watched.keys()) paintNow(place);
}

function repaint() {
  for (const [place, chart] of watched) if (chart.painted) chart.paint(place);
}
addEventListener("beforeprint", paintAll);
repainted.push(repaint);

const choosers = [];

// The entrant that a section shows: the chosen one, or its first where it does not have that.
function choose(name, keys) {
  const select = document.querySelector(`[data-chooser="${name}"]`);
  const chosen = () => (keys.includes(view.entrant) ? view.entrant : keys[0]);
  for (const key of keys) select.append(element("option", { value: key }, titleOf(key)));
  select.value = chosen();
  select.addEventListener("change", () => {
    view.entrant = select.value;
    remember();
    for (const follow of choosers) follow();
    repaint();
  });
  choosers.push(() => { select.value = chosen(); });
  return chosen;
}

function titleOf(key) {
  const { title, features } = entrantOf(key);
  const twins = page.entrants.filter((entrant) => entrant.title === title);
  return twins.length > 1 ? `${title} (${features})` : title;
}

const unitIn = (text) => (page.unit ? `${text} (${escapeText(page.unit)})` : text);
// Light to dark on a light page, dark to light on a dark one: more is always farther from the ground.
const shades = () => (isDark()
  ? [[0, "#1d3b5c"], [0.35, "#2f6ea8"], [0.7, "#7db7f2"], [1, "#f4e9a8"]]
  : [[0, "#d5e5f5"], [0.35, "#7fb0dd"], [0.7, "#2b6cb0"], [1, "#0a2647"]]);
