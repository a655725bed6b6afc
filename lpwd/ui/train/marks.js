// Text beside a field of the form: its problem, or the size of the selected network.

import { make, put } from "../shared/widgets.js";

let marked = ""; // the field with a problem

/** Return the text element of a field, or null for an unknown field. @param {string} name */
function beside(name) {
  const block = document.getElementById(`lp-${name}`);
  if (!block) return null;
  const known = block.querySelector(":scope > .lp-beside");
  if (known) return known;
  const node = make("span", { className: "lp-beside", id: `lp-beside-${name}` });
  block.append(node);
  return node;
}

/** Write a note beside a field, unless a problem is shown there. @param {string} name @param {string} text */
export function note(name, text) {
  const node = beside(name);
  if (node && name !== marked) put(node, text);
}

/** Mark the only field with a problem; "" marks none. @param {string} name @param {string} problem */
export function markProblem(name, problem) {
  if (marked && marked !== name) mark(marked, "");
  marked = name;
  if (name) mark(name, problem);
}

function mark(name, problem) {
  const node = beside(name);
  if (!node) return;
  put(node, problem);
  const block = node.parentElement;
  const input = block.querySelector("input, textarea");
  block.classList.toggle("lp-wrong", Boolean(problem));
  input?.setAttribute("aria-invalid", String(Boolean(problem)));
  if (problem) input?.setAttribute("aria-describedby", node.id);
  else input?.removeAttribute("aria-describedby");
  if (problem) openFold(block);
}

function openFold(block) {
  const fold = block.closest(".lp-more")?.querySelector("button.label-wrap");
  if (fold && !fold.classList.contains("open")) fold.click();
}
