// The server functions of Gradio: what people do, and what is asked once. What changes is polled (polling.js).
lpwd.server = (() => {
  "use strict";
  let strip = null;

  // Calls one of a component's functions; its answer is {problem: "", ...}.
  async function ask(functions, name, request = {}) {
    return JSON.parse(await functions[name](JSON.stringify(request)));
  }
  // The strip's functions serve the whole page.
  function connect(functions) {
    strip = functions;
    lpwd.polling.begin();
  }
  // "stop" or "resume" the race of these runs; returns what is wrong with that.
  async function act(name, ids) {
    const { problem } = await ask(strip, name, { run_ids: ids });
    lpwd.polling.wake();
    return problem;
  }
  return { ask, connect, act };
})();
