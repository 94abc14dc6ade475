// One thing: its state, properties, services, what the edge offers, events.

import { make, byId, setText } from "./dom.js";
import { events, eventsFired } from "./events.js";
import { linkText } from "./list.js";
import { watch } from "./live.js";
import { fillProperty, propertyRow } from "./properties.js";
import { remote } from "./remote.js";
import { ask, of } from "./rest.js";
import { serviceRow } from "./services.js";
import * as store from "./store.js";

const place = byId("thing");
let shown = null; // parts of the thing that is shown

export function show(name) {
  document.title = `${name} \u2013 edgebind platform`;
  watch([name]);
  shown = {
    name,
    link: make("p", { class: "link", role: "status" }),
    about: make("p", { class: "about" }),
    properties: make("ul", { class: "items" }),
    rows: new Map(),
    services: make("ul", { class: "items" }),
    serviceRows: new Map(),
    noProperties: make("p", { class: "soft", text: "None yet: browse what the edge offers, and add it." }),
    noServices: make("p", { class: "soft", text: "None yet: browse what the edge offers, and add it." }),
  };
  shown.events = events(name);
  const title = make("h2", { id: "thing-title", tabindex: "-1", text: name });
  place.replaceChildren(
    make("p", { class: "back" }, make("a", { href: "#/things", text: "All things" })),
    make("div", { class: "title" }, title, shown.link, shown.about,
      make("p", { class: "actions" },
        make("a", { class: "button", href: `#/wire/${encodeURIComponent(name)}`, text: "Its messages" }), deletion(name))),
    make("div", { class: "columns" },
      part("Properties", shown.noProperties, shown.properties),
      make("div", {},
        part("Services", shown.noServices, shown.services),
        remote(name),
        shown.events)),
  );
  changed();
}

export function hide() {
  shown = null;
  place.replaceChildren();
}

/** The thing came, went, or changed its state or definitions. */
export function changed() {
  if (!shown) return;
  const summary = store.things.get(shown.name);
  place.classList.toggle("connected", Boolean(summary?.connected));
  if (!summary) {
    setText(shown.link, store.complete ? "no thing of this name" : "");
    setText(shown.about, "");
    return;
  }
  const thing = store.shown.get(shown.name);
  const as = thing?.boundName && thing.boundName !== thing.name ? ` as ${thing.boundName}` : "";
  setText(shown.link, linkText(summary) + (summary.connected ? as : ""));
  const about = [summary.template, summary.identifier && `identifier ${summary.identifier}`,
    thing?.ephemeral && "goes with its connection", summary.description];
  setText(shown.about, about.filter(Boolean).join(" \u2013 "));
  if (!thing) return;
  reconcile(shown.properties, shown.rows, [...thing.properties.values()],
    (property) => propertyRow(thing.name, property), fillProperty);
  reconcile(shown.services, shown.serviceRows, thing.services,
    (service) => serviceRow(thing.name, service), () => {});
  shown.noProperties.hidden = thing.properties.size > 0;
  shown.noServices.hidden = thing.services.length > 0;
}

export function valuesChanged(values) {
  for (const value of values) {
    const row = value.thing === shown?.name && shown.rows.get(value.property);
    if (row) fillProperty(row, store.shown.get(shown.name).properties.get(value.property), true);
  }
}

export function eventFired(names) {
  if (shown && names.has(shown.name)) eventsFired(shown.events);
}

/** Rows by name; one whose definition is another is built anew. */
function reconcile(list, rows, items, build, fill) {
  const wanted = new Map(items.map((item) => [item.name, item]));
  for (const [name, row] of rows) {
    const item = wanted.get(name);
    if (item && row.definition === definition(item)) continue;
    row.element.remove();
    rows.delete(name);
  }
  items.forEach((item, at) => {
    let row = rows.get(item.name);
    if (!row) {
      row = build(item);
      row.definition = definition(item);
      rows.set(item.name, row);
      list.insertBefore(row.element, list.children[at] ?? null);
    }
    fill(row, item);
  });
}

function definition({ value, time, quality, ...rest }) {
  return JSON.stringify(rest);
}

function part(title, ...children) {
  return make("section", { class: "card" }, make("h3", { text: title }), ...children);
}

function deletion(name) {
  let asked = false;
  const note = make("span", { class: "note", role: "status" });
  const button = make("button", {
    type: "button", text: "Delete thing",
    onblur: () => { asked = false; setText(button, "Delete thing"); },
    onclick: async () => {
      if (!asked) {
        asked = true;
        return setText(button, "Really delete it?");
      }
      try {
        await ask("DELETE", of(name));
        location.hash = "#/things";
      } catch (error) {
        setText(note, error.message);
      }
    },
  });
  return make("span", {}, button, note);
}
