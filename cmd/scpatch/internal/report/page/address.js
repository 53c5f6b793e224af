// SPDX-License-Identifier: BSD-3-Clause

// The address: after its # are the search, the filters, the order and the chosen site,
// so that a link shows what the one who sends it sees.

// byFunction has the sites of each function.
const byFunction = once(() => {
  const sites = new Map();
  for (const s of all) {
    const f = functionOf(s);
    if (!sites.has(f)) sites.set(f, []);
    sites.get(f).push(s);
  }
  return sites;
});

// identity is what a link says of a site: its file, and its place in a function,
// which code that moves does not change. Where that is of several sites, their
// section and place there follow; and where even those agree, which of them it is.
function identity(site) {
  const symbol = text("symbol", site);
  const agree = (...names) => byFunction().get(functionOf(site)).filter((s) => names.every((name) => columns[name][s] === columns[name][site]));
  const id = [["file", text("file", site)]];
  if (symbol !== "") id.push(["function", symbol], ["offset", hex(number("function_offset", site))]);
  if (symbol !== "" && agree("function_offset").length === 1) return id;
  id.push(["section", text("section", site)], ["at", hex(number("offset", site))]);
  const twins = agree("section", "offset");
  return twins.length === 1 ? id : [...id, ["nth", String(twins.indexOf(site) + 1)]];
}
const fragment = (pairs) => "#" + pairs.map(([k, v]) => k + "=" + encodeURIComponent(v)).join("&");
const link = (site) => fragment(identity(site));

function decode(s) {
  try { return decodeURIComponent(s); } catch { return s; }
}

// pairsOf are the names and values of an address. A name may stand there once.
const pairsOf = (hash) => hash.replace(/^#/, "").split("&").filter(Boolean).map((p) => {
  const i = p.indexOf("=");
  return i < 0 ? [decode(p), undefined] : [decode(p.slice(0, i)), decode(p.slice(i + 1))];
});

const siteNames = ["file", "function", "offset", "section", "at", "nth"];

// linked returns the site that an address names: -1 for one that is not here, undefined
// if it names none.
function linked(hash) {
  const pairs = pairsOf(hash), id = Object.fromEntries(pairs);
  if (!pairs.some(([k]) => siteNames.includes(k))) return undefined;
  if (!id.file || (id.function === undefined && id.section === undefined)) return -1;
  const found = all.filter((s) => text("file", s) === id.file &&
    (id.function === undefined || (text("symbol", s) === id.function && hex(number("function_offset", s)) === id.offset)) &&
    (id.section === undefined || (text("section", s) === id.section && hex(number("offset", s)) === id.at)));
  return found[id.nth ? Number(id.nth) - 1 : 0] ?? -1;
}

// What an address may say of the view: how it is read, which is false for a value that
// means nothing here, and what it says now, if that is not what a new page shows.
const settings = {
  search: { set: (v) => { search.value = v; return true; }, get: () => search.value || undefined },
  ...Object.fromEntries(["form", "reason", ...(data.compare ? ["change"] : [])].map((chart) => [chart, {
    set: (v) => { charts.filters[chart] = v; return (v === "" && chart === "reason") || (v !== "" && columns[chart].includes(strings.indexOf(v))); },
    get: () => charts.filters[chart],
  }])),
  by: {
    set: (v) => { const part = parts.find((p) => p.name === v); charts.part = part || charts.part; return part !== undefined; },
    get: () => (charts.part === parts[0] && charts.filters.part === undefined ? undefined : charts.part.name),
  },
  group: {
    set: (v) => { charts.filters.part = v; return [...groupsOf(charts.part).values()].includes(v); },
    get: () => charts.filters.part,
  },
  sort: {
    set: (v) => {
      const name = v.replace(/^-/, "");
      if (!tableColumns.some((c) => c.name === name)) return false;
      view.column = name;
      view.down = v.startsWith("-");
      return true;
    },
    get: () => (view.column === unsorted && !view.down ? undefined : (view.down ? "-" : "") + view.column),
  },
};

// current is the address of what is shown.
function current() {
  const pairs = Object.entries(settings).map(([name, s]) => [name, s.get()]).filter(([, v]) => v !== undefined);
  if (view.at >= 0) pairs.push(...identity(chosen()));
  return pairs.length > 0 ? fragment(pairs) : "";
}

// changed brings the address up to date. A browser refuses it for a while if that is
// done too often, so keys that are held down count once.
let pending = 0, shown = location.hash;
function changed() {
  document.getElementById("bad").replaceChildren();
  keepAddress();
  pending = setTimeout(saveAddress, 150);
}
function keepAddress() {
  clearTimeout(pending);
  pending = 0;
}
function saveAddress() {
  keepAddress();
  if (location.hash !== shown) return; // a link that has yet to be followed
  history.replaceState(null, "", location.href.split("#")[0] + current());
  shown = location.hash;
}

function clearAll() {
  search.value = "";
  charts.filters = {};
  refresh();
}

// follow shows what the address asks for: a view, a site, or both. A link to a site
// alone leaves the view as it is, unless that hides the site.
function follow() {
  const pairs = pairsOf(location.hash), complaints = [];
  keepAddress();
  shown = location.hash;
  const known = pairs.filter(([k]) => k in settings);
  if (known.length > 0 || pairs.length === 0) {
    search.value = "";
    Object.assign(charts, { filters: {}, part: parts[0], shown: step });
    Object.assign(view, { at: -1, column: unsorted, down: false });
  }
  for (const [name, s] of Object.entries(settings)) { // "by" before "group"
    const pair = known.find(([k]) => k === name);
    if (pair && (pair[1] === undefined || !s.set(pair[1]))) {
      delete charts.filters[name === "group" ? "part" : name];
      complaints.push(`${name}=${pair[1] ?? ""} means nothing on this page.`);
    }
  }
  for (const [k, v] of pairs) {
    if (!(k in settings) && !siteNames.includes(k)) complaints.push(`${k}${v === undefined ? "" : "=" + v} is not something a link can ask for.`);
  }
  const site = linked(location.hash);
  view.at = -1;
  drawHead();
  refresh();
  if (site >= 0 && !view.sites.includes(site)) {
    if (known.length > 0) complaints.push("The link names a site that its own search or filters leave out. They were removed.");
    clearAll();
  }
  if (site === -1) complaints.push(missing(Object.fromEntries(pairs)));
  if (site >= 0) choose(view.sites.indexOf(site));
  else drawDetail(-1);
  changed();
  if (complaints.length === 0) return;
  keepAddress(); // a bad link stays in the address, to be read
  drawBad(complaints);
}

// missing says which site a link asks for.
function missing(id) {
  const at = id.function === undefined ? `${id.section ?? "?"}+${id.at ?? "?"}` : `${id.function}+${id.offset ?? "?"}`;
  return `No site on this page matches the link (file ${id.file ?? "?"}, ${id.function === undefined ? "section" : "function"} ${at}).`;
}

// drawBad says what is wrong with a link, and shows what is near to it.
function drawBad(complaints) {
  const id = Object.fromEntries(pairsOf(location.hash));
  const near = linked(location.hash) === -1 && id.function ? all.filter((s) => text("symbol", s) === id.function) : [];
  const show = near.length === 0 ? null : element("button", { type: "button", class: "quiet", onclick: () => {
    charts.filters = {};
    search.value = "function=" + quoteWord(id.function);
    refresh();
    changed();
    grid.focus();
  } }, near.length === 1 ? "Show the site of this function" : `Show the ${count(near.length)} sites of this function`);
  document.getElementById("bad").replaceChildren(...(complaints.length === 0 ? [] : [
    element("div", { class: "text" }, ...complaints.map((s) => element("p", {}, s))),
    element("div", { class: "buttons" }, show, element("button", { type: "button", class: "quiet", onclick: () => { changed(); grid.focus(); } }, "Dismiss")),
  ]));
}
