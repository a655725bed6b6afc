// The page's one timer and one request: what the open tab watches, asked of /lpwd/poll in the pace that it answers.
lpwd.polling = (() => {
  "use strict";
  const RETRY_MS = 2000; // without an answer
  const REFUSED = [403, 413, 415]; // statuses that the app gives a sentence
  const TOGETHER_MS = 200; // what is due so soon is asked along
  const watched = new Set();
  let timer = 0, request = null, again = false, begun = false;

  // Watch a topic (ui/web/topics.py) while its tab is open. `ask()` returns its arguments, null where there is nothing to ask
  // until now() is called; `take(answer)` gets the answer. A problem is shown in the strip, unless `take` shows it itself
  // (`problems: true`). Returns now(): the question is another, ask at once.
  function watch(element, tab, topic, { ask, take, problems = false }) {
    const entry = { element, tab, topic, ask, take, problems, problem: "", due: 0, wish: 0 };
    watched.add(entry);
    wake();
    return () => {
      entry.due = 0;
      entry.wish++; // an answer that is under way is to an older question
      wake();
    };
  }
  const open = () => [...watched].filter((entry) => lpwd.tabs.isOpen(entry.tab));

  // The arguments of each entry that is due; one with nothing to ask is due when it says so.
  function questions() {
    const due = open().filter((entry) => entry.due <= performance.now() + TOGETHER_MS);
    const asked = due.map((entry) => ({ entry, wish: entry.wish, given: entry.ask() }));
    for (const { entry, given } of asked) if (given === null) entry.due = Infinity;
    return asked.filter(({ given }) => given !== null);
  }
  async function poll() {
    clearTimeout(timer);
    if (document.hidden || !begun) return;
    if (request) return void (again = true);
    for (const entry of watched) if (!entry.element.isConnected) watched.delete(entry);
    const asked = questions(), shown = lpwd.shown.question();
    request = new AbortController();
    let answer = null;
    try {
      const topics = Object.fromEntries(asked.map(({ entry, given }) => [entry.topic, given]));
      answer = await post({ ...shown, topics }, request.signal);
    } catch (error) {
      if (error.name !== "AbortError") lpwd.shown.lost(error.refusal);
    }
    request = null;
    try {
      if (answer) take(asked, answer);
      if (answer && !lpwd.shown.take(answer, shown)) again = true;
    } finally {
      rest(answer); // a fault in what one component draws does not end the polls
    }
  }
  // Until the next poll: what is due first decides, the race or a topic of the open tab.
  function rest(answer) {
    const pause = answer ? Math.min(answer.pollMs, ...open().map((entry) => entry.due - performance.now())) : RETRY_MS;
    clearTimeout(timer);
    timer = setTimeout(poll, again ? 0 : Math.max(0, pause));
    again = false;
  }
  function take(asked, { topics, pollMs }) {
    for (const { entry, wish } of asked) {
      const answer = topics[entry.topic];
      if (wish !== entry.wish || !entry.element.isConnected) continue;
      entry.due = performance.now() + (answer.pollMs ?? pollMs);
      entry.problem = entry.problems ? "" : answer.problem;
      if (!entry.problem) entry.take(answer);
    }
    lpwd.shown.warn(open().find((entry) => entry.problem)?.problem ?? "");
  }
  async function post(question, signal) {
    const address = new URL("lpwd/poll", document.baseURI);
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(address, { method: "POST", headers, body: JSON.stringify(question), signal });
    if (response.ok) {
      const answer = await response.json();
      if (answer.strip) return answer;
      throw refused(answer.problem); // as a whole
    }
    throw refused(REFUSED.includes(response.status) ? await response.text() : "");
  }
  // An error with the app's own sentence, or none if something between the page and the app answered.
  const refused = (refusal) => Object.assign(new Error(refusal), { refusal });
  function wake() {
    clearTimeout(timer);
    timer = setTimeout(poll);
  }
  function begin() {
    begun = true;
    wake();
  }
  document.addEventListener("visibilitychange", () => document.hidden || wake());
  // The tab that is opened does not wait for the one that is left.
  lpwd.tabs.whenOpened("", () => {
    for (const entry of open()) entry.due = 0;
    again = Boolean(request);
    if (request) request.abort();
    else wake();
  });
  return { watch, wake, begin };
})();
