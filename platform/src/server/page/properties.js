// A property of the thing that is shown: value, read, write, history.

import { atFrame, make, setText, toggle } from "./dom.js";
import { draw } from "./chart.js";
import { exact } from "./live.js";
import { ask, of, ours } from "./rest.js";
import { input, text, when } from "./values.js";

const MOST_SAMPLES = 500;

export function propertyRow(thing, property) {
  const { name, baseType } = property;
  const row = {
    property,
    value: make("output", { class: "value", "aria-label": `Value of ${name}`, "aria-live": "off" }),
    time: make("span", { class: "time" }),
    note: make("p", { class: "note", role: "status" }),
    history: make("div", { class: "panel" }),
    samples: null,
  };
  const writing = make("form", { class: "panel" });
  const read = make("button", {
    type: "button", text: "Read", "aria-label": `Read ${name}`,
    onclick: () => tell(row, async () => {
      const { body, ms } = await ask("GET", of(thing, "Properties", name));
      const value = JSON.parse(body, exact).rows[0]?.[name];
      return `Read ${text(value, baseType)} in ${ms} ms.`;
    }),
  });
  const write = toggle("Write", name, writing, () => openForm(row, thing, writing));
  const history = toggle("History", name, row.history, () => openHistory(row, thing));
  row.draw = atFrame(() => {
    if (!row.history.hidden && row.samples) draw(row.history, name, baseType, row.samples);
  });
  const remote = property.remoteName;
  row.element = make("li", { "data-property": name },
    make("div", { class: "what" }, make("strong", { text: name }), " ", make("span", { class: "type", text: baseType }),
      remote && remote !== name ? make("span", { class: "type", text: ` at the edge: ${remote}` }) : null,
      make("span", { class: "type", text: remote ? pushed(property) : " of the platform" }),
      property.description ? make("span", { class: "soft", text: ` ${property.description}` }) : null),
    make("div", { class: "is" }, row.value, row.time),
    make("div", { class: "actions" }, read, write, history),
    writing, row.history, row.note);
  return row;
}

function pushed({ pushType, pushThreshold }) {
  if (!pushType) return "";
  return `, push ${pushType}${pushThreshold ? ` ${pushThreshold}` : ""}`;
}

export function fillProperty(row, property, isNew) {
  row.property = property;
  setText(row.value, text(property.value, property.baseType));
  row.value.classList.toggle("bad", property.quality !== "GOOD" && property.time !== null);
  const quality = property.quality === "GOOD" ? "" : ` ${property.quality}`;
  setText(row.time, property.time === null ? "" : when(property.time) + quality);
  if (isNew) {
    row.value.classList.remove("new");
    void row.value.offsetWidth; // starts the animation again
    row.value.classList.add("new");
    if (row.samples) {
      row.samples.push({ time: property.time, value: property.value, quality: property.quality });
      row.samples.splice(0, row.samples.length - MOST_SAMPLES);
      row.draw();
    }
  }
}

function openForm(row, thing, form) {
  const { name, baseType, value } = row.property;
  const field = input(name, baseType, value);
  form.replaceChildren(field.element, make("button", { class: "main", text: "Write it", "aria-label": `Write ${name} now` }));
  form.onsubmit = (event) => {
    event.preventDefault();
    tell(row, async () => {
      const json = field.json() ?? (baseType === "STRING" || baseType === "TEXT" ? '""' : undefined);
      if (json === undefined) throw new Error(`${name}: a value is needed.`);
      const { ms } = await ask("PUT", of(thing, "Properties", name), `{${JSON.stringify(name)}:${json}}`);
      return `Written in ${ms} ms.`;
    });
  };
  field.element.querySelector("input, select, textarea")?.focus();
  field.element.querySelector("input")?.select();
}

async function openHistory(row, thing) {
  row.samples = null;
  row.history.replaceChildren(make("p", { class: "soft", text: "Loading\u2026" }));
  try {
    const { body } = await ask("GET", ours(thing, "properties", row.property.name, "history"));
    row.samples = JSON.parse(body, exact).samples;
    row.draw();
  } catch (error) {
    row.history.replaceChildren(make("p", { class: "bad", text: error.message }));
  }
}

/** Runs `work` and shows its sentence, or that of its refusal. */
async function tell(row, work) {
  setText(row.note, "\u2026");
  try {
    setText(row.note, await work());
    row.note.classList.remove("bad");
  } catch (error) {
    setText(row.note, error.message);
    row.note.classList.add("bad");
  }
}
