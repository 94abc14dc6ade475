// The history of a property as a small chart; what is no number as a list.

import { make } from "./dom.js";
import { text, when } from "./values.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 600;
const HEIGHT = 120;

/** Draws `samples` ({ time, value, quality }, oldest first) into `place`. */
export function draw(place, name, baseType, samples) {
  const known = samples.filter((sample) => sample.value !== null && sample.time !== null);
  if (known.length === 0) {
    place.replaceChildren(make("p", { class: "soft", text: "No values yet." }));
  } else if (known.length > 1 && ["NUMBER", "INTEGER", "LONG", "BOOLEAN"].includes(baseType)) {
    place.replaceChildren(...chart(name, baseType, known));
  } else {
    place.replaceChildren(list(baseType, known));
  }
}

function chart(name, baseType, samples) {
  const values = samples.map((sample) => Number(sample.value));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [from, to] = [samples[0].time, samples[samples.length - 1].time];
  const x = (time) => (to === from ? WIDTH : (time - from) / (to - from) * WIDTH);
  const y = (value) => (high === low ? HEIGHT / 2 : HEIGHT - 4 - (value - low) / (high - low) * (HEIGHT - 8));
  // A value holds until the next one; where the quality is not good the line is broken.
  let path = "";
  let before = null;
  samples.forEach((sample, at) => {
    const [left, top] = [x(sample.time).toFixed(1), y(values[at]).toFixed(1)];
    if (before === null) path += `M${left} ${top}`;
    else path += `H${left}V${top}`;
    before = sample.quality === "GOOD" ? top : null;
  });
  const label = `${name}: ${samples.length} values from ${when(from)} to ${when(to)}, between ${low} and ${high}`;
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
  svg.append(shape("path", { d: path, "vector-effect": "non-scaling-stroke" }));
  const range = (value) => (baseType === "BOOLEAN" ? String(Boolean(value)) : Number(value.toPrecision(6)).toString());
  return [
    make("div", { class: "chart" },
      make("div", { class: "range", "aria-hidden": "true" },
        make("span", { text: range(high) }), make("span", { text: low === high ? "" : range(low) })),
      svg),
    make("div", { class: "span", "aria-hidden": "true" },
      make("span", { text: when(from) }), make("span", { text: `${samples.length} values` }), make("span", { text: when(to) })),
  ];
}

function list(baseType, samples) {
  const rows = samples.slice(-20).reverse().map((sample) => make("li", {},
    make("span", { class: "soft", text: when(sample.time) }), ` ${text(sample.value, baseType)}`,
    sample.quality === "GOOD" ? null : make("span", { class: "bad", text: ` ${sample.quality}` })));
  return make("ol", { class: "samples", reversed: true }, ...rows);
}

function shape(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
