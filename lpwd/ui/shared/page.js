// The page's one connection and its state. Components call lpwd.<name>(element, ...) from their js_on_load.
window.lpwd = (() => {
  "use strict";
  const MAX_POINTS = 1000; // a curve; thinned to half of it with extremes kept
  const RETRY_MS = 2000;
  const listeners = new Set();
  const state = { server: null, shown: [], run: runOfUrl(), curves: {}, answer: null, offline: false };
  let timer = 0, busy = false, again = false;

  // ---- URL

  function runOfUrl() {
    return new URLSearchParams(location.search).get("run") || "";
  }
  function linkTo(ids) {
    const url = new URL(location.href);
    url.searchParams.set("run", ids.join(","));
    url.searchParams.set("tab", "train");
    return url.pathname + url.search.replaceAll("%2C", ",") + url.hash;
  }
  // Only where it is seen: the address of another tab says nothing of the race.
  function rememberShown() {
    if (lpwd.tabs.isOpen("train") && state.shown.length && runOfUrl() !== state.shown.join(",")) history.replaceState(history.state, "", linkTo(state.shown));
  }

  // ---- polling: fast while something trains, slow when idle, never while hidden

  function connect(server) {
    state.server = server;
    pollNow();
  }
  function pollNow() {
    clearTimeout(timer);
    if (busy) again = true;
    else poll();
  }
  async function poll() {
    if (document.hidden || !state.server) return;
    busy = true;
    const shown = state.shown;
    const cursors = Object.fromEntries(shown.map((id) => [id, state.curves[id]?.cursor ?? ""]));
    let delay = RETRY_MS;
    try {
      const answer = await asked({ run: state.run, shown, cursors });
      delay = answer.pollMs;
      state.offline = false;
      if (shown === state.shown) take(answer);
      else again = true;
    } catch (error) {
      state.offline = true;
    }
    busy = false;
    emit();
    if (again) delay = 0;
    again = false;
    clearTimeout(timer);
    timer = setTimeout(poll, delay);
  }
  async function asked(body) {
    const response = await fetch(new URL("lpwd/poll", document.baseURI), { method: "POST", body: JSON.stringify(body) });
    if (!response.ok) throw new Error(response.statusText);
    return response.json();
  }
  function take(answer) {
    state.answer = answer;
    if (!answer.race) return;
    for (const [id, delta] of Object.entries(answer.curves)) merge(state.curves, id, delta);
    if (!state.shown.length) {
      state.shown = answer.race.ids;
      rememberShown();
    }
  }
  document.addEventListener("visibilitychange", () => document.hidden || pollNow());

  // ---- curves

  function merge(curves, id, delta) {
    const known = curves[id];
    if (delta.reset || !known) curves[id] = { cursor: delta.cursor, losses: delta.losses, epochs: delta.epochs };
    else {
      known.cursor = delta.cursor;
      append(known.losses, delta.losses, "loss");
      append(known.epochs, delta.epochs, "test_top1");
    }
  }
  function append(columns, added, key) {
    for (const [name, values] of Object.entries(added)) for (const value of values) columns[name].push(value);
    if (columns[key].length <= MAX_POINTS) return;
    const kept = extremes(columns[key], MAX_POINTS / 2);
    for (const name of Object.keys(columns)) columns[name] = kept.map((i) => columns[name][i]);
  }
  function extremes(values, limit) {
    const last = values.length - 1, buckets = Math.floor((limit - 2) / 2);
    const kept = new Set([0, last]);
    for (let b = 0; b < buckets; b++) {
      const start = 1 + Math.floor((b * (last - 1)) / buckets), stop = 1 + Math.floor(((b + 1) * (last - 1)) / buckets);
      let low = start, high = start;
      for (let i = start; i < stop; i++) {
        if (values[i] < values[low]) low = i;
        if (values[i] > values[high]) high = i;
      }
      kept.add(low).add(high);
    }
    return [...kept].sort((a, b) => a - b);
  }

  // ---- what components use

  function listen(element, draw) {
    const entry = { element, draw };
    listeners.add(entry);
    if (state.answer) draw(state);
  }
  function emit() {
    for (const entry of listeners) {
      if (entry.element.isConnected) entry.draw(state);
      else listeners.delete(entry);
    }
  }
  function show(ids) {
    state.shown = ids;
    state.run = ids.join(",");
    for (const id of Object.keys(state.curves)) if (!ids.includes(id)) delete state.curves[id];
    rememberShown();
    pollNow();
  }
  // These runs are deleted: a page that showed one of them shows the newest instead.
  function forget(ids) {
    if (![...state.shown, ...state.run.split(",")].some((id) => ids.includes(id))) return;
    const url = new URL(location.href);
    url.searchParams.delete("run");
    history.replaceState(history.state, "", url);
    show([]);
  }
  async function act(name, ids) {
    const answer = JSON.parse(await state.server[name](JSON.stringify({ run_ids: ids })));
    pollNow();
    return answer.problem;
  }
  function duration(seconds) {
    const s = Math.max(1, Math.round(seconds));
    if (s < 90) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
    return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
  }
  function put(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }
  function bar(element, share) {
    element.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    element.firstElementChild.style.width = `${(share * 100).toFixed(1)}%`;
  }
  async function copy(button, text) {
    await navigator.clipboard.writeText(text);
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = label), 1500);
  }
  function save(name, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text]));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
  // The answer to Start: show the race at once, or say why there is none.
  function outcome(element, props, watch) {
    document.addEventListener("click", (event) => {
      if (!event.target.closest("#lp-start")) return;
      element.querySelector("[role=alert]").textContent = "";
      element.querySelector("[role=status]").textContent = "Checking model and data …";
    });
    watch("value", () => {
      const told = JSON.parse(props.value);
      element.querySelector("[role=alert]").textContent = told.problem || "";
      element.querySelector("[role=status]").textContent = told.note || "";
      if (told.ids) show(told.ids);
    });
  }
  return { connect, listen, merge, show, forget, act, wake: pollNow, rememberShown, linkTo, duration, put, bar, copy, save, outcome };
})();
