// SPDX-License-Identifier: BSD-3-Clause

// The table: all sites that were found, in order, of which only the rows that
// can be seen are elements.

const search = document.getElementById("search");
const grid = document.getElementById("grid");
const scroll = document.getElementById("scroll");
const space = document.getElementById("space");
const rows = document.getElementById("rows");

// In a window that is narrow or low the page scrolls, and not the table; a row is then
// of three lines. page.css has the same limits.
const flowing = matchMedia("(max-width: 1080px), (max-height: 540px)");
const wide = matchMedia("(min-width: 1500px)");
const stacked = matchMedia("(max-width: 1080px)");

// A column that says nothing, or the same of every site, takes no room.
const says = (column) => { const n = everySite(column); return n.size > 1 || (n.size === 1 && !n.has(0)); };
const tableColumns = [
  ...(data.compare ? [{ name: "change", title: "Change", width: "5.2rem" }, { name: "was", title: "Was", width: "5.9rem" }, { name: "form", title: "Now", width: "5.9rem" }] : []),
  { name: "key", title: "Key", width: "minmax(0, 5fr)" },
  { name: "function", title: "Function", width: "minmax(0, 5fr)" },
  { name: "section", title: "Section", width: "minmax(4.2rem, 1.5fr)", onlyWide: true },
  ...(several ? [{ name: "file", title: "File", width: "minmax(0, 3fr)", onlyWide: data.compare, show: (s) => s.replace(/^.*\((.*)\)$/, "$1").replace(/^.*[/](?=[^/])/, "") }] : []),
  ...(data.compare ? [] : [{ name: "form", title: "Form", width: "5.8rem" }]),
  { name: "cost", title: "Cost", width: "2.8rem", onlyWide: true },
  ...(says("reason") ? [{ name: "reason", title: "Reason", width: "minmax(5rem, 9.2rem)" }] : []),
];
// Of a narrow table all columns can be sorted by, though some are not there.
const shownColumns = () => tableColumns.filter((c) => wide.matches || !c.onlyWide || stacked.matches && c.name === "file");

const unsorted = data.compare ? "change" : ""; // as in the files if there is none
const view = {
  sites: [], // in the order of the table
  at: -1, // the row that is chosen
  column: unsorted,
  down: false,
};
const chosen = () => (view.at < 0 ? -1 : view.sites[view.at]);
const rowHeight = () => (stacked.matches ? 68 : 26);

function drawHead() {
  const shown = shownColumns(), heads = stacked.matches ? tableColumns : shown;
  grid.style.setProperty("--columns", shown.map((c) => c.width).join(" "));
  grid.setAttribute("aria-colcount", String(tableColumns.length));
  const cells = heads.map((c) => {
    const sorted = view.column === c.name ? (view.down ? "descending" : "ascending") : "none";
    return element("div", { role: "columnheader", "aria-colindex": String(tableColumns.indexOf(c) + 1), "aria-sort": sorted, "data-column": c.name, class: "head-" + c.name },
      element("button", { type: "button", title: "Sort by " + c.title.toLowerCase(), onclick: () => sortBy(c.name) }, c.title));
  });
  document.getElementById("head").replaceChildren(element("div", { role: "row", "aria-rowindex": "1", class: "row" }, ...cells));
}

// sortBy turns the order round if it is that column's already.
function sortBy(column) {
  view.down = view.column === column && !view.down;
  view.column = column;
  drawHead();
  refresh();
  changed();
  document.querySelector(`[data-column="${column}"] button`).focus();
}

// cell is what a column shows of a site: a text for the cell, and its elements.
function cell(c, site) {
  if (c.name === "function") {
    const [name, off] = placeParts(site);
    return [name + off, element("span", { class: "name" }, name), element("span", { class: "off" }, off)];
  }
  if (c.name === "cost") {
    const s = columns.form[site] === 0 ? "" : costText(data.cost[site]);
    return [s, s];
  }
  const s = text(c.name, site);
  if (c.name !== "form" && c.name !== "was" && c.name !== "change") return [s, c.show ? c.show(s) : s];
  return s === "" ? ["", element("span", { class: "none" }, "none")] : [s, dot(s), s];
}

function row(i) {
  const site = view.sites[i];
  const cells = shownColumns().map((c) => {
    const [title, ...content] = cell(c, site);
    return element("div", { role: "gridcell", "aria-colindex": String(tableColumns.indexOf(c) + 1), class: "cell-" + c.name, title }, ...content);
  });
  return element("div", {
    role: "row", id: "row" + i, class: "row", "aria-rowindex": String(i + 2),
    "aria-selected": String(i === view.at), onclick: () => { grid.focus({ preventScroll: true }); choose(i); },
  }, ...cells);
}

// sight is which part of the rows can be seen, in pixels from the first: that of the
// table, or that of the window less what is fixed in it.
function sight() {
  if (!flowing.matches) return { top: scroll.scrollTop, height: scroll.clientHeight };
  const head = document.getElementById("head").getBoundingClientRect(), rect = space.getBoundingClientRect();
  const fixed = getComputedStyle(detail).position === "fixed" && !detail.hidden ? detail.getBoundingClientRect().height : 0;
  const sticky = getComputedStyle(document.getElementById("head")).position === "sticky";
  const above = document.querySelector("header").getBoundingClientRect().bottom + (sticky ? head.height : 0);
  return { top: above - rect.top, height: innerHeight - above - fixed };
}

// scrollRows scrolls so that the rows are seen from there.
function scrollRows(top) {
  if (flowing.matches) scrollBy(0, top - sight().top);
  else scroll.scrollTop = top;
}

// drawRows makes the rows that can be seen, and a few around them.
function drawRows() {
  const h = rowHeight(), around = 8;
  space.style.height = view.sites.length * h + "px";
  const { top, height } = sight();
  const first = Math.min(view.sites.length, Math.max(0, Math.floor(top / h) - around));
  const last = Math.max(first, Math.min(view.sites.length, Math.ceil((top + Math.max(0, height)) / h) + around));
  rows.style.transform = `translateY(${first * h}px)`;
  rows.replaceChildren(...Array.from({ length: last - first }, (_, i) => row(first + i)));
  if (view.at >= first && view.at < last) grid.setAttribute("aria-activedescendant", "row" + view.at);
  else grid.removeAttribute("aria-activedescendant");
}

// reveal scrolls a row into sight: into the middle where it was far away.
function reveal(i) {
  const h = rowHeight(), { top, height } = sight(), away = i * h - top;
  if (away < -2 * h || away > height + h) scrollRows((i + 0.5) * h - height / 2);
  else if (away < 0) scrollRows(i * h);
  else if (away + h > height) scrollRows((i + 1) * h - height);
}

// choose makes a row the chosen one; the address of the page then names its site.
function choose(i) {
  view.at = Math.min(Math.max(i, 0), view.sites.length - 1);
  drawDetail(chosen());
  if (view.at >= 0) reveal(view.at);
  drawRows();
  changed();
}

// refresh does search, filters and order again. The chosen site stays chosen
// where it is still among them.
function refresh() {
  const terms = parse(search.value), found = find(terms), site = chosen();
  view.sites = within(found, chartFilters()).slice();
  if (view.column) sort(view.sites, view.column, view.down);
  view.at = site < 0 ? -1 : view.sites.indexOf(site);
  grid.setAttribute("aria-rowcount", String(view.sites.length + 1));
  drawMatches(terms);
  drawSummary(found);
  drawPart(found);
  if (site >= 0 && view.at < 0) drawDetail(-1);
  if (view.at >= 0) reveal(view.at);
  else if (!flowing.matches) scroll.scrollTop = 0;
  drawRows();
}

// drawMatches says how many sites were found, what leaves out the others, and what is
// wrong with the search.
function drawMatches(terms) {
  const n = view.sites.length, matches = document.getElementById("matches");
  matches.textContent = n === total ? plural(total, "site") : `${count(n)} of ${plural(total, "site")}`;
  const chip = (label, name, remove) => element("button", { type: "button", class: "chip", title: "Remove this filter", onclick: () => { remove(); refresh(); changed(); grid.focus(); } },
    element("span", { class: "hidden" }, "Remove the filter "), label + ": ", element("b", {}, name), element("span", { "aria-hidden": "true", class: "x" }, "×"));
  const pressed = ["change", "form", "reason", "part"].filter((chart) => charts.filters[chart] !== undefined).map((chart) => [chart, charts.filters[chart]]);
  const chips = pressed.map(([chart, name]) => chip(chart === "part" ? charts.part.name : data.compare && chart === "form" ? "now" : chart, name || "(none)", () => delete charts.filters[chart]));
  document.getElementById("chips").replaceChildren(...chips);
  document.getElementById("clear").hidden = search.value === "" && chips.length === 0;
  const notes = remarks(terms, view.sites);
  if (n === 0 && total > 0 && notes.length === 0) notes.push(terms.length + chips.length > 1 ? "No site fits all of this at once." : "No site fits.");
  document.getElementById("notes").replaceChildren(...notes.map((s) => element("p", {}, s)));
  document.body.classList.toggle("unmatched", n === 0 && total > 0);
  grid.hidden = n === 0;
  document.getElementById("keys").hidden = n === 0;
  document.getElementById("nothing").replaceChildren(...(n === 0 ? nothing() : []));
}

// nothing is what stands where no row does.
function nothing() {
  if (total > 0) return [element("button", { type: "button", class: "quiet", onclick: () => { clearAll(); changed(); grid.focus(); } }, "Clear search and filters")];
  const files = data.listings.reduce((n, l) => n + l.files, 0), failed = failures.flat().length;
  if (files + failed === 0) return [element("h2", {}, "No file was listed"), element("p", {}, "The archive or directory has no object for ppc64le.")];
  if (files === 0) return [element("h2", {}, "No file could be listed"), element("p", {}, "The reasons are above.")];
  return [element("h2", {}, "No static calls"), element("p", {}, `${files === 1 ? "The file has" : `The ${count(files)} files have`} no static-call sites.`),
    element("p", {}, "A site is a branch to a trampoline, __SCT__name. Do the sources use static_call()?")];
}

// page is how many rows are in sight.
const page = () => Math.max(1, Math.floor(sight().height / rowHeight()) - 1);

grid.addEventListener("keydown", (e) => {
  if (e.target !== grid || e.ctrlKey || e.metaKey || e.altKey) return;
  const to = {
    ArrowDown: view.at + 1, ArrowUp: view.at - 1, Home: 0, End: view.sites.length - 1,
    PageDown: view.at + page(), PageUp: view.at - page(),
  }[e.key];
  if (to !== undefined && view.sites.length > 0) choose(to);
  else if (e.key === "Enter" && view.at >= 0) readDetail();
  else if (e.key === "Enter" || e.key === " ") choose(0);
  else return;
  e.preventDefault();
});
scroll.addEventListener("scroll", drawRows, { passive: true });
addEventListener("scroll", () => { if (flowing.matches) drawRows(); }, { passive: true });
for (const query of [flowing, wide, stacked]) query.addEventListener("change", () => { drawHead(); drawRows(); });
