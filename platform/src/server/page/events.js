// The events of the thing that is shown; told by the live socket that there are new ones, had by REST.

import { later, make } from "./dom.js";
import { ask, ours } from "./rest.js";
import { when } from "./values.js";

export function events(thing) {
  const list = make("ol", { class: "events", reversed: true, "aria-label": "Events, newest first" });
  const element = make("section", { class: "card", id: "events" }, make("h3", { text: "Events" }), list);
  const load = async () => {
    try {
      const { body } = await ask("GET", ours(thing, "events"));
      const told = JSON.parse(body).events.sort((a, b) => b.time - a.time);
      list.replaceChildren(...told.map((event) => make("li", {},
        make("span", { class: "soft", text: when(event.time) }), " ", make("strong", { text: event.name }), " ",
        make("code", { text: shortened(event.data) }))));
      if (told.length === 0) list.replaceChildren(make("li", { class: "soft", text: "None yet." }));
    } catch (error) {
      list.replaceChildren(make("li", { class: "bad", text: error.message }));
    }
  };
  element.addEventListener("fired", later(100, load));
  load();
  return element;
}

export function eventsFired(element) {
  element.dispatchEvent(new Event("fired"));
}

function shortened(data) {
  const rows = data?.rows;
  const text = JSON.stringify(Array.isArray(rows) && rows.length === 1 ? rows[0] : rows ?? data ?? null);
  return text.length > 500 ? `${text.slice(0, 500)}\u2026` : text;
}
