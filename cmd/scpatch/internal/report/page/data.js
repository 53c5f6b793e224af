// SPDX-License-Identifier: BSD-3-Clause
"use strict";

// The data of the page, and what is asked of it: texts, filters, orders, groups.
// A site is its number, a row of the columns.

const data = JSON.parse(document.getElementById("data").textContent);
const strings = data.strings, columns = data.columns;
const total = data.cost.length;
const lower = strings.map((s) => s.toLowerCase());

// text is what a column of texts says of a site.
const text = (column, site) => strings[columns[column][site]];
const number = (column, site) => columns[column][site];
const flag = (site, bit) => (columns.flags[site] & bit) !== 0;
const TAIL = 1, NOTOC = 2, DONE = 4, LISTED = 8;

const hex = (n) => "0x" + n.toString(16);
const count = (n) => n.toLocaleString("en");
const plural = (n, one) => count(n) + " " + one + (n === 1 ? "" : "s");

// place and area are where a site is: in its function, and in its section.
const area = (site) => text("section", site) + "+" + hex(number("offset", site));
const placeParts = (site) => {
  const name = text("function", site);
  return name === "" ? [text("section", site), "+" + hex(number("offset", site))] : [name, "+" + hex(number("function_offset", site))];
};
const place = (site) => placeParts(site).join("");

// What a person may name in a search, and the columns that it means.
const fields = {
  key: ["key"], function: ["function", "symbol"], section: ["section"], object: ["file"],
  form: ["form"], reason: ["reason"], target: ["target"],
};
if (data.compare) fields.change = ["change"];
const everywhere = Object.values(fields).flat();

// parse makes terms of what was typed. A field that does not exist is a word.
function parse(query) {
  const terms = [];
  for (const m of query.matchAll(/(?:([a-z]+)([:=]))?(?:"([^"]*)"?|(\S+))/gi)) {
    const field = m[1] && fields[m[1].toLowerCase()];
    if (m[1] && !field) terms.push({ columns: everywhere, word: m[0].toLowerCase(), whole: false });
    else terms.push({ columns: field || everywhere, word: (m[3] ?? m[4]).toLowerCase(), whole: m[2] === "=" });
  }
  return terms;
}

// find returns the sites that have all the terms, and pass the filters. What a
// term means is asked once for each text, not for each site.
function find(query, filters) {
  const tests = parse(query).map(({ columns: names, word, whole }) => {
    const hit = Uint8Array.from(lower, (s) => (whole ? s === word : s.includes(word)));
    const cols = names.map((name) => columns[name]);
    return (site) => cols.some((col) => hit[col[site]]);
  }).concat(filters);
  const found = [];
  for (let site = 0; site < total; site++) {
    if (tests.every((test) => test(site))) found.push(site);
  }
  return found;
}

// ranks has the place of each text in the order of all.
const ranks = (() => {
  const order = strings.map((_, i) => i);
  const collate = new Intl.Collator("en", { numeric: true });
  const natural = strings.length > 200000 ? (a, b) => (strings[a] < strings[b] ? -1 : 1) : (a, b) => collate.compare(strings[a], strings[b]);
  order.sort(natural);
  const rank = new Uint32Array(strings.length);
  order.forEach((s, i) => { rank[s] = i; });
  return rank;
})();
const rankOf = (names) => {
  const rank = Float64Array.from(ranks, (r) => r + names.length);
  names.forEach((name, i) => { const s = strings.indexOf(name); if (s >= 0) rank[s] = i; });
  return rank;
};
// Forms are ordered by what a call costs, changes from bad to good.
const special = { form: rankOf(data.forms.map((f) => f.name)), change: rankOf(data.changes) };

// sort orders sites by a column, those that agree as they stand in their files.
function sort(sites, column, down) {
  const rank = special[column] || ranks, col = columns[column], sign = down ? -1 : 1;
  return sites.sort((a, b) => sign * (rank[col[a]] - rank[col[b]]) || a - b);
}

// tally counts the sites of each text of a column.
function tally(sites, column) {
  const n = new Map();
  const col = columns[column];
  for (const site of sites) n.set(col[site], (n.get(col[site]) || 0) + 1);
  return n;
}

const everySite = (column) => tally(Array(total).keys(), column);

// families groups the texts of a column by how they begin: a group that has more
// than a sixth of the sites is split at its next separator, where that gives
// several. So the keys of a kernel fall into its subsystems, and files into
// directories, whatever their names are. Returns the name of the group by text.
function families(column) {
  const names = everySite(column), group = new Map();
  const separator = column === "file" ? /[/]/g : /_+|::|[-.]/g;
  const split = (prefix, members) => {
    const parts = new Map();
    for (const s of members) {
      separator.lastIndex = prefix.length + 1;
      const m = separator.exec(strings[s]);
      const head = m ? strings[s].slice(0, m.index + m[0].length) : strings[s];
      if (!parts.has(head)) parts.set(head, { members: [], size: 0 });
      const part = parts.get(head);
      part.members.push(s);
      part.size += names.get(s);
    }
    for (const [head, part] of parts) {
      const whole = part.members.length === 1;
      if (!whole && (parts.size === 1 || part.size * 6 > total)) split(head, part.members);
      else for (const s of part.members) group.set(s, whole ? strings[s] : head + "…");
    }
  };
  split("", [...names.keys()]);
  return group;
}
