// Which published results the page shows; for the owner, where they come from and what is sent there.
lpwd.hub = (element, server) => {
  "use strict";
  const BUSY_MS = 700, IDLE_MS = 5000;
  const field = (name) => element.querySelector(`[data-f=${name}]`);
  const button = (name) => element.querySelector(`[data-act=${name}]`);
  let known = null, timer = 0, typed = false, listed = -1;

  const ask = async (name, request = {}) => JSON.parse(await server[name](JSON.stringify(request)));

  async function refresh() {
    clearTimeout(timer);
    let delay = IDLE_MS;
    try {
      if (!document.hidden && (!known || lpwd.tabs.isOpen("benchmark"))) draw(await ask("about"));
      delay = known.reading || known.publishing?.busy ? BUSY_MS : IDLE_MS;
    } catch (error) {
      delay = IDLE_MS; // the strip says that there is no connection
    }
    clearTimeout(timer);
    if (element.isConnected) timer = setTimeout(refresh, delay);
  }

  function draw(told) {
    const changed = known && known.version !== told.version;
    known = told;
    lpwd.put(field("line"), told.line);
    field("rest").hidden = false;
    field("owner").hidden = Boolean(told.others);
    lpwd.put(field("others"), told.others);
    if (!typed && document.activeElement !== field("repo")) field("repo").value = told.repo;
    if (told.publishing) publishing(told.publishing);
    lpwd.put(field("automatic"), told.automatic ? `As runs end: ${told.automatic}` : "");
    if (changed) document.dispatchEvent(new CustomEvent("lpwd:published"));
  }
  function publishing({ phase, busy, plan, repo, line, problem, count, runs, seconds }) {
    const doing = phase === "sending" ? `Sending ${count} run${count === 1 ? "" : "s"} to ${repo}` : `Asking ${repo} what it has`;
    lpwd.put(field("told"), busy ? `${doing}, ${seconds} s` : line);
    lpwd.put(field("problem"), problem);
    button("look").disabled = busy;
    button("send").disabled = phase !== "looked" || !count;
    lpwd.put(button("send"), phase === "looked" && count ? `Send ${count} run${count === 1 ? "" : "s"}` : "Send");
    field("listing").hidden = phase !== "looked" || !count;
    if (listed === plan || phase !== "looked") return;
    listed = plan;
    lpwd.put(field("listed"), `${count} run${count === 1 ? "" : "s"} would be sent`);
    const more = count > runs.length ? [`and ${count - runs.length} more`] : [];
    field("runs").replaceChildren(...[...runs, ...more].map((textContent) => Object.assign(document.createElement("li"), { textContent })));
  }

  field("repo").addEventListener("input", () => (typed = true));
  field("choose").addEventListener("submit", async (event) => {
    event.preventDefault();
    const { problem } = await ask("use", { repo: field("repo").value });
    lpwd.put(field("wrong"), problem);
    typed = Boolean(problem);
    refresh();
  });
  button("look").addEventListener("click", async () => {
    const { problem } = await ask("plan", { repo: field("repo").value, replaces: field("replaces").checked });
    lpwd.put(field("wrong"), problem);
    refresh();
  });
  button("send").addEventListener("click", async () => {
    button("send").disabled = true;
    const { problem } = await ask("send", { plan: known.publishing.plan });
    lpwd.put(field("wrong"), problem);
    refresh();
  });
  lpwd.tabs.whenOpened("benchmark", refresh);
  refresh();
};
