// What the edge offers: browse it, add all or some to the thing's definitions.

import { make, setText } from "./dom.js";
import { ask, ours } from "./rest.js";
import { count } from "./values.js";

export function remote(thing) {
  const note = make("p", { class: "note", role: "status" });
  const found = make("div");
  const button = make("button", { type: "button", class: "main", text: "Browse remote", onclick: () => browse() });
  const add = async (wanted) => run("Adding\u2026", async () => {
    const { body } = await ask("POST", ours(thing, "remote"), JSON.stringify(wanted));
    const { properties, services, refused } = JSON.parse(body);
    const reasons = refused.map(({ name, reason }) => ` ${name}: ${reason}`).join("");
    await browse(`Added ${properties.length + services.length}.${reasons}`);
  });

  async function run(doing, work) {
    setText(note, doing);
    note.classList.remove("bad");
    button.disabled = true;
    try {
      await work();
    } catch (error) {
      setText(note, error.message);
      note.classList.add("bad");
    } finally {
      button.disabled = false;
    }
  }

  async function browse(done) {
    await run("Asking the edge\u2026", async () => {
      const { body, ms } = await ask("GET", ours(thing, "remote"));
      const { properties, services, skipped } = JSON.parse(body);
      found.replaceChildren(form(properties, services, add));
      const told = `${properties.length === 1 ? "1 property" : `${properties.length} properties`} and ${count(services.length, "service")} at the edge`;
      const left = skipped.length > 0 ? ` Left out: ${skipped.join(", ")}.` : "";
      setText(note, done ?? `${told}, told in ${ms} ms.${left}`);
    });
  }

  return make("section", { class: "card", id: "remote" }, make("h3", { text: "At the edge" }),
    make("p", { class: "soft", text: "What the connected device offers can be added to this thing." }),
    make("p", { class: "actions" }, button), note, found);
}

function form(properties, services, add) {
  const boxes = { properties: [], services: [] };
  const box = (kind, item, about) => {
    const control = make("input", { type: "checkbox", value: item.name, checked: item.added, disabled: item.added });
    boxes[kind].push(control);
    return make("li", { "data-remote": item.name },
      make("label", { class: "check" }, control, make("span", {}, make("strong", { text: item.name }), " ",
        make("span", { class: "type", text: about + (item.added ? ", added" : "") }),
        item.description ? make("span", { class: "soft", text: ` ${item.description}` }) : null)));
  };
  const propertyItems = properties.map((property) => box("properties", property,
    property.baseType + (property.pushType ? `, push ${property.pushType}` : "")));
  const serviceItems = services.map((service) => box("services", service,
    `(${service.inputs.map((field) => `${field.name} ${field.baseType}`).join(", ")}) \u2192 ${service.output.baseType}`));
  const fresh = [...properties, ...services].filter((item) => !item.added).length;
  const chosen = () => Object.fromEntries(Object.entries(boxes).map(([kind, controls]) =>
    [kind, controls.filter((control) => control.checked && !control.disabled).map((control) => control.value)]));
  const some = make("button", { type: "submit", text: "Add selected", disabled: true });
  const element = make("form", {
    onsubmit: (event) => { event.preventDefault(); add(chosen()); },
    onchange: () => { some.disabled = Object.values(chosen()).every((names) => names.length === 0); },
  },
  make("h4", { text: "Properties" }), make("ul", { class: "offers" }, ...propertyItems),
  make("h4", { text: "Services" }), make("ul", { class: "offers" }, ...serviceItems),
  make("p", { class: "actions" }, some,
    make("button", { type: "button", class: "main", text: "Add all", disabled: fresh === 0, onclick: () => add({ all: true }) })));
  return element;
}
