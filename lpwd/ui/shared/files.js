// What leaves the page and what comes in: text on the clipboard, downloaded and dropped files.

import { make } from "./widgets.js";

/** Call `read` with files that are dropped on the element or chosen. While files are over it, it has the class lp-over.
 * @param {HTMLElement} element @param {any} input @param {(files: File[]) => void} read */
export function onFilesDropped(element, input, read) {
  const hasFiles = (/** @type {DragEvent} */ event) => Boolean(event.dataTransfer?.types.includes("Files"));
  element.addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault(); // without it the browser opens the file
    element.classList.toggle("lp-over", hasFiles(event));
  });
  element.addEventListener("dragleave", () => element.classList.remove("lp-over"));
  element.addEventListener("drop", (event) => {
    element.classList.remove("lp-over");
    if (!hasFiles(event)) return;
    event.preventDefault();
    read([...(event.dataTransfer?.files ?? [])]);
  });
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // so that the same file can be chosen again
    if (files.length) read(files);
  });
}

const COPIED_MS = 1500;
const FORMULA = /^[=+\-@\t\r]/;

/** Copy a text and confirm it on the button. @param {HTMLElement} button @param {string} text */
export async function copy(button, text) {
  await navigator.clipboard.writeText(text);
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => {
    button.textContent = label;
  }, COPIED_MS);
}

/** Let each button with `data-copy` copy a field of its component: the text, or of a table its rows as CSV. */
export function enableCopyButtons() {
  document.addEventListener("click", (/** @type {any} */ { target }) => {
    const name = target.dataset?.copy;
    if (!name) return;
    const field = target.closest(".html-container").querySelector(`[data-f=${name}]`);
    const rows = [...(field.rows ?? [])].map((row) => [...row.cells].map((cell) => cell.textContent));
    copy(target, rows.length ? csv(rows) : field.textContent);
  });
}

/** Download a text as a file. @param {string} name @param {string} text */
export function save(name, text) {
  const href = URL.createObjectURL(new Blob([text]));
  download(name, href);
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}

/** @param {string} name @param {string} href */
export function download(name, href) {
  make("a", { href, download: name }).click();
}

/** Return CSV. A cell that a spreadsheet would run as a formula gets an apostrophe, as in ui/shared/spreadsheet.py.
 * @param {string[][]} rows */
export function csv(rows) {
  return `${rows.map((row) => row.map(quoted).join(",")).join("\n")}\n`;
}

function quoted(/** @type {string} */ cell) {
  const plain = FORMULA.test(cell) && Number.isNaN(Number(cell)) ? `'${cell}` : cell;
  return /[",\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
