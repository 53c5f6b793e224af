// SPDX-License-Identifier: BSD-3-Clause
"use strict";

// The data of the page: texts, numbers, orders, groups. A site is its number, a row of
// the columns.

const data = JSON.parse(document.getElementById("data").textContent);
const strings = data.strings, columns = data.columns;
for (const name of ["file", "section", "offset", "function", "symbol", "function_offset", "key", "target", "form", "reason", "change", "was"]) columns[name] ??= [];
const total = data.cost.length;

// text is what a column of texts says of a site.
const text = (column, site) => strings[columns[column][site]];
const number = (column, site) => columns[column][site];
const flag = (site, bit) => (columns.flags[site] & bit) !== 0;
const TAIL = 1, NOTOC = 2, DONE = 4, LISTED = 8;

const hex = (n) => "0x" + n.toString(16);
const count = (n) => n.toLocaleString("en");
const plural = (n, one) => count(n) + " " + one + (n === 1 ? "" : "s");

// share is a part of a whole. What is not all of it, or not nothing, is not called so.
function share(n, all) {
  if (all === 0) return "";
  const percent = (100 * n) / all;
  if (n > 0 && percent < 0.1) return "< 0.1\u00a0%";
  if (n < all && percent > 99.9) return "> 99.9\u00a0%";
  return (n === 0 || n === all ? percent.toFixed(0) : percent.toFixed(1)) + "\u00a0%";
}

// place and area are where a site is: in its function, and in its section.
const area = (site) => text("section", site) + "+" + hex(number("offset", site));
const placeParts = (site) => {
  const name = text("function", site);
  return name === "" ? [text("section", site), "+" + hex(number("offset", site))] : [name, "+" + hex(number("function_offset", site))];
};
const place = (site) => placeParts(site).join("");

// costText is what list prints of a cost.
const costText = (cost) => (cost < 0 ? "-" : String(cost));

// once makes a function that computes its value when it is first asked for.
function once(compute) {
  let value, known = false;
  return () => {
    if (!known) [value, known] = [compute(), true];
    return value;
  };
}

// ranks has the place of each text in the order of all.
const ranks = once(() => {
  const order = strings.map((_, i) => i);
  const collate = new Intl.Collator("en", { numeric: true });
  const natural = strings.length > 200000 ? (a, b) => (strings[a] < strings[b] ? -1 : 1) : (a, b) => collate.compare(strings[a], strings[b]);
  order.sort(natural);
  const rank = new Uint32Array(strings.length);
  order.forEach((s, i) => { rank[s] = i; });
  return rank;
});
const rankOf = (names) => {
  const rank = new Uint32Array(strings.length).fill(names.length);
  names.forEach((name, i) => { const s = strings.indexOf(name); if (s >= 0) rank[s] = i; });
  return rank;
};
// Forms are ordered by what a call costs, changes from bad to good.
const byCost = rankOf(data.forms.map((f) => f.name));
const special = { form: byCost, was: byCost, change: rankOf(data.changes) };

// sort orders sites by a column, those that agree as they stand in their files.
function sort(sites, column, down) {
  const sign = down ? -1 : 1;
  if (column === "cost") { // the unknown ones last
    const cost = (site) => (data.cost[site] < 0 ? Infinity : data.cost[site]);
    return sites.sort((a, b) => (cost(a) === cost(b) ? a - b : sign * (cost(a) - cost(b))));
  }
  const rank = special[column] || ranks(), col = columns[column];
  return sites.sort((a, b) => sign * (rank[col[a]] - rank[col[b]]) || a - b);
}

// tally counts the sites of each text of a column.
function tally(sites, column) {
  const n = new Map();
  const col = columns[column];
  for (const site of sites) n.set(col[site], (n.get(col[site]) || 0) + 1);
  return n;
}

const all = Array.from({ length: total }, (_, site) => site);
const tallies = {};
const everySite = (column) => (tallies[column] ??= tally(all, column));

// functionOf is a number for the function of a site: a symbol of a file.
const functionOf = (site) => columns.file[site] * strings.length + columns.symbol[site];

// functionsOf counts the functions of sites.
function functionsOf(sites) {
  const seen = new Set();
  for (const site of sites) if (columns.symbol[site] !== 0) seen.add(functionOf(site));
  return seen.size;
}

// families groups the texts of a column by how they begin: a group that has more
// than a sixth of the sites is split at its next separator, where that gives
// several. So the keys of a kernel fall into its subsystems, whatever their names are,
// and files into directories. Returns the name of the group by text.
function families(column) {
  const names = everySite(column), group = new Map(), files = column === "file";
  const separator = files ? /[/]/g : /_+|::|[-.]/g;
  const split = (prefix, members) => {
    const parts = new Map();
    for (const s of members) {
      separator.lastIndex = prefix.length + 1;
      const m = separator.exec(strings[s]);
      // The files of a directory stay together.
      const head = m ? strings[s].slice(0, m.index + m[0].length) : files && prefix !== "" ? prefix : strings[s];
      if (!parts.has(head)) parts.set(head, { members: [], size: 0 });
      const part = parts.get(head);
      part.members.push(s);
      part.size += names.get(s);
    }
    for (const [head, part] of parts) {
      const one = part.members.length === 1;
      if (head !== prefix && !one && (parts.size === 1 || part.size * 6 > total)) split(head, part.members);
      else for (const s of part.members) group.set(s, head === strings[s] || one && !files ? strings[s] : head + "…");
    }
  };
  split("", [...names.keys()]);
  return group;
}
