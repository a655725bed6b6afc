// The page's address: a link shows what one saw.
lpwd.url = (() => {
  "use strict";
  const readable = (text) => text.replaceAll("%2C", ",");

  function parameter(name) {
    return new URLSearchParams(location.search).get(name) || "";
  }
  // The address of this page with these parameters; an empty value leaves it.
  function changed(values) {
    const url = new URL(location.href);
    for (const [name, value] of Object.entries(values)) value ? url.searchParams.set(name, value) : url.searchParams.delete(name);
    return url.pathname + readable(url.search) + url.hash;
  }
  function remember(values) {
    const next = changed(values);
    if (next !== location.pathname + location.search + location.hash) history.replaceState(history.state, "", next);
  }
  // A link to a tab with parameters of its own, the present ones of this page left out.
  function link(tab, values) {
    const url = new URL(location.pathname, location.origin);
    for (const [name, value] of Object.entries({ tab, ...values })) if (String(value)) url.searchParams.set(name, value);
    return readable(url.href);
  }
  const ofRace = (ids) => changed({ run: ids.join(","), tab: "train" });
  return { parameter, remember, link, ofRace };
})();
