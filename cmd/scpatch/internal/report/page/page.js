// SPDX-License-Identifier: BSD-3-Clause

// The page as a whole: the search field and the keyboard.

const clear = () => { clearAll(); changed(); };

search.addEventListener("input", () => { refresh(); changed(); });
search.addEventListener("keydown", (e) => {
  if (e.key === "Enter" || e.key === "ArrowDown") {
    if (view.at < 0 && view.sites.length > 0) choose(0);
    grid.focus();
  } else if (e.key === "Escape") {
    if (search.value === "") grid.focus();
    search.value = "";
    refresh();
    changed();
  } else return;
  e.preventDefault();
});
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target === search) return;
  if (e.key === "/") { search.focus(); search.select(); }
  else if (e.key === "Escape" && e.target === grid && getComputedStyle(detail).position === "fixed") dismiss();
  else if (e.key === "Escape" && e.target !== grid) grid.focus();
  else return;
  e.preventDefault();
});
document.getElementById("clear").addEventListener("click", () => { clear(); grid.focus(); });
document.getElementById("copy").replaceWith(copyButton(() => current() || "#", "Copy link"));
const how = document.getElementById("how"), hint = document.getElementById("hint");
how.addEventListener("click", () => {
  hint.hidden = !hint.hidden;
  how.setAttribute("aria-expanded", String(!hint.hidden));
});
if (total > 0) { // examples that find something
  document.getElementById("trykey").textContent = "key=" + quoteWord(text("key", 0));
  document.getElementById("tryplace").textContent = quoteWord(place(0));
}
for (const example of hint.querySelectorAll("[data-try]")) {
  example.addEventListener("click", () => { search.value = example.textContent; refresh(); changed(); search.focus(); });
}
addEventListener("hashchange", follow);
addEventListener("resize", drawRows);
new ResizeObserver(drawRows).observe(scroll);
// What stays in sight below the header has to know how high that is.
const header = document.querySelector("header");
new ResizeObserver(() => document.body.style.setProperty("--header", header.offsetHeight + "px")).observe(header);
document.body.classList.toggle("compare", data.compare);
document.body.classList.toggle("hollow", total === 0);

drawMade();
follow();
