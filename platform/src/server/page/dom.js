// Small tools for building the page. Texts become text nodes, never markup.

export const byId = (id) => document.getElementById(id);

/** An element: `make("button", { type: "button", onclick }, "Read")`. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets the text only if it differs, so that nothing is announced or painted twice. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A button that shows and hides `panel`; `opened` is called when it shows. */
export function toggle(label, name, panel, opened) {
  panel.id ||= `panel-${panels += 1}`;
  panel.hidden = true;
  const button = make("button", {
    type: "button", "aria-expanded": "false", "aria-controls": panel.id, "aria-label": `${label} ${name}`, text: label,
    onclick: () => {
      panel.hidden = !panel.hidden;
      button.setAttribute("aria-expanded", String(!panel.hidden));
      if (!panel.hidden) opened?.();
    },
  });
  return button;
}
let panels = 0;

/** Runs `work` at the next frame, once however often it is called until then. */
export function atFrame(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; work(); });
  };
}

/** Runs `work` so many ms after the last call. */
export function later(ms, work) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
  };
}
