// SPDX-License-Identifier: BSD-3-Clause

// What sites are counted by: form, reason, change, and a part that the reader chooses.
// Each group is a button that leaves only its sites.

const svgNS = "http://www.w3.org/2000/svg";

// element makes an element. Names of the objects become text, never markup.
function element(tag, props, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.filter((c) => c !== undefined && c !== null && c !== false));
  return e;
}

// marked is a text of the catalogue, in which names are between backquotes.
const marked = (s) => s.split("`").map((part, i) => (i % 2 ? element("code", {}, part) : part));

const dot = (name) => element("span", { class: "dot fill-" + (name || "none"), "aria-hidden": "true" });

// stack draws numbers as parts of a whole, each in the colour of its name.
function stack(parts, whole) {
  const svg = document.createElementNS(svgNS, "svg");
  for (const [k, v] of Object.entries({ viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" })) svg.setAttribute(k, v);
  let x = 0;
  for (const [name, n] of parts) {
    const rect = document.createElementNS(svgNS, "rect"), width = (100 * n) / Math.max(1, whole);
    for (const [k, v] of Object.entries({ x: x.toFixed(2), width: n > 0 ? Math.max(width, 0.6).toFixed(2) : 0, height: 4, class: "fill-" + (name || "none") })) rect.setAttribute(k, v);
    svg.append(rect);
    x += width;
  }
  return svg;
}

// The parts of a chart: how they are called and which group a text is of.
const several = everySite("file").size > 1;
const directories = new Set([...everySite("file").keys()].map((s) => strings[s].replace(/[^/]*$/, "")));
const parts = [
  ...(directories.size > 1 ? [["directory", "file", true]] : []),
  ["key family", "key", true], ["function family", "function", true], ["key", "key", false],
  ["section", "section", false], ["target", "target", false], ["reason", "reason", false],
  ...(several ? [["file", "file", false]] : []),
].map(([name, column, family]) => ({ name, column, family }));

const step = 12; // of the groups of a part, so many are shown, and then more

const charts = {
  filters: {}, // by chart, the group that is left
  part: parts[0],
  groups: new Map(), // by part, see groupsOf
  shown: step,
};

// groupsOf has the group of each text of a part's column.
function groupsOf(part) {
  if (!charts.groups.has(part)) {
    charts.groups.set(part, part.family ? families(part.column) : new Map([...everySite(part.column).keys()].map((s) => [s, strings[s]])));
  }
  return charts.groups.get(part);
}

const needsNothing = new Set(["direct", "constant"].map((f) => strings.indexOf(f)));
const isDirect = (site) => needsNothing.has(columns.form[site]);

// chartFilters are the tests that the pressed groups make, except those of some charts.
function chartFilters(...except) {
  return Object.entries(charts.filters).filter(([chart]) => !except.includes(chart)).map(([chart, want]) => {
    if (chart === "reason") return (site) => columns.form[site] !== 0 && !isDirect(site) && text("reason", site) === want;
    if (chart !== "part") return (site) => text(chart, site) === want;
    const groups = groupsOf(charts.part), col = columns[charts.part.column];
    return (site) => groups.get(col[site]) === want;
  });
}

// press leaves only a group of a chart, or all of them if that was so already.
function press(chart, name) {
  if (charts.filters[chart] === name) delete charts.filters[chart];
  else charts.filters[chart] = name;
  refresh();
  changed();
  [...document.querySelectorAll(`[data-chart="${chart}"] li button`)].find((b) => b.dataset.name === name)?.focus();
}

// short keeps the last words of a long name, where it differs from others. What names
// begin with, which a family is called by, stays.
function short(name) {
  let s = name;
  while (!name.endsWith("…") && s.length > 22 && /[_/:.-][^_/:.…-]/.test(s)) s = s.replace(/^.*?[_/:.-](?=[^_/:.…-])/, "");
  return s === name ? name : "…" + s;
}

// groupButton is the button of a group. What stands in it is up to the chart.
function groupButton(chart, name, hint, ...content) {
  return element("li", {}, element("button", {
    type: "button", "aria-pressed": String(charts.filters[chart] === name), title: hint || name || "(none)", "data-name": name, onclick: () => press(chart, name),
  }, ...content));
}

const num = (n) => element("span", { class: "number" }, count(n));
const per = (n, all) => element("span", { class: "share" }, share(n, all));

// byForm counts the sites of groups, form by form.
function byForm(sites, groupOf) {
  const groups = new Map();
  for (const site of sites) {
    const g = groupOf(site);
    if (!groups.has(g)) groups.set(g, new Map());
    const forms = groups.get(g);
    forms.set(columns.form[site], (forms.get(columns.form[site]) || 0) + 1);
  }
  const order = (forms) => [...forms].map(([s, n]) => [strings[s], n]).sort((a, b) => formRank(a[0]) - formRank(b[0]));
  return [...groups].map(([g, forms]) => [g, order(forms)]);
}
const formRank = (name) => data.forms.findIndex((f) => f.name === name);
const sum = (forms) => forms.reduce((a, [, n]) => a + n, 0);

// drawPart draws the groups of the chosen part among sites, the largest first.
function drawPart(sites) {
  const groups = groupsOf(charts.part), col = columns[charts.part.column];
  const found = within(sites, chartFilters("part"));
  const rows = byForm(found, (site) => groups.get(col[site])).sort((a, b) => sum(b[1]) - sum(a[1]) || (a[0] < b[0] ? -1 : 1));
  const shown = rows.filter(([g], i) => i < charts.shown || g === charts.filters.part);
  const rest = rows.length - shown.length;
  const most = Math.max(1, ...shown.map(([, forms]) => sum(forms)));
  const select = element("select", { id: "part" }, ...parts.map((p) => element("option", { value: p.name, selected: p === charts.part }, p.name)));
  select.addEventListener("change", () => {
    charts.part = parts.find((p) => p.name === select.value);
    charts.shown = step;
    delete charts.filters.part;
    refresh();
    changed();
    document.getElementById("part").focus();
  });
  const show = (n) => () => {
    const first = shown.length;
    charts.shown = n;
    drawPart(sites);
    document.querySelectorAll("#charts li button")[n > step ? first : 0]?.focus();
  };
  const more = Math.min(rest, Math.max(step, 4 * charts.shown));
  document.getElementById("charts").replaceChildren(element("section", { "data-chart": "part", "aria-label": "Sites by " + charts.part.name },
    element("h2", {}, element("label", { for: "part" }, "Sites by"), select),
    element("ul", {}, ...shown.map(([name, forms]) => groupButton("part", name, "",
      element("span", { class: "name" }, short(name || "(none)")), num(sum(forms)), per(sum(forms), found.length), stack(forms, most)))),
    element("p", { class: "more" },
      rest > 0 ? element("button", { type: "button", class: "quiet", id: "more", onclick: show(charts.shown + more) }, `Show ${count(more)} more` + (more < rest ? ` of ${count(rest)}` : "")) : null,
      charts.shown > step && rows.length > step ? element("button", { type: "button", class: "quiet", id: "fewer", onclick: show(step) }, "Show fewer") : null)));
}
