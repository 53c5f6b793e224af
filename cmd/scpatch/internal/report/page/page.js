// SPDX-License-Identifier: BSD-3-Clause

// The page as a whole: what stands at its top, the keyboard, and addresses.

const search = document.getElementById("search");

function drawTotals() {
  const parts = [[total, "site"], [everySite("symbol").size, "function"], [everySite("key").size, "key"]].map(([n, one], i) => {
    const [number, name] = plural(n, one).split(" ");
    return element("span", {}, ["", "in ", "of "][i], element("b", {}, number), " " + name);
  });
  document.getElementById("totals").replaceChildren(...parts);
}

// follow chooses the site that the address names, and shows it whatever was
// searched for.
function follow() {
  if (location.hash.length < 2) return;
  const site = linked(location.hash);
  if (site < 0) {
    detail.replaceChildren(element("p", { class: "empty", role: "alert" }, "No site on this page matches the link."));
    return;
  }
  if (!view.sites.includes(site)) clearAll();
  choose(view.sites.indexOf(site));
}

function clearAll() {
  search.value = "";
  charts.filters = {};
  refresh();
}

search.addEventListener("input", refresh);
search.addEventListener("keydown", (e) => {
  if (e.key === "Enter" || e.key === "ArrowDown") {
    if (view.at < 0 && view.sites.length > 0) choose(0);
    grid.focus();
  } else if (e.key === "Escape") {
    if (search.value === "") grid.focus();
    search.value = "";
    refresh();
  } else return;
  e.preventDefault();
});
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target === search) return;
  if (e.key === "/") { search.focus(); search.select(); }
  else if (e.key === "Escape" && e.target !== grid) grid.focus();
  else return;
  e.preventDefault();
});
document.getElementById("clear").addEventListener("click", () => { clearAll(); grid.focus(); });
addEventListener("hashchange", follow);
narrow.addEventListener("change", drawRows);

drawTotals();
drawHead();
refresh();
drawDetail(-1);
follow();
