// The tabs of the page; the open one stands in the address.
lpwd.tabs = (() => {
  "use strict";
  const PREFIX = "lp-tab-", SUFFIX = "-button", FIND_MS = 50, NONE_MS = 20_000;
  const button = (name) => document.getElementById(`${PREFIX}${name}${SUFFIX}`);
  const MOVED = { compare: "runs" }; // tabs of earlier links, and where they are now
  const changes = new Map(); // tab, or "" for any -> what is done when it is opened

  function open(name) {
    button(name)?.click();
  }
  function isOpen(name) {
    return button(name)?.getAttribute("aria-selected") === "true";
  }
  // Show a tab with what its address says.
  function go(name, values) {
    lpwd.url.remember(values);
    open(name);
    scrollTo(0, 0);
  }
  // Calls `act` whenever the tab is opened by a person or by the page; "" means any tab.
  function whenOpened(name, act) {
    changes.set(name, [...(changes.get(name) ?? []), act]);
  }
  document.addEventListener("click", (event) => {
    const id = event.target.closest("[role=tab]")?.id ?? "";
    if (!id.startsWith(PREFIX)) return;
    const name = id.slice(PREFIX.length, -SUFFIX.length);
    lpwd.url.remember({ tab: name });
    for (const act of [...(changes.get("") ?? []), ...(changes.get(name) ?? [])]) setTimeout(act);
  });

  const linked = lpwd.url.parameter("tab") || (lpwd.url.parameter("run") && "train"), wanted = MOVED[linked] ?? linked;
  if (wanted) {
    const waiting = setInterval(() => {
      if (!button(wanted)) return;
      clearInterval(waiting);
      open(wanted);
    }, FIND_MS);
    setTimeout(() => clearInterval(waiting), NONE_MS); // there is no such tab
  }
  return { open, isOpen, go, whenOpened };
})();
