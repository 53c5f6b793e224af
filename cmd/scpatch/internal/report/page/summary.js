// SPDX-License-Identifier: BSD-3-Clause

// What comes first: how many sites are direct, which are not and why, what could not be
// listed, and with what the listing was made.

const failures = data.listings.map((l) => l.failed);
const nothingChanged = data.compare && total > 0 && all.every((site) => text("change", site) === "same");

// formsOf has the number of sites for each form, in the order of the forms.
function formsOf(sites, column) {
  const n = tally(sites, column);
  return data.forms.map((f) => [f.name, n.get(strings.indexOf(f.name)) || 0]);
}

// A state is the sites of a listing: how many are direct, and the others.
function state(sites, column) {
  const forms = formsOf(sites, column), n = sum(forms), of = Object.fromEntries(forms);
  return { forms, n, direct: of.direct + of.constant, keep: of.keep, restore: n - of.direct - of.constant - of.keep };
}

const isAre = (n) => (n === 1 ? "is" : "are");

// answer says how many of how many are direct.
function answer(now, found) {
  const rest = [];
  if (now.restore > 0) rest.push(`${count(now.restore)} restore${now.restore === 1 ? "s" : ""} r2`);
  if (now.keep > 0) rest.push(`${count(now.keep)} stay${now.keep === 1 ? "s" : ""} on ${now.keep === 1 ? "its trampoline" : "their trampolines"}`);
  return element("div", { class: "answer" },
    element("p", { class: "big" }, element("b", { id: "share" }, share(now.direct, now.n) || "–"), element("span", {}, "direct")),
    element("p", { id: "answer" }, element("b", {}, `${count(now.direct)} of ${plural(now.n, "site")}`), ` ${isAre(now.direct)} direct or constant` + (rest.length > 0 ? `; ${rest.join(", ")}.` : ".")),
    stack(now.forms, now.n), where(found));
}

// noneFound stands where the answer does if there is none.
function noneFound() {
  return element("div", { class: "answer" }, element("p", { class: "big" }, element("b", { id: "share" }, "0"), element("span", {}, "sites found")));
}

// where says in how many functions, files and keys the sites are.
function where(found) {
  const files = tally(found, "file").size;
  return element("p", { class: "where", id: "totals" },
    `${plural(tally(found, "key").size, "key")}, called in ${plural(functionsOf(found), "function")}` + (several ? ` of ${plural(files, "file")}` : ""));
}

// oldAndNew has the answer of both listings, one above the other.
function oldAndNew(found) {
  const line = (name, s) => element("div", { class: "state", id: name.toLowerCase() },
    element("span", { class: "label" }, name), element("b", {}, share(s.direct, s.n) || "–"),
    element("span", { class: "of" }, `${count(s.direct)} of ${plural(s.n, "site")} direct or constant`), stack(s.forms, s.n));
  const said = nothingChanged ? element("p", { id: "unchanged" }, `Nothing changed: ${total === 1 ? "the site has the form it" : `all ${count(total)} sites have the form they`} had before.`) : null;
  return element("div", { class: "answer" }, said, line("Was", state(found, "was")), line("Now", state(found, "form")), where(found));
}

// chart is a list of groups under a title.
function chart(name, title, items, more) {
  return element("section", { "data-chart": name, "aria-label": title }, element("h2", {}, title), element("ul", {}, ...items), more);
}

// changeChart counts the changes.
function changeChart(sites) {
  const found = within(sites, chartFilters("change")), n = tally(found, "change");
  const rows = data.changes.map((c) => [c, n.get(strings.indexOf(c)) || 0]).filter(([c, k]) => k > 0 || charts.filters.change === c);
  return chart("change", "What changed", rows.map(([c, k]) => groupButton("change", c, kinds[c] + ".", element("span", { class: "name" }, dot(c), c), num(k), per(k, found.length))));
}

// formChart counts the forms; of two listings, both.
function formChart(sites) {
  const found = within(sites, chartFilters("form")), now = formsOf(found, "form"), n = sum(now);
  const was = data.compare ? formsOf(found, "was") : now;
  const rows = now.map(([f, k], i) => [f, was[i][1], k]).filter(([f, a, k]) => a > 0 || k > 0 || charts.filters.form === f);
  if (!data.compare) {
    return chart("form", "Form", rows.map(([f, , k]) => groupButton("form", f, data.forms[formRank(f)].text, element("span", { class: "name" }, dot(f), f), num(k), per(k, n))));
  }
  const head = element("li", { class: "heads", "aria-hidden": "true" }, element("span", {}), element("span", {}, "was"), element("span", {}, "now"));
  return chart("form", "Form", [head, ...rows.map(([f, a, k]) => groupButton("form", f, `${f}: was ${count(a)}, now ${count(k)}. The button shows those that have the form now.`,
    element("span", { class: "name" }, dot(f), f), element("span", { class: "number was" }, element("span", { class: "hidden" }, "was "), count(a)),
    element("span", { class: "number" }, element("span", { class: "hidden" }, "now "), count(k))))]);
}

const firstReasons = 6;
let allReasons = false;

// reasonChart says why sites are neither direct nor constant.
function reasonChart(sites) {
  const found = within(sites, chartFilters("reason")), others = found.filter((site) => columns.form[site] !== 0 && !isDirect(site));
  const n = found.filter((site) => columns.form[site] !== 0).length;
  if (others.length === 0 && charts.filters.reason === undefined) return null;
  const rows = byForm(others, (site) => text("reason", site)).sort((a, b) => sum(b[1]) - sum(a[1]) || (a[0] < b[0] ? -1 : 1));
  if (charts.filters.reason !== undefined && !rows.some(([r]) => r === charts.filters.reason)) rows.push([charts.filters.reason, []]);
  const shown = rows.filter(([r], i) => allReasons || i < firstReasons || r === charts.filters.reason);
  const rest = rows.length - shown.length;
  const more = rest > 0 || allReasons && rows.length > firstReasons ? element("p", { class: "more" }, element("button", {
    type: "button", class: "quiet", "aria-expanded": String(allReasons), id: "reasons",
    onclick: () => { allReasons = !allReasons; drawSummary(sites); document.getElementById("reasons")?.focus(); },
  }, allReasons ? "Show fewer" : `Show ${plural(rest, "more reason")}`)) : null;
  return chart("reason", "Not direct, because", shown.map(([r, forms]) => groupButton("reason", r, "",
    element("span", { class: "name" }, ...forms.map(([f]) => dot(f)), r || "no reason is recorded"), num(sum(forms)), per(sum(forms), n),
    data.help[r] ? element("span", { class: "because" }, ...marked(data.help[r].summary)) : null)), more);
}

// drawSummary counts the sites that the search has found. A chart shows all of its groups while
// one is pressed, so that another can be chosen.
function drawSummary(sites) {
  const found = within(sites, chartFilters("form", "reason"));
  const drawn = total === 0 ? [] : data.compare
    ? [found.length > 0 ? oldAndNew(found) : noneFound(), changeChart(sites), formChart(sites), reasonChart(sites)]
    : [found.length > 0 ? answer(state(found, "form"), found) : noneFound(), formChart(sites), reasonChart(sites)];
  document.getElementById("summary").replaceChildren(...drawn.filter(Boolean));
  document.getElementById("summary").hidden = drawn.length === 0;
}

// madeBy says with which scpatch and which options a listing was made.
function madeBy(l, name) {
  const files = plural(l.files, "file") + " listed";
  if (l.made.length === 0) return element("p", {}, name ? element("b", {}, name) : null, `${files}; the listing does not say how it was made`);
  return element("p", {}, name ? element("b", {}, name) : null, files, ...l.made.flatMap((o) => [
    " · ", `scpatch ${o.scpatch}`, " · ", ...(o.options.length > 0 ? o.options.flatMap((s, i) => [i ? " " : "", element("code", {}, s)]) : ["default options"])]));
}

// failed lists the files that could not be listed.
function failed(l, name) {
  if (l.failed.length === 0) return null;
  const n = l.failed.length, named = l.failed.slice(0, 3).map((e) => e.file).join(", ") + (n > 3 ? `, and ${count(n - 3)} more` : "");
  return element("details", { class: "failed", open: total === 0 },
    element("summary", {}, `${plural(n, "file")} could not be listed${name ? ` in the ${name} listing` : ""}, so ${n === 1 ? "its" : "their"} sites are missing: `, element("span", { class: "files" }, named)),
    element("ul", {}, ...l.failed.map((e) => element("li", {}, element("code", { class: "file" }, e.file), element("span", {}, ": " + e.what + " "), element("span", { class: "short" }, e.kind),
      data.help[e.kind]?.todo ? element("span", { class: "todo" }, ...marked(data.help[e.kind].todo)) : null))));
}

// drawMade shows what does not change with the search.
function drawMade() {
  const names = data.compare ? ["Old", "New"] : [""];
  document.getElementById("differ").replaceChildren(...data.differences.map((s) => element("p", {}, s[0].toUpperCase() + s.slice(1) + ".")));
  document.getElementById("made").replaceChildren(...[
    ...data.listings.map((l, i) => failed(l, names[i].toLowerCase())),
    element("div", { class: "by" }, ...data.listings.map((l, i) => madeBy(l, names[i]))),
  ].filter(Boolean));
}
