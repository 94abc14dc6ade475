// A service of the thing that is shown: a form made from its inputs, and its result.

import { make, setText } from "./dom.js";
import { exact } from "./live.js";
import { ask, of } from "./rest.js";
import { count, input, text } from "./values.js";

const MOST_ROWS = 50;

export function serviceRow(thing, service) {
  const inputs = service.inputs.map(([name, baseType]) => ({ name, baseType }));
  const fields = inputs.map(({ name, baseType }) => ({ name, ...input(name, baseType) }));
  const signature = `${service.name}(${inputs.map(({ name }) => name).join(", ")})`;
  const note = make("p", { class: "note", role: "status" });
  const result = make("div", { class: "result" });
  const button = make("button", { class: "main", text: "Call", "aria-label": `Call ${service.name}` });
  const form = make("form", {
    class: "call",
    onsubmit: async (event) => {
      event.preventDefault();
      setText(note, "\u2026");
      note.classList.remove("bad");
      result.replaceChildren();
      try {
        const given = fields.map((field) => [field.name, field.json()]).filter(([, json]) => json !== undefined);
        const body = `{${given.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}`;
        const answer = await ask("POST", of(thing, "Services", service.name), body);
        result.replaceChildren(...answered(answer.body));
        setText(note, `Answered in ${answer.ms} ms.`);
      } catch (error) {
        setText(note, error.message);
        note.classList.add("bad");
      }
    },
  }, ...fields.map((field) => field.element), button);
  const element = make("li", { "data-service": service.name },
    make("div", { class: "what" }, make("strong", { text: signature }), " ",
      make("span", { class: "type", text: `\u2192 ${service.output}` }),
      service.remoteName !== service.name ? make("span", { class: "type", text: ` at the edge: ${service.remoteName}` }) : null),
    service.description ? make("p", { class: "soft", text: service.description }) : null,
    form, note, result);
  return { element };
}

/** What a service answered: nothing, one value, or a table. */
function answered(body) {
  if (body === "") return [make("output", { text: "done, no result" })];
  const table = JSON.parse(body, exact);
  const definitions = table.dataShape?.fieldDefinitions;
  if (!definitions || !Array.isArray(table.rows)) return [make("pre", { text: JSON.stringify(table, null, 2) })];
  const columns = Object.values(definitions);
  if (columns.length === 1 && table.rows.length === 1 && columns[0].name === "result") {
    const { baseType } = columns[0];
    const value = table.rows[0].result;
    if (value !== null && typeof value === "object") return [make("pre", { text: JSON.stringify(value, null, 2) })];
    return [make("output", { text: text(value, baseType) })];
  }
  const head = make("tr", {}, ...columns.map(({ name }) => make("th", { scope: "col", text: name })));
  const rows = table.rows.slice(0, MOST_ROWS).map((row) => make("tr", {},
    ...columns.map(({ name, baseType }) => make("td", { text: text(row[name], baseType) }))));
  const more = table.rows.length - rows.length;
  return [
    make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Result" },
      make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows))),
    more > 0 ? make("p", { class: "soft", text: `and ${count(more, "row")} more` }) : "",
  ];
}
