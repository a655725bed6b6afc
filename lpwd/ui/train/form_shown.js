// The values of the form's controls, which train/tab.py sends in an event after each change, and the number of layers of
// the selected network.

/** @type {any} */
let shown = null;
/** @type {((detail: any) => void)[]} */
const listeners = [];

let layers = 0;
/** @type {((count: number) => void)[]} */
const counters = [];

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

/** Call `counted` with the number of the network's layers, now if it is known and when it changes.
 * @param {(count: number) => void} counted */
export function onLayerCount(counted) {
  counters.push(counted);
  if (layers) counted(layers);
}

/** @param {number} count */
export function tellLayerCount(count) {
  if (count === layers) return;
  layers = count;
  for (const counted of counters) counted(count);
}
