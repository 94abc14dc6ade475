// The last messages on the wire, decoded, newest first.

import { atFrame, byId, later, make, setText } from "./dom.js";
import { showWire } from "./live.js";
import { clock, count } from "./values.js";

const MOST = 300; // lines in the page
const list = byId("lines");
let waiting = []; // lines that are not in the page yet, oldest first
let wanted = ""; // text of the filter
let missed = 0;
let paused = false;
let open = false;

export function show(filter) {
  open = true;
  document.title = "Wire \u2013 edgebind platform";
  if (filter !== undefined) byId("wire-filter").value = filter;
  showWire(byId("wire-filter").value);
  sift();
  tell();
}

export function hide() {
  open = false;
  showWire(null);
}

export function lines(added, skipped) {
  if (!open) return;
  missed += skipped;
  // Those that were on their way when the filter changed are of the one before.
  waiting.push(...added.filter((line) => passes(searched(line))));
  if (waiting.length > MOST) {
    missed += waiting.length - MOST;
    waiting = waiting.slice(-MOST);
  }
  if (paused) tell();
  else render();
}

const render = atFrame(() => {
  if (paused) return;
  list.prepend(...waiting.reverse().map(element));
  waiting = [];
  while (list.childElementCount > MOST) list.lastChild.remove();
  tell();
});

function tell() {
  const parts = [list.childElementCount === 0 ? "Messages appear here from now on." : count(list.childElementCount, "message")];
  if (paused && waiting.length > 0) parts.push(`${waiting.length} new`);
  if (missed > 0) parts.push(`${missed} too many to be shown`);
  setText(byId("wire-state"), parts.join(", "));
}

function element(line) {
  const summary = make("summary", {},
    make("span", { class: "mark", "aria-hidden": "true" }),
    make("span", { class: "time", text: clock(line.time) }),
    make("span", { class: "way", text: line.way === "in" ? "edge \u2192" : "\u2192 edge" }),
    make("span", { class: "title" }, make("strong", { text: line.title }),
      line.answers ? make("span", { class: "soft", text: ` to ${line.answers}` }) : null),
    make("span", { class: "size", text: `#${line.connection}, ${line.after === null ? "" : `${line.after} ms, `}${line.bytes} B` }));
  const item = make("li", { class: line.bad ? "refusal" : line.way },
    line.text ? make("details", {}, summary, make("pre", { text: line.text, tabindex: "0" })) : make("div", { class: "bare" }, ...summary.childNodes));
  item.dataset.text = searched(line);
  return item;
}

/** The platform filters what comes; what is here is filtered here. */
function sift() {
  wanted = byId("wire-filter").value.trim().toLowerCase();
  for (const item of [...list.children]) if (!passes(item.dataset.text)) item.remove();
  waiting = waiting.filter((line) => passes(searched(line)));
}

const passes = (text) => text.includes(wanted);
const searched = (line) => `${line.title}\n${line.answers ?? ""}\n${line.text}`.toLowerCase();

byId("wire-filter").addEventListener("input", later(200, () => {
  if (!open) return;
  showWire(byId("wire-filter").value);
  sift();
  tell();
}));

byId("wire-pause").addEventListener("click", () => {
  paused = !paused;
  byId("wire-pause").setAttribute("aria-pressed", String(paused));
  setText(byId("wire-pause"), paused ? "Resume" : "Pause");
  render();
});

byId("wire-clear").addEventListener("click", () => {
  list.replaceChildren();
  waiting = [];
  missed = 0;
  tell();
});
