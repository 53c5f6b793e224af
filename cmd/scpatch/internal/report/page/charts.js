// SPDX-License-Identifier: BSD-3-Clause

// The counts: bars by form, by change, and by a part that the reader chooses.
// Each bar is a button that leaves only its sites.

const svgNS = "http://www.w3.org/2000/svg";

// element makes an element. Names of the objects become text, never markup.
function element(tag, props, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.filter((c) => c !== undefined && c !== null));
  return e;
}

// The parts of a chart: how they are called and which group a text is of.
const several = everySite("file").size > 1;
const directories = new Set([...everySite("file").keys()].map((s) => strings[s].replace(/[^/]*$/, "")));
const parts = [
  ...(directories.size > 1 ? [["directory", "file", true]] : []),
  ["key family", "key", true], ["function family", "function", true], ["key", "key", false],
  ["section", "section", false], ["target", "target", false], ["reason", "reason", false],
  ...(several ? [["object", "file", false]] : []),
].map(([name, column, family]) => ({ name, column, family }));

const charts = {
  filters: {}, // by chart, the group that is left
  part: parts[0],
  groups: new Map(), // by part, see groupsOf
};

// groupsOf has the group of each text of a part's column.
function groupsOf(part) {
  if (!charts.groups.has(part)) {
    charts.groups.set(part, part.family ? families(part.column) : new Map([...everySite(part.column).keys()].map((s) => [s, strings[s]])));
  }
  return charts.groups.get(part);
}

// chartFilters are the tests that the pressed bars make.
function chartFilters() {
  return Object.entries(charts.filters).map(([chart, want]) => {
    if (chart !== "part") return (site) => text(chart, site) === want;
    const groups = groupsOf(charts.part), col = columns[charts.part.column];
    return (site) => groups.get(col[site]) === want;
  });
}

// short keeps the last words of a long name, where it differs from others.
function short(name) {
  let s = name;
  while (s.length > 20 && /[_/:.-][^_/:.…-]/.test(s)) s = s.replace(/^.*?[_/:.-](?=[^_/:.…-])/, "");
  return s === name ? name : "…" + s;
}

// bar is a row of a chart: a button with a name, a number, and the number drawn,
// each form in its colour.
function bar(chart, name, forms, most) {
  const sum = forms.reduce((a, [, n]) => a + n, 0);
  const svg = document.createElementNS(svgNS, "svg");
  svg.setAttribute("viewBox", "0 0 100 4");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  let x = 0;
  for (const [kind, n] of forms) {
    const rect = document.createElementNS(svgNS, "rect");
    const width = (100 * n) / most;
    for (const [k, v] of Object.entries({ x: x.toFixed(2), width: Math.max(width, 0.6).toFixed(2), height: 4, class: "fill-" + kind })) rect.setAttribute(k, v);
    svg.append(rect);
    x += width;
  }
  const pressed = charts.filters[chart] === name;
  const button = element("button", { type: "button", "aria-pressed": String(pressed), title: name || "(none)" },
    element("span", { class: "name" }, short(name || "(none)")), element("span", { class: "number" }, count(sum)), svg);
  button.addEventListener("click", () => {
    if (pressed) delete charts.filters[chart];
    else charts.filters[chart] = name;
    refresh();
    document.querySelector(`[data-chart="${chart}"] [aria-pressed="true"]`)?.focus();
  });
  return element("li", {}, button);
}

// drawChart draws the bars of one chart, the longest twelve of a part.
function drawChart(chart, title, control, rows, note) {
  const most = Math.max(1, ...rows.map(([, forms]) => forms.reduce((a, [, n]) => a + n, 0)));
  return element("section", { "data-chart": chart, "aria-label": title },
    element("h2", {}, control || title),
    element("ul", {}, ...rows.map(([name, forms]) => bar(chart, name, forms, most))),
    note ? element("p", { class: "note" }, note) : null);
}

// byForm counts the sites of groups, form by form.
function byForm(sites, groupOf) {
  const groups = new Map();
  for (const site of sites) {
    const g = groupOf(site);
    if (!groups.has(g)) groups.set(g, new Map());
    const forms = groups.get(g);
    forms.set(columns.form[site], (forms.get(columns.form[site]) || 0) + 1);
  }
  const order = (forms) => [...forms].map(([s, n]) => [strings[s], n]).sort((a, b) => data.forms.findIndex((f) => f.name === a[0]) - data.forms.findIndex((f) => f.name === b[0]));
  return [...groups].map(([g, forms]) => [g, order(forms)]);
}

const longest = 12;

// drawCharts shows what the search has found, and all of it where a bar of the
// same chart is pressed, so that another can be chosen.
function drawCharts(query) {
  const without = (chart) => {
    const kept = charts.filters[chart];
    delete charts.filters[chart];
    const sites = find(query, chartFilters());
    if (kept !== undefined) charts.filters[chart] = kept;
    return sites;
  };
  const drawn = [];
  if (data.compare) {
    const n = tally(without("change"), "change");
    const rows = data.changes.filter((c) => n.get(strings.indexOf(c)) || charts.filters.change === c);
    drawn.push(drawChart("change", "Change", null, rows.map((c) => [c, [[c, n.get(strings.indexOf(c)) || 0]]])));
  }
  const n = tally(without("form"), "form");
  const used = data.forms.filter((f) => n.get(strings.indexOf(f.name)) || charts.filters.form === f.name);
  drawn.push(drawChart("form", "Form", null, used.map((f) => [f.name, [[f.name, n.get(strings.indexOf(f.name)) || 0]]])));

  const groups = groupsOf(charts.part), col = columns[charts.part.column];
  const size = (row) => row[1].reduce((a, [, k]) => a + k, 0);
  const rows = byForm(without("part"), (site) => groups.get(col[site]))
    .sort((a, b) => size(b) - size(a) || (a[0] < b[0] ? -1 : 1));
  const shown = rows.filter(([g], i) => i < longest || g === charts.filters.part);
  const rest = rows.length - shown.length;
  const select = element("select", { id: "part", "aria-label": "Count by" },
    ...parts.map((p) => element("option", { value: p.name, selected: p === charts.part }, "By " + p.name)));
  select.addEventListener("change", () => {
    charts.part = parts.find((p) => p.name === select.value);
    delete charts.filters.part;
    refresh();
    document.getElementById("part").focus();
  });
  drawn.push(drawChart("part", "By " + charts.part.name, select, shown, rest > 0 ? "and " + plural(rest, "more group") : ""));
  document.getElementById("charts").replaceChildren(...drawn);
}
