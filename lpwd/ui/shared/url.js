// Query parameters of the page's address: a link restores what its author saw.

const readable = (/** @type {string} */ text) => text.replaceAll("%2C", ",");

/** Return the path and query of `href` with these parameters; an empty value removes its parameter.
 * @param {string} href @param {Record<string, unknown>} values */
export function withParameters(href, values) {
  const url = new URL(href);
  for (const [name, value] of Object.entries(values)) {
    if (String(value ?? "")) url.searchParams.set(name, String(value));
    else url.searchParams.delete(name);
  }
  return url.pathname + readable(url.search) + url.hash;
}

export function parameter(/** @type {string} */ name) {
  return new URLSearchParams(location.search).get(name) || "";
}

/** Write these parameters into the address bar. @param {Record<string, unknown>} values */
export function remember(values) {
  const next = withParameters(location.href, values);
  if (next !== location.pathname + location.search + location.hash) history.replaceState(history.state, "", next);
}

/** Return a link to a tab with these parameters only, without the current parameters of the page.
 * @param {string} tab @param {Record<string, unknown>} values */
export function tabLink(tab, values) {
  return location.origin + withParameters(location.origin + location.pathname, { tab, ...values });
}

/** @param {string[]} ids */
export const raceLink = (ids) => withParameters(location.href, { run: ids.join(","), tab: "train" });
