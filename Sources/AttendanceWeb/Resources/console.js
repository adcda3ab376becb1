// The console works without this: every button is a form. What it adds: pages that stay true while they are open, a
// question before what cannot be undone, and a menu that folds on a phone.
"use strict";
const root = document.documentElement;
root.classList.add("script");

// --- Menu, languages, questions

document.addEventListener("click", event => {
  const menu = event.target.closest("button.menu");
  if (menu) menu.setAttribute("aria-expanded", String(menu.getAttribute("aria-expanded") !== "true"));
  const copier = event.target.closest("[data-copies]");
  if (copier) navigator.clipboard?.writeText(document.getElementById(copier.dataset.copies).textContent);
});

document.addEventListener("change", event => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  // One box that ticks all boxes of its table.
  if (event.target.matches("[data-ticks]")) {
    for (const box of document.querySelectorAll(event.target.dataset.ticks)) box.checked = event.target.checked;
  }
});

document.addEventListener("submit", event => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
  // Empty fields of a search do not belong into its address.
  if (event.target.matches("form[data-search]")) {
    for (const field of event.target.elements) field.disabled ||= field.name !== "" && field.value === "";
    setTimeout(() => { for (const field of event.target.elements) field.disabled = false; });
  }
});

// --- Live regions: <section id="…" data-live="topic topic">

const regions = [...document.querySelectorAll("[data-live]")];
const rows = document.querySelector("[data-live-rows]");
let fetching = false, again = false, last = 0;

// Somebody who types or has opened something in a region must not lose it.
const isBusy = region => region.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")
  || region.querySelector("details[open], :checked[type=checkbox]") !== null;

async function refresh() {
  if (fetching) { again = true; return; }
  fetching = true;
  // Many browsers must not ask all at once, and none of them without end.
  const wait = Math.max(300 + Math.random() * 700, last + 3000 - performance.now());
  await new Promise(done => setTimeout(done, wait));
  again = false;
  try {
    const answer = await fetch(location.href, { headers: { "X-Live": "1" }, redirect: "manual" });
    if (answer.type === "opaqueredirect") { location.reload(); return; }
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const region of document.querySelectorAll("[data-live]")) {
        const newer = fresh.getElementById(region.id);
        if (!newer || isBusy(region) || newer.innerHTML === region.innerHTML) continue;
        // Whoever goes through links by keyboard stays on theirs.
        const link = region.contains(document.activeElement) && document.activeElement.getAttribute("href");
        region.replaceChildren(...newer.childNodes);
        if (link) region.querySelector(`a[href="${CSS.escape(link)}"]`)?.focus({ preventScroll: true });
      }
    }
  } catch { /* The gateway restarts; the event source below notices and asks again. */ }
  last = performance.now();
  fetching = false;
  if (again) refresh();
}

// A row of a table that grows at its top: the page's <template> says how, by data-field.
function insert(item) {
  const row = document.querySelector("template[data-row]").content.firstElementChild.cloneNode(true);
  for (const slot of row.querySelectorAll("[data-field]")) slot.textContent = item[slot.dataset.field] ?? "";
  for (const link of row.querySelectorAll("[data-link]")) link.href = item[link.dataset.link];
  for (const tag of row.querySelectorAll("[data-tone]")) tag.className = "tag " + (item[tag.dataset.tone] ?? "");
  row.classList.add("fresh");
  rows.prepend(row);
  while (rows.children.length > 200) rows.lastElementChild.remove();
}

if (regions.length || rows) {
  const topics = new Set(regions.flatMap(region => region.dataset.live.split(" ")));
  let source, wasOpen = false;
  const listen = () => {
    source = new EventSource("/live" + (rows ? location.search : ""));
    source.addEventListener("open", () => { if (wasOpen) refresh(); wasOpen = true; root.dataset.live = "on"; });
    source.addEventListener("error", () => { root.dataset.live = "off"; });
    source.addEventListener("changed", event => {
      if (event.data.split(" ").some(topic => topics.has(topic))) refresh();
    });
    if (rows) source.addEventListener("punches", event => { for (const item of JSON.parse(event.data)) insert(item); });
  };
  // A hidden page costs nothing; when it is looked at again it is made true at once.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source?.close(); else { listen(); refresh(); }
  });
  if (!document.hidden) listen();
}

// --- A page that waits until the gateway has begun anew, and then goes on

const awaited = document.querySelector("[data-awaits]");
if (awaited) (async function ask() {
  try {
    const answer = await fetch(awaited.dataset.awaits, { headers: { "X-Live": "1" }, redirect: "manual" });
    if (answer.ok && await answer.text() !== awaited.dataset.run) { location.replace(awaited.dataset.then); return; }
  } catch { /* It is between two starts. */ }
  setTimeout(ask, 500);
})();
