// The values of the form's controls, which train/tab.py sends in an event after each change, and the number of layers of
// the selected network.

/** Return a channel that hands its latest value to new listeners. */
function channel() {
  /** @type {any} */
  let value = null;
  /** @type {((value: any) => void)[]} */
  const listeners = [];
  return {
    send(/** @type {any} */ next) {
      if (next === value) return;
      value = next;
      for (const listener of listeners) listener(value);
    },
    listen(/** @type {(value: any) => void} */ listener) {
      listeners.push(listener);
      if (value) listener(value);
    },
  };
}

export const form = channel();
export const layerCount = channel();

addEventListener("lpwd-form", (/** @type {any} */ { detail }) => form.send(detail));
