// SPDX-License-Identifier: BSD-3-Clause

// The search: what was typed becomes terms, and each term a test of a site.

const lower = strings.map((s) => s.toLowerCase());

// What a person may name in a search, and the columns that it means.
const fields = {
  key: ["key"], function: ["function", "symbol"], section: ["section"], file: ["file"], object: ["file"],
  form: ["form"], reason: ["reason"], target: ["target"],
};
if (data.compare) Object.assign(fields, { change: ["change"], was: ["was"], now: ["form"] });
const everywhere = ["key", "function", "symbol", "section", "file", "form", "reason", "target", "change", "was"].filter((c) => columns[c].length > 0);
const fieldNames = [...Object.keys(fields), "cost"];
// Of these a word that nothing has is most likely misspelled, and all words can be listed.
const listable = ["form", "reason", "change", "was", "now"];

// quoteWord is a word as a search takes it.
const quoteWord = (s) => (/[\s"]/.test(s) || s === "" ? `"${s.replaceAll('"', "")}"` : s);

// parse makes terms of what was typed: words and quoted words, each with a field before
// it, or a minus.
function parse(query) {
  const terms = [];
  for (const [typed] of query.matchAll(/(?:[^\s"]|"[^"]*"?)+/g)) {
    const [, minus, name, mark, rest] = typed.match(/^(-?)(?:([a-z]+)(:(?!:)|=))?(.*)$/is);
    const field = name?.toLowerCase(), known = fieldNames.includes(field);
    const bare = known ? rest : typed.slice(minus.length);
    const quoted = bare.startsWith('"');
    // What is pasted from a message has a colon after a name.
    const word = bare.replaceAll('"', "").replace(quoted || known ? "" : /[:,]+$/, "").toLowerCase();
    if (word === "" && !(quoted && known)) continue; // it is still being typed
    const term = { typed, minus: minus !== "", field: known ? field : "", word, whole: known && mark === "=", notes: [] };
    if (name && !known && rest !== "") term.notes.push(`There is no field “${name}”. Fields are ${fieldNames.join(", ")}.`);
    term.test = term.field === "cost" ? costTest(term) : wordTest(term);
    terms.push(term);
  }
  return terms;
}

// costTest is the test of cost:7, cost:>2 or cost:unknown.
function costTest(term) {
  const m = term.word.match(/^(<=|>=|<|>|)(\d+)$/);
  if (term.word === "unknown" || term.word === "-") return (site) => data.cost[site] < 0;
  if (!m) {
    term.notes.push(`A cost is a number: cost:7, cost:>2, cost:<=7, or cost:unknown.`);
    return () => false;
  }
  const n = Number(m[2]);
  const compare = { "": (c) => c === n, "<": (c) => c < n, "<=": (c) => c <= n, ">": (c) => c > n, ">=": (c) => c >= n }[m[1]];
  return (site) => data.cost[site] >= 0 && compare(data.cost[site]);
}

// wordTest is the test of a word. What it means is asked once for each text, not for
// each site.
function wordTest({ word, whole, field }) {
  const cols = (fields[field] || everywhere).map((name) => columns[name]);
  let fits = (s) => (whole ? s === word : s.includes(word));
  if (word.includes("*")) {
    const glob = word.split("*").map((s) => s.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*");
    const re = new RegExp(whole ? `^${glob}$` : glob, "s");
    fits = (s) => re.test(s);
  }
  const hit = Uint8Array.from(lower, fits);
  const test = (site) => cols.some((col) => hit[col[site]]);
  const at = placeTest(word, field);
  return at ? (site) => at(site) || test(site) : test;
}

// placeTest is the test of a place as scpatch prints it, function+0x14 or section+0x14;
// undefined if the word is no place. Of a name with blanks, the last word is enough.
function placeTest(word, field) {
  const m = word.match(/^(.*)\+(0x[0-9a-f]+)$/s);
  if (!m || !["", "function", "section"].includes(field)) return undefined;
  const offset = Number(m[2]), name = m[1];
  const named = Uint8Array.from(lower, (s) => s === name || s.endsWith(" " + name));
  const within = (column, offsets) => (site) => named[columns[column][site]] && columns[offsets][site] === offset;
  const tests = [];
  if (field !== "section") tests.push(within("function", "function_offset"), within("symbol", "function_offset"));
  if (field !== "function") tests.push(within("section", "offset"));
  return (site) => tests.some((test) => test(site));
}

// find returns the sites that fit all terms.
function find(terms) {
  return within(all, terms.map(({ test, minus }) => (minus ? (site) => !test(site) : test)));
}

// within returns those of sites that pass all tests.
function within(sites, tests) {
  for (const test of tests) sites = sites.filter(test);
  return sites;
}

// remarks says what is wrong with the terms: a field that does not exist, and, as sites
// is what was found, a word that nothing has.
function remarks(terms, sites) {
  const notes = [];
  for (const term of terms) {
    notes.push(...term.notes);
    if (term.notes.length > 0 && term.field === "cost") continue;
    if ((sites.length === 0 || term.minus) && total > 0 && !all.some(term.test)) notes.push(unknown(term));
  }
  return [...new Set(notes)];
}

// unknown says that nothing has the word of a term.
function unknown({ typed, minus, field, word }) {
  if (listable.includes(field)) {
    const has = [...everySite(fields[field][0]).keys()].filter((s) => s !== 0).sort((a, b) => (strings[a] < strings[b] ? -1 : 1)).map((s) => strings[s]);
    return `No site has the ${field} “${word}”.` + (has.length > 0 && has.length <= 12 ? ` This page has ${has.join(", ")}.` : "");
  }
  return field ? `No site has “${word}” as its ${field}.` : `“${minus ? typed.slice(1) : typed}” occurs nowhere on this page.`;
}
