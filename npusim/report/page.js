"use strict";

// Tables: sorted by their heads, filtered by text.
const BLANK = Symbol("blank");

function orderOf(cell) {
  const given = cell.dataset.order ?? cell.textContent.trim();
  if (given === "") return BLANK;
  const number = Number(given);
  return Number.isNaN(number) ? given.toLowerCase() : number;
}

function compare(left, right) {
  if (typeof left === "number" && typeof right === "number") return left - right;
  if (typeof left === "number") return -1;
  if (typeof right === "number") return 1;
  return left < right ? -1 : left > right ? 1 : 0;
}

// Blanks stay last in both directions; equal rows keep the order they had in the file.
function sortTable(table, head) {
  const heads = [...table.tHead.rows[0].cells];
  const column = heads.indexOf(head);
  const descending = head.getAttribute("aria-sort") === "ascending";
  for (const other of heads) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const sign = descending ? -1 : 1;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({ row, key: orderOf(row.cells[column]), place: Number(row.dataset.place) }));
  rows.sort((a, b) => {
    if (a.key === BLANK || b.key === BLANK) return (a.key === BLANK) - (b.key === BLANK) || a.place - b.place;
    return sign * compare(a.key, b.key) || a.place - b.place;
  });
  body.append(...rows.map(({ row }) => row));
}

function filterTable(input) {
  const table = document.getElementById(input.dataset.filters);
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...table.tBodies[0].rows];
  let shown = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    shown += !row.hidden;
  }
  const told = input.parentElement.querySelector("output");
  told.value = words.length ? `${shown} of ${rows.length} ${told.dataset.noun}` : `${rows.length} ${told.dataset.noun}`;
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tBodies[0].rows].forEach((row, place) => { row.dataset.place = place; });
  for (const head of table.tHead.rows[0].cells) {
    head.querySelector("button").addEventListener("click", () => sortTable(table, head));
  }
}
for (const input of document.querySelectorAll("input[data-filters]")) {
  input.addEventListener("input", () => filterTable(input));
}

// Light and dark: the system's choice until the reader's own.
const root = document.documentElement;
const toggle = document.getElementById("theme");
const system = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
}

function showTheme() {
  toggle.setAttribute("aria-pressed", String(isDark()));
}

toggle.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.setItem("npusim-theme", root.dataset.theme); } catch { /* not remembered */ }
  showTheme();
});
system.addEventListener("change", showTheme);
showTheme();

// On paper everything is unfolded.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")].filter((fold) => !fold.closest("td"));
  for (const fold of folded) fold.open = true;
});
addEventListener("afterprint", () => {
  for (const fold of folded) fold.open = false;
});
