// SPDX-License-Identifier: BSD-3-Clause

// The table: all sites that were found, in order, of which only the rows that
// can be seen are elements.

const grid = document.getElementById("grid");
const scroll = document.getElementById("scroll");
const rows = document.getElementById("rows");
const narrow = matchMedia("(max-width: 760px)");

// A column that says nothing, or the same of every site, takes no room.
const says = (column) => { const n = everySite(column); return n.size > 1 || (n.size === 1 && !n.has(0)); };
const tableColumns = [
  ...(data.compare ? [{ name: "change", title: "Change", width: "5.5rem" }] : []),
  { name: "key", title: "Key", width: "minmax(0, 5fr)" },
  { name: "function", title: "Function", width: "minmax(0, 5fr)" },
  { name: "section", title: "Section", width: "minmax(4.2rem, 1.5fr)" },
  ...(several ? [{ name: "file", title: "Object", width: "minmax(0, 3.5fr)", show: (s) => s.replace(/^.*[/]/, "") }] : []),
  { name: "form", title: "Form", width: "6rem" },
  ...(says("reason") ? [{ name: "reason", title: "Reason", width: "minmax(0, 3fr)" }] : []),
];

const view = {
  sites: [], // in the order of the table
  at: -1, // the row that is chosen
  column: data.compare ? "change" : "", // as in the files if there is none
  down: false,
};
const chosen = () => (view.at < 0 ? -1 : view.sites[view.at]);
const rowHeight = () => (narrow.matches ? 46 : 26);

function drawHead() {
  grid.style.setProperty("--columns", tableColumns.map((c) => c.width).join(" "));
  grid.setAttribute("aria-colcount", String(tableColumns.length));
  const cells = tableColumns.map((c, i) => {
    const sorted = view.column === c.name ? (view.down ? "descending" : "ascending") : "none";
    return element("div", { role: "columnheader", "aria-colindex": String(i + 1), "aria-sort": sorted, "data-column": c.name },
      element("button", { type: "button", onclick: () => sortBy(c.name) }, c.title));
  });
  document.getElementById("head").replaceChildren(element("div", { role: "row", "aria-rowindex": "1", class: "row" }, ...cells));
}

// sortBy turns the order round if it is that column's already.
function sortBy(column) {
  view.down = view.column === column && !view.down;
  view.column = column;
  drawHead();
  refresh();
  document.querySelector(`[data-column="${column}"] button`).focus();
}

function row(i) {
  const site = view.sites[i];
  const cells = tableColumns.map((c, k) => {
    const props = { role: "gridcell", "aria-colindex": String(k + 1), class: "cell-" + c.name };
    if (c.name === "function") {
      const [name, off] = placeParts(site);
      return element("div", { ...props, title: name + off }, element("span", { class: "name" }, name), element("span", { class: "off" }, off));
    }
    const s = text(c.name, site), marked = c.name === "form" || c.name === "change";
    return element("div", { ...props, title: s }, marked ? element("span", { class: "dot fill-" + s }) : null, c.show ? c.show(s) : s);
  });
  return element("div", {
    role: "row", id: "row" + i, class: "row", "aria-rowindex": String(i + 2),
    "aria-selected": String(i === view.at), onclick: () => choose(i),
  }, ...cells);
}

// drawRows makes the rows that can be seen, and a few around them.
function drawRows() {
  const h = rowHeight(), around = 8;
  const first = Math.max(0, Math.floor(scroll.scrollTop / h) - around);
  const last = Math.min(view.sites.length, Math.ceil((scroll.scrollTop + scroll.clientHeight) / h) + around);
  document.getElementById("space").style.height = view.sites.length * h + "px";
  rows.style.transform = `translateY(${first * h}px)`;
  rows.replaceChildren(...Array.from({ length: Math.max(0, last - first) }, (_, i) => row(first + i)));
  if (view.at >= first && view.at < last) grid.setAttribute("aria-activedescendant", "row" + view.at);
  else grid.removeAttribute("aria-activedescendant");
}

// reveal scrolls a row into sight: into the middle where it was far away.
function reveal(i) {
  const h = rowHeight(), away = i * h - scroll.scrollTop;
  if (away < -2 * h || away > scroll.clientHeight + h) scroll.scrollTop = (i + 0.5) * h - scroll.clientHeight / 2;
  else if (i * h < scroll.scrollTop) scroll.scrollTop = i * h;
  else if ((i + 1) * h > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = (i + 1) * h - scroll.clientHeight;
}

// choose makes a row the chosen one; the address of the page then names its site.
function choose(i) {
  view.at = Math.min(Math.max(i, 0), view.sites.length - 1);
  reveal(view.at);
  drawRows();
  drawDetail(chosen());
  if (view.at >= 0) history.replaceState(null, "", link(chosen()));
}

// refresh does search, filters and order again. The chosen site stays chosen
// where it is still among them.
function refresh() {
  const query = document.getElementById("search").value, site = chosen();
  view.sites = find(query, chartFilters());
  if (view.column) sort(view.sites, view.column, view.down);
  view.at = site < 0 ? -1 : view.sites.indexOf(site);
  grid.setAttribute("aria-rowcount", String(view.sites.length + 1));
  const matches = document.getElementById("matches"), n = view.sites.length;
  matches.textContent = n === total ? plural(total, "site") : `${count(n)} of ${plural(total, "site")}`;
  document.getElementById("clear").hidden = query === "" && Object.keys(charts.filters).length === 0;
  drawCharts(query);
  drawRows();
  if (view.at >= 0) reveal(view.at);
  else scroll.scrollTop = 0;
}

// page is how many rows are in sight.
const page = () => Math.max(1, Math.floor(scroll.clientHeight / rowHeight()) - 1);

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
new ResizeObserver(drawRows).observe(scroll);
