// Values as people read and write them, by base type.

import { make } from "./dom.js";

export function text(value, baseType) {
  if (value === null || value === undefined) return "\u2013";
  switch (baseType) {
    case "DATETIME": return Number.isFinite(Number(value)) ? new Date(Number(value)).toLocaleString() : String(value);
    case "INFOTABLE": return `table of ${count(value.rows?.length ?? 0, "row")}`;
    case "BLOB": case "IMAGE": return count(Math.floor(String(value).length * 3 / 4), "byte");
    case "PASSWORD": return "***";
    case "LOCATION": return typeof value === "object"
      ? `${value.latitude}, ${value.longitude}${value.elevation ? `, ${value.elevation} m` : ""}` : String(value);
    default: return typeof value === "object" ? JSON.stringify(value) : String(value);
  }
}

export const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

export function when(ms) {
  const date = new Date(ms);
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString() : date.toLocaleString();
}

/** Time to the millisecond. */
export function clock(ms) {
  const date = new Date(ms);
  const two = (number) => String(number).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/**
 * A labelled input for a value of this type: `{ element, json() }`. `json()` gives the JSON text, undefined if it
 * was left empty, and throws an error with a sentence if it is no such value.
 */
export function input(label, baseType, start) {
  const initial = start === null || start === undefined ? "" : start;
  const labelled = (control) => make("label", {}, make("span", {}, `${label} `, make("span", { class: "type", text: baseType })), control);
  const refuse = (problem) => { throw new Error(`${label}: ${problem}.`); };
  const field = (control, read) => ({
    element: labelled(control),
    json: () => (control.value === "" ? undefined : read(control.value)),
  });
  switch (baseType) {
    case "BOOLEAN": {
      const control = make("select", {}, ...["", "true", "false"].map((option) => make("option", { text: option })));
      control.value = String(initial);
      return field(control, (value) => value);
    }
    case "NUMBER": case "INTEGER": case "LONG": {
      const whole = baseType !== "NUMBER";
      const control = make("input", { autocomplete: "off", inputmode: whole ? "numeric" : "decimal", value: String(initial) });
      const form = whole ? /^-?\d+$/ : /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;
      return field(control, (value) => {
        const trimmed = value.trim();
        if (!form.test(trimmed)) refuse(`${value} is not a ${whole ? "whole " : ""}number`);
        return trimmed.replace(/^(-?)0+(?=\d)/, "$1");
      });
    }
    case "DATETIME": {
      const control = make("input", { type: "datetime-local", step: "1" });
      if (initial !== "") control.value = localTime(Number(initial));
      return field(control, (value) => String(new Date(value).getTime()));
    }
    case "LOCATION": return location(label, start);
    case "INFOTABLE": case "JSON": case "VARIANT": {
      const control = make("textarea", { rows: "3", spellcheck: "false" });
      if (initial !== "") control.value = JSON.stringify(initial);
      return field(control, (value) => {
        try { JSON.parse(value); } catch (error) { refuse(`this is not JSON, ${error.message}`); }
        return value;
      });
    }
    case "TEXT": case "HTML": case "XML": case "BLOB": case "IMAGE":
      return field(make("textarea", { rows: "3", text: String(initial) }), JSON.stringify);
    default: {
      const type = baseType === "PASSWORD" ? "password" : "text";
      const value = baseType === "PASSWORD" ? "" : String(initial);
      return field(make("input", { type, autocomplete: "off", value }), JSON.stringify);
    }
  }
}

function location(label, start) {
  const parts = ["latitude", "longitude", "elevation"].map((part) => [part, input(part, "NUMBER", start?.[part])]);
  const element = make("fieldset", {}, make("legend", { text: `${label} LOCATION` }), ...parts.map(([, part]) => part.element));
  const json = () => {
    const given = parts.map(([part, { json: read }]) => [part, read()]);
    if (given.every(([, value]) => value === undefined)) return undefined;
    return `{${given.map(([part, value]) => `"${part}":${value ?? 0}`).join(",")}}`;
  };
  return { element, json };
}

function localTime(ms) {
  const date = new Date(ms);
  return new Date(ms - date.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}
