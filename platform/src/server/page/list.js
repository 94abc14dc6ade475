// All things, in rows of one height; only those that can be seen are in the page, so that thousands stay quick.

import { atFrame, byId, later, make, setText } from "./dom.js";
import { watch } from "./live.js";
import { ask } from "./rest.js";
import * as store from "./store.js";
import { count, text, when } from "./values.js";

const rows = byId("rows");
const built = new Map(); // name -> parts of a row that is in the page
let found = []; // names that pass search and choice
let height = 0; // of a row, in px
let open = false;
let scrolled = 0;

const MARGIN = 8; // rows above and below what is seen: the next one can be reached by Tab
const VALUES = 4; // values in a row

export function show() {
  open = true;
  document.title = "Things \u2013 edgebind platform";
  measure();
  scrollTo(0, scrolled);
  sift();
}

export function hide() {
  scrolled = scrollY;
  open = false;
}

/** Things came, went or changed their state. */
export function changed() {
  if (open) sift();
}

export function valuesChanged(values) {
  if (!open) return;
  for (const name of new Set(values.map((value) => value.thing))) fillValues(name);
}

const sift = atFrame(() => {
  const wanted = byId("search").value.trim().toLowerCase();
  const which = byId("which").value;
  const passes = (name) => {
    const thing = store.things.get(name);
    if (which !== "all" && thing.connected !== (which === "connected")) return false;
    return wanted === "" || [name, thing.identifier, thing.template, thing.description]
      .some((part) => part?.toLowerCase().includes(wanted));
  };
  found = store.names.filter(passes);
  byId("empty").hidden = !store.complete || store.things.size > 0;
  setText(byId("found"), found.length === store.things.size ? "" : `${count(found.length, "thing")} found`);
  rows.style.height = `${found.length * height}px`;
  render();
});

const render = atFrame(() => {
  if (!open) return;
  const top = Math.max(0, -rows.getBoundingClientRect().top);
  const first = Math.max(0, Math.floor(top / height) - MARGIN);
  const last = Math.min(found.length, Math.ceil((top + innerHeight) / height) + MARGIN);
  const visible = found.slice(first, last);
  const keep = new Set(visible);
  for (const [name, row] of built) {
    // The row with the focus stays, so that the keyboard does not lose its place.
    if (keep.has(name) || (row.element.contains(document.activeElement) && store.things.has(name))) continue;
    row.element.remove();
    built.delete(name);
  }
  let before = null;
  visible.forEach((name, at) => {
    const row = built.get(name) ?? build(name);
    fill(name, row, first + at);
    const follows = before ? before.nextSibling : rows.firstChild;
    if (follows !== row.element) rows.insertBefore(row.element, follows);
    before = row.element;
  });
  watchVisible();
});

const watchVisible = later(80, () => {
  if (open) watch(found.filter((name) => built.has(name)));
});

function build(name) {
  const row = {
    link: make("span", { class: "link" }),
    about: make("span", { class: "about" }),
    values: make("span", { class: "values" }),
  };
  row.anchor = make("a", { href: `#/things/${encodeURIComponent(name)}` },
    make("span", { class: "name", text: name }), row.link, row.about, row.values);
  row.element = make("div", { role: "listitem", class: "row" }, row.anchor);
  row.element.dataset.thing = name;
  built.set(name, row);
  fillValues(name);
  return row;
}

function fill(name, row, at) {
  const thing = store.things.get(name);
  row.element.style.transform = `translateY(${at * height}px)`;
  row.element.setAttribute("aria-posinset", String(at + 1));
  row.element.setAttribute("aria-setsize", String(found.length));
  row.element.classList.toggle("connected", thing.connected);
  setText(row.link, linkText(thing));
  setText(row.about, thing.description ? `${thing.template} \u2013 ${thing.description}` : thing.template);
}

export function linkText(thing) {
  if (thing.connected) return `connected since ${when(thing.lastConnection)}`;
  return thing.lastConnection === null ? "never connected" : `not connected, last ${when(thing.lastConnection)}`;
}

/** Everything about a thing came. */
export function fillValues(name) {
  const row = built.get(name);
  const thing = store.shown.get(name);
  if (!row || !thing) return;
  const properties = [...thing.properties.values()];
  const known = properties.filter((property) => property.time !== null);
  // Numbers first: they are short, and they move.
  const first = [...known.filter(isShort), ...known.filter((property) => !isShort(property))].slice(0, VALUES);
  if (row.values.childElementCount !== first.length) {
    row.values.replaceChildren(...first.map(() => make("span", {}, make("i"), make("b"))));
  }
  first.forEach((property, at) => {
    const [label, value] = row.values.children[at].children;
    setText(label, property.name);
    setText(value, text(property.value, property.baseType));
    value.classList.toggle("bad", property.quality !== "GOOD");
  });
}

const isShort = ({ baseType }) => ["NUMBER", "INTEGER", "LONG", "BOOLEAN"].includes(baseType);

function measure() {
  const probe = make("div", { class: "row" });
  rows.append(probe);
  height = probe.getBoundingClientRect().height || 64;
  probe.remove();
}

addEventListener("scroll", render, { passive: true });
addEventListener("resize", () => { if (open) { measure(); sift(); } });
byId("search").addEventListener("input", sift);
byId("which").addEventListener("change", sift);

byId("new").addEventListener("click", () => {
  const form = byId("create");
  form.hidden = !form.hidden;
  byId("new").setAttribute("aria-expanded", String(!form.hidden));
  if (!form.hidden) byId("create-name").focus();
  render();
});

byId("create").addEventListener("submit", async (event) => {
  event.preventDefault();
  const note = byId("create").querySelector(".note");
  const thing = { name: byId("create-name").value, template: byId("create-template").value };
  if (byId("create-identifier").value) thing.identifier = byId("create-identifier").value;
  try {
    await ask("POST", "/Thingworx/Things", JSON.stringify(thing));
    location.hash = `#/things/${encodeURIComponent(thing.name)}`;
    event.target.reset();
    setText(note, "");
  } catch (error) {
    setText(note, error.message);
  }
});
