// SPDX-License-Identifier: BSD-3-Clause

// The chosen site: where it is, its code before and after, why, what to do, and what
// else calls the key.

const detail = document.getElementById("detail");

// code shows instructions with their offsets; what differs from the others is marked.
function code(title, offset, words, others, mark) {
  const lines = words.map((w, i) => [i, w]).filter(([, w]) => w !== "").map(([i, w]) => {
    const changed = w !== others[i];
    const [op, ...rest] = w.split(" "), [was, ...wasRest] = (others[i] || "").split(" ");
    const part = (s, differs) => (differs && s !== "" ? element(mark, {}, s) : s);
    return element("div", { class: changed ? "line changed" : "line" },
      element("span", { class: "at" }, (offset + 4 * i).toString(16)),
      element("code", {}, part(op, op !== was), "\u00a0", part(rest.join(" "), rest.join(" ") !== wasRest.join(" "))),
      changed ? element("span", { class: "hidden" }, " (changed)") : null);
  });
  return element("div", { class: "code code-" + mark, role: "group", "aria-label": title }, element("h3", {}, title), ...lines);
}

// steps say why the site has its form.
function steps(site) {
  const target = text("target", site), form = text("form", site), cost = data.cost[site];
  const list = [];
  const say = (...parts) => list.push(element("li", {}, ...parts));
  const name = (s) => element("code", {}, s);
  if (target === "?") say("What the key holds is not known here.");
  else say("The key holds ", name(target), ".");
  if (text("reason", site)) say(form === "keep" ? "It stays: " : "Neither direct nor a constant: ", text("why", site) + ". ", element("span", { class: "short" }, text("reason", site)));
  if (text("proof", site)) say("Proof: " + text("proof", site) + ".");
  say(data.forms.find((f) => f.name === form).text);
  if (cost > 0) say(`A call executes ${plural(cost, "instruction")} besides the branch.`);
  if (flag(site, DONE)) say("The site has this form already.");
  say(flag(site, LISTED) ? "The table of sites names it." : "No table of sites names it.");
  return element("section", { "aria-label": "Why" }, element("h3", {}, "Why"), element("ol", { class: "steps" }, ...list));
}

// remedy says what can be done about the reason.
function remedy(site) {
  const reason = text("reason", site), help = data.help[reason];
  if (!help?.todo) return null;
  return element("section", { class: "remedy", "aria-label": "What to do" }, element("h3", {}, "What to do"),
    element("p", {}, ...marked(help.todo)), element("p", { class: "note" }, "More: ", element("code", {}, "scpatch explain " + reason)));
}

const most = 200; // of the sites of a key

// others lists the sites of the same key.
function others(site) {
  const key = columns.key[site], list = all.filter((s) => columns.key[s] === key && s !== site);
  const rows = list.slice(0, most).map((s) => element("li", {},
    element("a", { href: link(s) }, place(s)),
    element("span", { class: "form" }, dot(text("form", s)), text("form", s) || "gone"),
    element("span", { class: "where" }, several ? text("file", s) : text("section", s))));
  const title = list.length === 0 ? "No other site calls this key" : plural(list.length, "other site") + (list.length === 1 ? " calls this key" : " call this key");
  const only = element("button", { type: "button", class: "quiet", onclick: () => {
    charts.filters = {};
    search.value = "key=" + quoteWord(text("key", site));
    refresh();
    changed();
    grid.focus();
  } }, "Show in the table");
  return element("section", { "aria-label": "Sites of the key" },
    element("div", { class: "bar" }, element("h3", {}, title), list.length > 0 ? only : null),
    element("ul", { class: "others" }, ...rows),
    list.length > most ? element("p", { class: "note" }, "and " + plural(list.length - most, "more site")) : null);
}

const kinds = {
  worse: "It got worse", better: "It got better", changed: "It has another form, which costs the same",
  gained: "It is new", lost: "It is gone, though its function is still there", gone: "It is gone, and so are all sites of its function",
  same: "It is as it was",
};

// wasAndNow has a site of both listings side by side.
function wasAndNow(site) {
  const was = text("was", site) !== "", now = text("form", site) !== "";
  const formText = (s) => (s ? element("span", {}, dot(s), s) : element("span", { class: "none" }, "none"));
  const off = (n) => (text("symbol", site) ? "+" + hex(n) : "");
  const words = (column) => [text(column, site), text(column + "_slot", site)].filter(Boolean).map((w) => element("code", { class: "word" }, w));
  const table = [
    ["Form", formText(text("was", site)), formText(text("form", site)), text("was", site) !== text("form", site)],
    ["Cost", was ? costText(data.was_cost[site]) : "", now ? costText(data.cost[site]) : "", was && now && data.was_cost[site] !== data.cost[site]],
    ["Holds", was ? text("was_target", site) : "", now ? text("target", site) : "", was && now && text("was_target", site) !== text("target", site)],
    ["Reason", was ? text("was_reason", site) || "none" : "", now ? text("reason", site) || "none" : "", was && now && text("was_reason", site) !== text("reason", site)],
    ["Place", was ? off(number("was_function_offset", site)) : "", now ? off(number("function_offset", site)) : "", false],
    ["Code", element("span", {}, ...(was ? words("was_after") : [])), element("span", {}, ...(now ? words("after") : [])), was && now && text("was_after", site) + text("was_after_slot", site) !== text("after", site) + text("after_slot", site)],
  ];
  return element("table", { class: "both" }, element("caption", { class: "hidden" }, "The site in the old and in the new listing"),
    element("thead", {}, element("tr", {}, element("td"), element("th", { scope: "col" }, "Was"), element("th", { scope: "col" }, "Now"))),
    element("tbody", {}, ...table.map(([name, a, b, differs]) => element("tr", { class: differs ? "differs" : "" }, element("th", { scope: "row" }, name), element("td", {}, a), element("td", {}, b)))));
}

// drawDetail shows a site; -1 is none.
function drawDetail(site) {
  document.body.classList.toggle("chosen", site >= 0);
  detail.hidden = total === 0;
  if (site < 0) {
    detail.replaceChildren(element("p", { class: "empty" }, "Choose a site to see its code, why it has its form, and what to do."));
    return;
  }
  const form = text("form", site), tail = flag(site, TAIL), notoc = flag(site, NOTOC);
  const before = [text("before", site), text("before_slot", site)], after = [text("after", site), text("after_slot", site)];
  const rows = [
    ["Function", place(site)], ["Section", area(site)], ["Object", text("file", site)],
    ["Kind", (tail ? "tail call" : "call") + (notoc ? ", the caller keeps no TOC pointer" : "")],
  ];
  const change = data.compare ? text("change", site) : "";
  const was = data.compare ? text("was", site) : "";
  const badge = form || "gone";
  detail.replaceChildren(...[
    element("div", { class: "bar" }, element("h2", {}, text("key", site)), element("span", { class: "badge" }, dot(form || change), badge),
      element("button", { type: "button", class: "quiet close", "aria-label": "Close what is shown of the site", onclick: dismiss }, "Close")),
    change ? element("p", { class: "change" }, dot(change), kinds[change] + (was && form && was !== form ? `: ${was} before, ${form} now.` : ".")) : null,
    element("dl", {}, ...rows.flatMap(([k, v]) => [element("dt", {}, k), element("dd", { title: v }, v)])),
    element("p", { class: "link" }, element("a", { href: link(site) }, "Link to this site"), copyButton(() => link(site), "Copy link")),
    data.compare ? wasAndNow(site) : null,
    form ? code("Before", number("offset", site), before, after, "del") : null,
    form ? code(form === "keep" ? "After: as it was" : "After", number("offset", site), after, before, "ins") : null,
    form ? steps(site) : null,
    form ? remedy(site) : null,
    others(site),
  ].filter(Boolean));
  detail.scrollTop = 0;
}

// dismiss leaves no site chosen.
function dismiss() {
  view.at = -1;
  drawDetail(-1);
  drawRows();
  changed();
  grid.focus();
}

// copyButton copies an address.
function copyButton(fragment, name) {
  const copy = element("button", { type: "button", class: "quiet" }, name);
  copy.addEventListener("click", () => {
    const said = (s) => { copy.textContent = s; setTimeout(() => { copy.textContent = name; }, 2000); };
    if (!navigator.clipboard) said("Not allowed here");
    else navigator.clipboard.writeText(new URL(fragment(), location.href).href).then(() => said("Copied"), () => said("Not allowed here"));
  });
  return copy;
}

// readDetail gives the keyboard to what is shown of the chosen site.
function readDetail() {
  detail.focus({ preventScroll: getComputedStyle(detail).position === "fixed" });
  detail.querySelector("h2").scrollIntoView({ block: "nearest" }); // of a panel taller than the window, the start
}
