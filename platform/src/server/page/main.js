// Starts the page: the key, the live socket, and which view the address names.

import { byId, setText } from "./dom.js";
import * as list from "./list.js";
import { connect, watch } from "./live.js";
import { keepKey } from "./rest.js";
import * as store from "./store.js";
import * as thing from "./thing.js";
import * as wire from "./wire.js";

const views = { list, thing, wire };
let current = null;
let down = "connecting";

function route() {
  const [kind, name] = location.hash.replace(/^#\//, "").split("/").map(decoded);
  const next = kind === "wire" ? "wire" : name ? "thing" : "list";
  const first = current === null;
  if (current) views[current].hide();
  for (const id of Object.keys(views)) byId(id).hidden = id !== next;
  current = next;
  if (next !== "list") scrollTo(0, 0);
  if (next === "wire") watch([]);
  views[next].show(name);
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.getAttribute("href") === (next === "wire" ? "#/wire" : "#/things");
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!first) byId(`${next}-title`)?.focus({ preventScroll: true });
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function tellState() {
  const text = down ?? `${store.connected} of ${store.things.size} things connected`;
  setText(byId("state"), text);
  byId("state").classList.toggle("bad", down !== null);
}

// Once a second: what is read aloud must not change with every bind of thousands.
let telling = 0;
function tellSoon() {
  if (telling) return;
  telling = setTimeout(() => { telling = 0; tellState(); }, 1000);
}

const listener = {
  picture(picture) {
    if (down !== null) {
      down = null;
      tellSoon();
      if (byId("ask").hidden === false) byId("ask").hidden = true;
      if (current === null) route();
    }
    const changed = store.take(picture);
    if (changed.list) {
      list.changed();
      tellSoon();
    }
    for (const name of changed.views) list.fillValues(name);
    if (changed.list || changed.views.size > 0) thing.changed();
    list.valuesChanged(changed.values);
    thing.valuesChanged(changed.values);
    if (changed.events.size > 0) thing.eventFired(changed.events);
    if (picture.lines || picture.missed) wire.lines(picture.lines ?? [], picture.missed ?? 0);
    if (store.complete && telling === 0) tellState();
  },
  state(text) {
    down = text;
    tellState();
  },
  refused(reason) {
    down = "no key";
    tellState();
    for (const id of Object.keys(views)) byId(id).hidden = true;
    if (current) views[current].hide();
    current = null;
    byId("ask").hidden = false;
    setText(byId("refused"), reason);
    byId("key").focus();
  },
};

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  keepKey(byId("key").value);
  byId("ask").hidden = true;
  connect(listener);
});

addEventListener("hashchange", () => { if (current) route(); });
connect(listener);
