// The open tab, and what a tab lets people choose, stand in the URL: a link shows what one saw.
lpwd.tabs = (() => {
  "use strict";
  const PREFIX = "lp-tab-", SUFFIX = "-button";
  const button = (name) => document.getElementById(`${PREFIX}${name}${SUFFIX}`);

  function parameter(name) {
    return new URLSearchParams(location.search).get(name) || "";
  }
  // {name: value}; an empty value leaves the URL.
  function remember(values) {
    const url = new URL(location.href);
    for (const [name, value] of Object.entries(values)) value ? url.searchParams.set(name, value) : url.searchParams.delete(name);
    const text = url.pathname + url.search.replaceAll("%2C", ",") + url.hash;
    if (text !== location.pathname + location.search + location.hash) history.replaceState(history.state, "", text);
  }
  function open(name) {
    button(name)?.click();
  }
  // A link to a tab with parameters of its own, the present ones of this page left out.
  function address(name, values) {
    const url = new URL(location.pathname, location.origin);
    for (const [key, value] of Object.entries({ tab: name, ...values })) if (String(value)) url.searchParams.set(key, value);
    return url.href.replaceAll("%2C", ",");
  }
  function go(name, values) {
    remember(values);
    open(name);
    scrollTo(0, 0);
  }
  function isOpen(name) {
    return button(name)?.getAttribute("aria-selected") === "true";
  }
  // Calls draw() whenever the tab is opened by a person or by the page.
  function whenOpened(name, draw) {
    document.addEventListener("click", (event) => {
      if (event.target.closest("[role=tab]")?.id === `${PREFIX}${name}${SUFFIX}`) setTimeout(draw);
    });
  }
  document.addEventListener("click", (event) => {
    const id = event.target.closest("[role=tab]")?.id ?? "";
    if (id.startsWith(PREFIX)) remember({ tab: id.slice(PREFIX.length, -SUFFIX.length) });
  });

  whenOpened("train", () => lpwd.rememberShown());

  const wanted = parameter("tab") || (parameter("run") && "train");
  if (wanted) {
    const waiting = setInterval(() => {
      if (!button(wanted)) return;
      clearInterval(waiting);
      open(wanted);
    }, 50);
    setTimeout(() => clearInterval(waiting), 20_000); // there is no such tab
  }
  return { parameter, remember, address, open, go, isOpen, whenOpened };
})();
