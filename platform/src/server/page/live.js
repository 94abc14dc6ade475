// The live socket: says what the page shows, hands on what the platform tells. The messages are those of
// `Wish` and `Picture` in live/wish.rs and live/picture.rs.

import { key, forgetKey, refusal } from "./rest.js";
import { forgetOthers } from "./store.js";

let socket = null;
let wait = 500; // ms until the next attempt
let watched = [];
let wire = null; // filter while the wire is shown, else null
let heard = { picture() {}, state() {}, refused() {} };

export function connect(listener) {
  heard = listener;
  open();
}

/** The things whose properties are wanted from now on. */
export function watch(names) {
  if (names.length === watched.length && names.every((name, at) => name === watched[at])) return;
  watched = names;
  forgetOthers(names);
  send({ watch: names });
}

/** Shows the wire with this filter, or no more with null. */
export function showWire(filter) {
  if (filter === wire) return;
  wire = filter;
  send({ wire: filter });
}

function open() {
  if (!key()) return heard.refused("");
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  let opened = false;
  socket = new WebSocket(`${scheme}://${location.host}/live?appKey=${encodeURIComponent(key())}`);
  socket.onopen = () => {
    opened = true;
    wait = 500;
    if (watched.length > 0) send({ watch: watched });
    if (wire !== null) send({ wire });
  };
  socket.onmessage = (event) => {
    heard.picture(JSON.parse(event.data, exact));
    // After what it says is shown, so that a page that cannot keep up is told less; a hidden page shows nothing.
    let taken = false;
    const take = () => {
      if (!taken) say("ok");
      taken = true;
    };
    requestAnimationFrame(take);
    setTimeout(take, 250);
  };
  socket.onclose = async () => {
    socket = null;
    const reason = opened ? null : await refusal();
    if (reason !== null) {
      forgetKey();
      return heard.refused(reason);
    }
    heard.state("no connection to the platform, trying again");
    setTimeout(open, wait);
    wait = Math.min(wait * 2, 8000);
  };
}

/** Whole numbers that JavaScript cannot hold stay as they are written. */
export function exact(name, value, context) {
  const big = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
  return big && /^-?\d+$/.test(context?.source ?? "") ? context.source : value;
}

function send(wish) {
  say(JSON.stringify(wish));
}

function say(text) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(text);
}

// Signs of life, so that the platform does not take this page for gone.
setInterval(() => say("ok"), 20000);
