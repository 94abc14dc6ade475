// What the page knows: all things in short, and those that it shows in full.

/** Name -> summary of every thing. */
export const things = new Map();
/** Name -> everything about a thing that is shown; its properties are a map by name. */
export const shown = new Map();
/** Names in order. */
export let names = [];
export let connected = 0;
/** Whether the whole picture has come. */
export let complete = false;

let part = null; // names told in the parts of a whole picture so far

/** Of things that are not watched any more the values would be old. */
export function forgetOthers(watched) {
  const keep = new Set(watched);
  for (const name of shown.keys()) if (!keep.has(name)) shown.delete(name);
}

/** Takes a message of the live socket; tells what kinds of things changed. */
export function take(picture) {
  const changed = { list: false, views: new Set(), values: [], events: new Set(picture.events ?? []) };
  if (picture.part === "first") {
    part = new Set();
    shown.clear();
  }
  for (const name of picture.removed ?? []) {
    changed.list = things.delete(name) || changed.list;
    if (shown.delete(name)) changed.views.add(name);
  }
  for (const thing of picture.things ?? []) {
    things.set(thing.name, thing);
    part?.add(thing.name);
    changed.list = true;
  }
  if (part && !picture.more) {
    for (const name of things.keys()) if (!part.has(name)) things.delete(name);
    part = null;
    complete = true;
    changed.list = true;
  }
  for (const thing of picture.watched ?? []) {
    thing.properties = new Map(thing.properties.map((property) => [property.name, property]));
    shown.set(thing.name, thing);
    changed.views.add(thing.name);
  }
  for (const value of picture.values ?? []) {
    const property = shown.get(value.thing)?.properties.get(value.property);
    if (!property) continue;
    property.value = value.value;
    property.time = value.time;
    property.quality = value.quality;
    changed.values.push(value);
  }
  if (changed.list) {
    names = [...things.keys()].sort();
    connected = 0;
    for (const thing of things.values()) if (thing.connected) connected += 1;
  }
  return changed;
}
