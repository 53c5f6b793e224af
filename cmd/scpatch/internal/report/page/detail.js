// SPDX-License-Identifier: BSD-3-Clause

// The chosen site: where it is, its code before and after, why, and what else
// calls the key; and the link that names it.

const detail = document.getElementById("detail");

// identity is what a link says of a site: its file, and its place in a function,
// which code that moves does not change. Where that is of several sites, their
// section and place there follow; and where even those agree, which of them it is.
const identities = (() => {
  const seen = new Map();
  return (site) => {
    const symbol = text("symbol", site);
    const id = [["file", text("file", site)]];
    if (symbol !== "") id.push(["function", symbol], ["offset", hex(number("function_offset", site))]);
    const at = [["section", text("section", site)], ["at", hex(number("offset", site))]];
    if (seen.size === 0) {
      for (let s = 0; s < total; s++) {
        for (const k of [`${columns.file[s]} ${columns.symbol[s]} ${columns.function_offset[s]}`, `${columns.file[s]} ${columns.symbol[s]} ${columns.section[s]} ${columns.offset[s]}`]) {
          if (!seen.has(k)) seen.set(k, []);
          seen.get(k).push(s);
        }
      }
    }
    const same = seen.get(`${columns.file[site]} ${columns.symbol[site]} ${columns.function_offset[site]}`);
    if (symbol !== "" && same.length === 1) return id;
    const twin = seen.get(`${columns.file[site]} ${columns.symbol[site]} ${columns.section[site]} ${columns.offset[site]}`);
    return twin.length === 1 ? [...id, ...at] : [...id, ...at, ["nth", String(twin.indexOf(site) + 1)]];
  };
})();
const link = (site) => "#" + identities(site).map(([k, v]) => k + "=" + encodeURIComponent(v)).join("&");

// linked returns the site that an address names, -1 for none.
function linked(hash) {
  const id = Object.fromEntries(hash.replace(/^#/, "").split("&").map((p) => p.split("=").map(decode)));
  if (!id.file || (id.function === undefined && id.section === undefined)) return -1;
  const found = [];
  for (let s = 0; s < total; s++) {
    if (text("file", s) !== id.file) continue;
    if (id.function !== undefined && (text("symbol", s) !== id.function || hex(number("function_offset", s)) !== id.offset)) continue;
    if (id.section !== undefined && (text("section", s) !== id.section || hex(number("offset", s)) !== id.at)) continue;
    found.push(s);
  }
  return found[id.nth ? Number(id.nth) - 1 : 0] ?? -1;
}

function decode(s) {
  try { return decodeURIComponent(s); } catch { return s; }
}

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
  return element("ol", { class: "steps" }, ...list);
}

const most = 200; // of the sites of a key

// others lists the sites of the same key.
function others(site) {
  const key = columns.key[site];
  const all = [];
  for (let s = 0; s < total; s++) if (columns.key[s] === key && s !== site) all.push(s);
  const rows = all.slice(0, most).map((s) => element("li", {},
    element("a", { href: link(s) }, place(s)),
    element("span", { class: "where" }, several ? text("file", s) : text("section", s)),
    element("span", { class: "form" }, element("span", { class: "dot fill-" + text("form", s) }), text("form", s))));
  const title = all.length === 0 ? "No other site calls this key" : plural(all.length, "other site") + (all.length === 1 ? " calls this key" : " call this key");
  const only = element("button", { type: "button", class: "quiet" }, "Show in the table");
  only.addEventListener("click", () => {
    charts.filters = {};
    document.getElementById("search").value = `key="${text("key", site)}"`;
    refresh();
    grid.focus();
  });
  return element("section", { "aria-label": "Sites of the key" },
    element("div", { class: "bar" }, element("h3", {}, title), all.length > 0 ? only : null),
    element("ul", { class: "others" }, ...rows),
    all.length > most ? element("p", { class: "note" }, "and " + plural(all.length - most, "more site")) : null);
}

const kinds = {
  worse: "It got worse", better: "It got better", changed: "It has another form, which costs the same",
  gained: "It is new", lost: "It is gone, though its function is still there", gone: "It is gone, and so are all sites of its function",
  same: "It is as it was",
};

// drawDetail shows a site; -1 is none.
function drawDetail(site) {
  if (site < 0) {
    detail.replaceChildren(element("p", { class: "empty" }, total ? "Choose a site to see its code, and why it has its form." : "There are no static-call sites."));
    return;
  }
  const form = text("form", site), tail = flag(site, TAIL), notoc = flag(site, NOTOC);
  const before = [text("before", site), text("before_slot", site)], after = [text("after", site), text("after_slot", site)];
  const copy = element("button", { type: "button", class: "quiet" }, "Copy link");
  copy.addEventListener("click", () => {
    navigator.clipboard?.writeText(new URL(link(site), location.href).href).then(() => { copy.textContent = "Copied"; }, () => { copy.textContent = "Not allowed here"; });
  });
  const rows = [
    ["Function", place(site)], ["Section", area(site)], ["Object", text("file", site)],
    ["Kind", (tail ? "tail call" : "call") + (notoc ? ", the caller keeps no TOC pointer" : "")],
  ];
  const change = data.compare ? text("change", site) : "";
  const was = data.compare && change !== "gained" ? text("was", site) : "";
  detail.replaceChildren(...[
    element("div", { class: "bar" }, element("h2", {}, text("key", site)), element("span", { class: "badge" }, element("span", { class: "dot fill-" + form }), form)),
    change ? element("p", { class: "change" }, element("span", { class: "dot fill-" + change }), kinds[change] + (was !== form && was ? `: ${was} before, ${form} now.` : ".")) : null,
    element("dl", {}, ...rows.flatMap(([k, v]) => [element("dt", {}, k), element("dd", { title: v }, v)])),
    element("p", { class: "link" }, element("a", { href: link(site) }, "Link to this site"), copy),
    code("Before", number("offset", site), before, after, "del"),
    was && was !== form ? code("After, in the old listing", number("was_offset", site), [text("was_after", site), text("was_after_slot", site)], after, "del") : null,
    code(form === "keep" ? "After: as it was" : "After", number("offset", site), after, before, "ins"),
    element("section", { "aria-label": "Why" }, element("h3", {}, "Why"), steps(site)),
    others(site),
  ].filter(Boolean));
  detail.scrollTop = 0;
}

// readDetail gives the keyboard to what is shown of the chosen site.
function readDetail() {
  detail.focus();
  detail.querySelector("h2").scrollIntoView({ block: "nearest" }); // of a panel taller than the window, the start
}
