// Which published results the page shows; for the owner, where they come from and what is sent there.
lpwd.hub = (element, server) => {
  "use strict";
  const { put, items, parts } = lpwd.widgets, { field, act } = parts(element), { count } = lpwd.numbers;
  let known = null, typed = false, listed = -1;

  function draw(news) {
    const changed = known && known.version !== news.version;
    known = news;
    put(field("line"), news.line);
    field("rest").hidden = false;
    field("owner").hidden = Boolean(news.others);
    put(field("others"), news.others);
    if (!typed && document.activeElement !== field("repo")) field("repo").value = news.repo;
    if (news.publishing) publishing(news.publishing);
    put(field("automatic"), news.automatic ? `As runs end: ${news.automatic}` : "");
    if (changed) document.dispatchEvent(new CustomEvent("lpwd:published"));
  }
  function publishing({ phase, busy, plan, repo, line, problem, count: all, runs, seconds }) {
    const doing = phase === "sending" ? `Sending ${count(all, "run")} to ${repo}` : `Asking ${repo} what it has`;
    const ready = phase === "looked" && all > 0;
    put(field("told"), busy ? `${doing}, ${seconds} s` : line);
    put(field("problem"), problem);
    act("look").disabled = busy;
    act("send").disabled = !ready;
    put(act("send"), ready ? `Send ${count(all, "run")}` : "Send");
    field("listing").hidden = !ready;
    if (listed === plan || phase !== "looked") return;
    listed = plan;
    put(field("listed"), `${count(all, "run")} would be sent`);
    const more = all > runs.length ? [`and ${all - runs.length} more`] : [];
    field("runs").replaceChildren(...items([...runs, ...more]));
  }
  const refresh = lpwd.polling.watch(element, "benchmark", "published", { ask: () => ({}), take: draw });

  // What is wrong with the wish stands beside it.
  async function wish(name, request) {
    const { problem } = await lpwd.server.ask(server, name, request);
    put(field("wrong"), problem);
    refresh();
    return problem;
  }
  field("repo").addEventListener("input", () => (typed = true));
  field("choose").addEventListener("submit", async (event) => {
    event.preventDefault();
    typed = Boolean(await wish("use", { repo: field("repo").value }));
  });
  act("look").addEventListener("click", () => wish("plan", { repo: field("repo").value, replaces: field("replaces").checked }));
  act("send").addEventListener("click", () => {
    act("send").disabled = true;
    wish("send", { plan: known.publishing.plan });
  });
};
