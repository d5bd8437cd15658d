"use strict";
// The table: sort, search, columns, heat, files of the view, and all of that in the address.
const page = JSON.parse(document.getElementById("data").textContent);
const board = document.getElementById("board");
const body = board.tBodies[0];
const search = document.getElementById("search");
const boxes = [...document.querySelectorAll("#picker input")];
const rowsInOrder = [...body.rows];
const publishedBox = document.getElementById("published");
const view = { sort: "rank", down: false, open: null, entrant: null };

const valueOf = (row, column) => page.table[Number(row.dataset.place)][column];
const isMissing = (value) => value === null || value === undefined || value === "";

function sortRows() {
  const sign = view.down ? -1 : 1;
  const order = (a, b) => {
    const [x, y] = [valueOf(a, view.sort), valueOf(b, view.sort)];
    if (isMissing(x) || isMissing(y)) return isMissing(x) - isMissing(y);
    const by = typeof x === "string" ? x.localeCompare(y) : x - y;
    return sign * by || a.dataset.place - b.dataset.place;
  };
  rowsInOrder.sort(order).forEach((row) => body.append(row));
  for (const head of board.tHead.rows[0].cells) {
    if (head.dataset.column === view.sort) head.setAttribute("aria-sort", view.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

function searchRows() {
  const wanted = search.value.trim().toLowerCase();
  let shown = 0;
  for (const row of rowsInOrder) {
    const text = ["model", "title", "features"].map((name) => valueOf(row, name)).join(" ").toLowerCase();
    row.hidden = !text.includes(wanted);
    shown += !row.hidden;
  }
  document.getElementById("empty").hidden = shown > 0;
}

function showColumns() {
  for (const box of boxes) {
    for (const cell of board.querySelectorAll(`[data-column="${box.dataset.column}"]`)) cell.hidden = !box.checked;
  }
}

// Published figures stand below ours: never sorted, searched or ranked among them.
function showPublished() {
  if (!publishedBox) return;
  for (const part of document.querySelectorAll(".published")) part.hidden = !publishedBox.checked;
}

// Heat per column, over the entrants without the dummy: the better, the stronger.
function heatColumns() {
  for (const head of board.tHead.rows[0].cells) {
    const column = page.columns.find((each) => each.key === head.dataset.column);
    if (!column || !column.heat) continue;
    const scale = column.heat === "log" ? (value) => Math.log10(Math.max(value, 1e-3)) : (value) => value;
    const cells = rowsInOrder.filter((row) => !row.classList.contains("dummy")).map((row) => ({
      cell: row.querySelector(`td[data-column="${column.key}"]`), value: valueOf(row, column.key),
    })).filter(({ cell, value }) => cell && !isMissing(value));
    const values = cells.map(({ value }) => scale(value));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    for (const { cell, value } of cells) {
      const share = high > low ? (scale(value) - low) / (high - low) : 0.5;
      cell.style.backgroundColor = `rgba(var(--heat), ${(0.26 * (column.high_is_good ? share : 1 - share)).toFixed(3)})`;
    }
  }
}

function remember() {
  const state = new URLSearchParams();
  if (view.sort !== "rank" || view.down) state.set("sort", (view.down ? "-" : "") + view.sort);
  if (search.value) state.set("find", search.value);
  const changed = boxes.filter((box) => box.checked !== box.defaultChecked).map((box) => box.dataset.column);
  if (changed.length) state.set("columns", changed.join(","));
  if (publishedBox && publishedBox.checked) state.set("published", "1");
  if (view.open !== null) state.set("open", page.entrants[view.open].key);
  if (view.entrant !== null) state.set("entrant", view.entrant);
  const text = state.toString();
  history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
}

function recall() {
  const state = new URLSearchParams(location.hash.slice(1));
  const sort = state.get("sort") || "rank";
  view.down = sort.startsWith("-");
  view.sort = sort.replace(/^-/, "");
  if (!(view.sort in page.table[0])) Object.assign(view, { sort: "rank", down: false });
  search.value = state.get("find") || "";
  view.entrant = state.get("entrant");
  const changed = (state.get("columns") || "").split(",");
  for (const box of boxes) box.checked = box.defaultChecked !== changed.includes(box.dataset.column);
  if (publishedBox) publishedBox.checked = state.get("published") === "1";
  const open = page.entrants.findIndex((entrant) => entrant.key === state.get("open"));
  return open < 0 ? null : open;
}

function visibleTable() {
  const hidden = new Set(boxes.filter((box) => !box.checked).map((box) => box.dataset.column));
  const columns = Object.keys(page.table[0]).filter((name) => !hidden.has(name.replace(/_std$/, "").replace(/_high$/, "_low")));
  const rows = rowsInOrder.filter((row) => !row.hidden);
  return { columns, rows: rows.map((row) => Object.fromEntries(columns.map((name) => [name, valueOf(row, name)]))) };
}

function asCsv({ columns, rows }) {
  const field = (value) => {
    if (isMissing(value)) return "";
    // A spreadsheet runs text that begins like a formula; an apostrophe keeps it text.
    const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows.map((row) => columns.map((name) => row[name]))].map((line) => line.map(field).join(",")).join("\n") + "\n";
}

function save(text, type, ending) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = `${page.dataset.replace(/[^\w.-]+/g, "-")}-leaderboard.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

for (const head of board.tHead.rows[0].cells) {
  head.querySelector("button").addEventListener("click", () => {
    const column = head.dataset.column;
    const known = page.columns.find((each) => each.key === column);
    const bestFirst = Boolean(known && known.high_is_good && !known.text);
    view.down = view.sort === column ? !view.down : bestFirst;
    view.sort = column;
    sortRows();
    remember();
  });
}
search.addEventListener("input", () => { searchRows(); remember(); });
boxes.forEach((box) => box.addEventListener("change", () => { showColumns(); remember(); }));
if (publishedBox) publishedBox.addEventListener("change", () => { showPublished(); remember(); });
document.getElementById("csv").addEventListener("click", () => save(asCsv(visibleTable()), "text/csv", "csv"));
document.getElementById("json").addEventListener("click", () =>
  save(JSON.stringify({ dataset: page.dataset, target: page.target, unit: page.unit, rows: visibleTable().rows }, null, 1), "application/json", "json"));
// An entrant's colour and symbol on all charts, in every table that stands beside one.
for (const swatch of document.querySelectorAll(".swatch[data-entrant]")) {
  // One of another rung alone is drawn like this on the ladder.
  const entrant = page.entrants.find(({ key }) => key === swatch.dataset.entrant) || { colour: "var(--quiet)", symbol: "circle" };
  swatch.dataset.symbol = entrant.symbol;
  swatch.style.background = entrant.colour;
}
const opened = recall();
sortRows();
searchRows();
showColumns();
showPublished();
heatColumns();
