// What the controls of the form show: train/tab.py sends it with each change, in one event.

/** @type {any} */
let shown = null;
/** @type {((detail: any) => void)[]} */
const listeners = [];

addEventListener("lpwd-form", (/** @type {any} */ { detail }) => {
  shown = detail;
  for (const listener of listeners) listener(detail);
});

/** Call `changed` with what the controls show, now if it is known and with every change.
 * @param {(detail: any) => void} changed */
export function onFormChange(changed) {
  listeners.push(changed);
  if (shown) changed(shown);
}
