// The race that the page shows, and what the last poll said of it and of the machine; components listen.
lpwd.shown = (() => {
  "use strict";
  const listeners = new Set();
  const state = { run: lpwd.url.parameter("run"), ids: [], curves: {}, answer: null, offline: "", warning: "" };

  // ---- what the poll asks and brings (polling.js)

  function question() {
    const cursors = Object.fromEntries(state.ids.map((id) => [id, state.curves[id]?.cursor ?? ""]));
    return { run: state.run, shown: state.ids, cursors };
  }
  // Returns whether the answer is about what the page shows now.
  function take(answer, asked) {
    const current = asked.shown === state.ids;
    state.offline = "";
    if (current) accept(answer);
    emit();
    return current;
  }
  function accept(answer) {
    state.answer = answer;
    if (!answer.race) return;
    for (const [id, delta] of Object.entries(answer.curves)) lpwd.curves.merge(state.curves, id, delta);
    if (!state.ids.length) {
      state.ids = answer.race.ids;
      remember();
    }
  }
  function warn(problem) {
    state.warning = problem;
  }
  function lost(refusal) {
    state.offline = refusal || "No connection to the app; trying again.";
    emit();
  }

  // ---- what components use

  // Calls draw({ answer, curves, offline }) after every poll; `offline` says why there was no answer, or is empty.
  function listen(element, draw) {
    listeners.add({ element, draw });
    if (state.answer) draw(state);
  }
  function emit() {
    for (const listener of listeners) {
      if (listener.element.isConnected) listener.draw(state);
      else listeners.delete(listener);
    }
  }
  function show(ids) {
    state.ids = ids;
    state.run = ids.join(",");
    for (const id of Object.keys(state.curves)) if (!ids.includes(id)) delete state.curves[id];
    remember();
    lpwd.polling.wake();
  }
  // Show them where they are seen.
  function open(ids) {
    show(ids);
    lpwd.tabs.open("train");
    scrollTo(0, 0);
  }
  // These runs are deleted: a page that showed one of them shows the newest instead.
  function forget(ids) {
    if (![...state.ids, ...state.run.split(",")].some((id) => ids.includes(id))) return;
    lpwd.url.remember({ run: "" });
    show([]);
  }
  // Only where it is seen: the address of another tab says nothing of the race.
  function remember() {
    const run = state.ids.join(",");
    if (run && lpwd.tabs.isOpen("train") && lpwd.url.parameter("run") !== run) lpwd.url.remember({ run, tab: "train" });
  }
  lpwd.tabs.whenOpened("train", remember);
  return { question, take, warn, lost, listen, show, open, forget };
})();
