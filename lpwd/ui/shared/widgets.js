// Elements that every tab is made of.

import { whole } from "./numbers.js";

const SVG = "http://www.w3.org/2000/svg";

/** Return a new element with these properties; `data` are data-* attributes, `style` CSS properties (--lane too) and
 * `on` listeners.
 * @param {string} tag @param {Record<string, any>} [options] @param {(Node | string)[]} children @returns {any} */
export function make(tag, { data = {}, style = {}, on = {}, ...properties } = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  Object.assign(node.dataset, data);
  for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value);
  for (const [name, listener] of Object.entries(on)) node.addEventListener(name, listener);
  node.append(...children);
  return node;
}

/** Return a new SVG element with these attributes.
 * @param {string} tag @param {Record<string, any>} [attributes] @param {(Node | string)[]} children @returns {any} */
export function svg(tag, attributes = {}, ...children) {
  const node = setAttributes(document.createElementNS(SVG, tag), attributes);
  node.append(...children);
  return node;
}

/** @template {Element} T @param {T} node @param {Record<string, any>} attributes */
export function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** @param {string} textContent @param {(event: any) => void} click @param {Record<string, any>} [properties] */
export const button = (textContent, click, properties = {}) =>
  make("button", { type: "button", className: "lp-button", textContent, on: { click }, ...properties });

/** Return a radio button of a group with its label.
 * @param {string} name @param {string} value @param {string} label @param {string} chosen value */
export const choice = (name, value, label, chosen) =>
  make("label", {}, make("input", { type: "radio", name, value, checked: value === chosen }), label);

/** Return a link that `follow` handles; its address can still be copied or opened in a new window.
 * @param {string} textContent @param {string} href @param {() => void} follow */
export function link(textContent, href, follow) {
  return make("a", { textContent, href, on: { click: (/** @type {Event} */ event) => handled(event, follow) } });
}

/** @param {Event} event @param {() => void} follow */
export function handled(event, follow) {
  event.preventDefault();
  follow();
}

/** @param {string[]} texts */
export const items = (texts) => texts.map((textContent) => make("li", { textContent }));

/** Fill a table with texts. The first row is the head; the first cell of each other row is its heading.
 * @param {HTMLElement} node @param {string[][]} rows
 * @param {{colors?: string[] | null, limit?: number}} [options] one colour per row; rows shown at most */
export function table(node, [head, ...body], { colors = null, limit = Infinity } = {}) {
  const row = (/** @type {string[]} */ cells, /** @type {number} */ i) =>
    make("tr", { style: colors ? { "--lane": colors[i] } : {} }, ...cells.map((text, j) => cell(text, j ? "" : "row")));
  const heads = make("tr", {}, ...head.map((text) => cell(text, "col")));
  const more = body.length > limit ? `${whole(body.length - limit)} more rows in the copied table` : "";
  const last = more ? [make("tr", {}, make("td", { colSpan: head.length, textContent: more }))] : [];
  if (colors) node.classList.add("lp-lanes");
  node.replaceChildren(make("thead", {}, heads), make("tbody", {}, ...body.slice(0, limit).map(row), ...last));
}

/** @param {string} textContent @param {string} scope */
const cell = (textContent, scope) => make(scope ? "th" : "td", { textContent, ...(scope ? { scope } : {}) });

/** Change the text only if it differs, so that screen readers announce changes only.
 * @param {Element} element @param {string} text */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show a fraction from 0 to 1 in a progress bar. @param {any} element @param {number} fraction */
export function showProgress(element, fraction) {
  element.setAttribute("aria-valuenow", String(Math.round(fraction * 100)));
  element.firstElementChild.style.width = `${(fraction * 100).toFixed(1)}%`;
}

/** Open a dialog with two buttons; resolve to whether [data-act=yes] was pressed.
 * @param {any} dialog @returns {Promise<boolean>} */
export function confirmed(dialog) {
  dialog.onclick = (/** @type {any} */ { target }) => target.dataset.act && dialog.close(target.dataset.act);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "yes");
  });
}

/** A component of the page. Templates name its parts: [data-f=x] is field("x"), [data-act=x] is button("x"). */
export class View {
  /** @param {any} element */
  constructor(element) {
    this.element = element;
  }

  /** @param {string} name @returns {Part} */
  field(name) {
    return this.element.querySelector(`[data-f=${name}]`);
  }

  /** @param {string} name @returns {Part} */
  button(name) {
    return this.element.querySelector(`[data-act=${name}]`);
  }

  /** @param {string} name @param {string} text */
  say(name, text) {
    put(this.field(name), text);
  }

  /** @param {string} name @param {(event: any) => void} listener */
  onClick(name, listener) {
    this.button(name).addEventListener("click", listener);
  }

  /** @param {string} name of a field @param {string} type of an event @param {(event: any) => void} listener */
  on(name, type, listener) {
    this.field(name).addEventListener(type, listener);
  }
}
