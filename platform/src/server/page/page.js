// Shows the things of the platform. The messages of the socket are those of `Picture` in live.rs.
"use strict";

const byId = (id) => document.getElementById(id);
const cards = new Map(); // name of a thing -> { thing, article, rows }
let socket = null;
let wait = 500; // ms until the next attempt

// The key comes by the address once, and leaves it at once.
const address = new URL(location.href);
const given = address.searchParams.get("appKey");
if (given !== null) {
  sessionStorage.setItem("appKey", given);
  address.searchParams.delete("appKey");
  history.replaceState(null, "", address.pathname + address.search);
}

function say(text, down) {
  byId("state").textContent = text;
  byId("state").classList.toggle("down", down);
}

function ask(refused) {
  byId("ask").hidden = false;
  byId("refused").textContent = refused;
  byId("key").focus();
  say("no key", true);
}

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("appKey", byId("key").value);
  byId("ask").hidden = true;
  connect();
});

byId("filter").addEventListener("input", () => {
  for (const card of cards.values()) filter(card);
});

function filter(card) {
  const wanted = byId("filter").value.trim().toLowerCase();
  card.article.hidden = !card.thing.name.toLowerCase().includes(wanted);
}

function connect() {
  const key = sessionStorage.getItem("appKey");
  if (!key) return ask("");
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  let opened = false;
  socket = new WebSocket(`${scheme}://${location.host}/live?appKey=${encodeURIComponent(key)}`);
  socket.onopen = () => { opened = true; wait = 500; };
  socket.onmessage = (event) => {
    take(JSON.parse(event.data));
    socket.send("ok");
  };
  socket.onclose = async () => {
    socket = null;
    if (!opened && await isRefused(key)) {
      sessionStorage.removeItem("appKey");
      return ask("This key is not known here.");
    }
    say("no connection to the platform, trying again", true);
    setTimeout(connect, wait);
    wait = Math.min(wait * 2, 8000);
  };
}

async function isRefused(key) {
  try {
    return (await fetch("/Thingworx/Keys", { headers: { appKey: key } })).status === 401;
  } catch {
    return false;
  }
}

// Signs of life, so that the platform does not take this page for gone.
setInterval(() => { if (socket?.readyState === WebSocket.OPEN) socket.send("ok"); }, 20000);

function take(picture) {
  if (picture.kind === "whole") {
    for (const card of cards.values()) card.article.remove();
    cards.clear();
  }
  for (const name of picture.removed ?? []) {
    cards.get(name)?.article.remove();
    cards.delete(name);
  }
  for (const thing of picture.things) show(thing);
  for (const value of picture.values ?? []) {
    const card = cards.get(value.thing);
    if (card) showValue(card, { name: value.property, ...value }, true);
  }
  const connected = [...cards.values()].filter((card) => card.thing.connected).length;
  say(`${connected} of ${cards.size} things connected`, false);
  byId("empty").hidden = cards.size > 0;
}

function show(thing) {
  let card = cards.get(thing.name);
  if (!card) {
    const article = byId("thing").content.firstElementChild.cloneNode(true);
    article.querySelector("h2").textContent = thing.name;
    card = { thing, article, rows: new Map() };
    cards.set(thing.name, card);
    place(card);
  }
  card.thing = thing;
  const { article } = card;
  article.dataset.thing = thing.name;
  article.classList.toggle("connected", thing.connected);
  const last = thing.lastConnection === null ? "never connected" : `not connected, last connection ${when(thing.lastConnection)}`;
  article.querySelector(".link").textContent = thing.connected
    ? `connected since ${when(thing.lastConnection)}` + (thing.boundName === thing.name ? "" : ` as ${thing.boundName}`)
    : last;
  const kind = thing.ephemeral ? `${thing.template}, goes with its connection` : thing.template;
  article.querySelector(".about").textContent = thing.description ? `${kind} \u2013 ${thing.description}` : kind;
  for (const property of thing.properties) showValue(card, property, false);
  article.querySelector("table").hidden = card.rows.size === 0;
  filter(card);
}

// Cards stand in the order of their names.
function place(card) {
  let next = null;
  for (const other of cards.values()) {
    if (other.thing.name > card.thing.name && (!next || other.thing.name < next.thing.name)) next = other;
  }
  byId("things").insertBefore(card.article, next?.article ?? null);
}

function showValue(card, property, isNew) {
  let row = card.rows.get(property.name);
  if (!row) {
    row = document.createElement("tr");
    for (let cell = 0; cell < 3; cell += 1) row.append(document.createElement("td"));
    row.dataset.property = property.name;
    row.cells[0].textContent = property.name;
    card.article.querySelector("tbody").append(row);
    card.article.querySelector("table").hidden = false;
    card.rows.set(property.name, row);
  }
  const cell = row.cells[1];
  cell.textContent = text(property);
  cell.title = `${property.baseType}, quality ${property.quality}`;
  cell.classList.toggle("bad", property.quality !== "GOOD" && property.time !== null);
  row.cells[2].textContent = property.time === null ? "" : when(property.time);
  if (isNew) {
    cell.classList.remove("new");
    void cell.offsetWidth; // starts the animation again
    cell.classList.add("new");
  }
}

function text({ value, baseType }) {
  if (value === null) return "\u2013";
  if (baseType === "DATETIME") return new Date(value).toLocaleString();
  if (baseType === "INFOTABLE") return `table of ${value.rows?.length ?? 0} rows`;
  if (baseType === "BLOB" || baseType === "IMAGE") return `${Math.floor(value.length * 3 / 4)} bytes`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function when(ms) {
  const date = new Date(ms);
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString() : date.toLocaleString();
}

connect();
