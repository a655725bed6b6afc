// One run beside the list: what it was, how it ended, its name and note, and what can be done with it.
lpwd.runDetail = (element, server, trigger, list) => {
  "use strict";
  const { ask, refresh, open } = list;
  const panel = element.querySelector(".lp-about");
  const field = (name) => panel.querySelector(`[data-f=${name}]`);
  const button = (name) => panel.querySelector(`[data-act=${name}]`);
  let run = null;

  async function show(id, quiet = false) {
    const told = JSON.parse(await server.about(JSON.stringify({ run_id: id })));
    if (told.problem) return close();
    run = told;
    panel.hidden = false;
    element.querySelector(".lp-split").classList.add("lp-has-about");
    for (const name of ["title", "id", "message", "error", "log", "command"]) lpwd.put(field(name), run[name]);
    lpwd.put(field("message"), `${run.state[0].toUpperCase()}${run.state.slice(1)}. ${run.message}`);
    field("failure").hidden = !run.error;
    field("loglines").hidden = !run.log;
    field("loglines").open = run.state === "failed";
    button("resume").hidden = !run.canResume;
    button("stop").hidden = !run.canStop;
    button("delete-one").hidden = !run.canDelete;
    button("clone").title = run.lost.length ? `The form has no control for ${run.lost.join(", ")}` : "";
    terms("facts", [...run.facts, ...run.results.map(([key, value]) => [key.replaceAll("_", " "), tidy(value)])]);
    terms("settings", run.settings.map(([key, value]) => [key, tidy(value)]));
    lpwd.tabs.remember({ runs_id: id });
    if (quiet) return;
    field("name").value = run.name;
    field("note").value = run.note;
    lpwd.put(field("trouble"), "");
    lpwd.put(field("done"), "");
    field("title").focus({ preventScroll: true });
    if (panel.getBoundingClientRect().top > innerHeight - 160 || innerWidth < 1100) panel.scrollIntoView({ block: "start" });
  }
  const tidy = (value) => (typeof value === "number" ? String(Number(value.toPrecision(6))) : value === null ? "none" : typeof value === "object" ? JSON.stringify(value) : String(value));
  function terms(name, pairs) {
    field(name).replaceChildren(...pairs.flatMap(([key, text]) => ["dt", "dd"].map((tag, i) => Object.assign(document.createElement(tag), { textContent: [key, text][i] }))));
  }
  function close() {
    run = null;
    panel.hidden = true;
    element.querySelector(".lp-split").classList.remove("lp-has-about");
    lpwd.tabs.remember({ runs_id: "" });
  }
  // The list has changed: tell what this run does now, without touching what is being typed.
  function follow(rows) {
    if (!run) return;
    if (!rows.has(run.id)) close();
    else if (rows.get(run.id).state !== run.state || rows.get(run.id).epoch !== run.seen) (run.seen = rows.get(run.id).epoch), show(run.id, true);
  }

  panel.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const { problem } = JSON.parse(await server.edit(JSON.stringify({ run_id: run.id, name: field("name").value, note: field("note").value })));
    lpwd.put(field("trouble"), problem);
    lpwd.put(field("done"), problem ? "" : "Saved.");
    refresh();
  });
  const acting = (name, said) => async () => {
    const problem = await lpwd.act(name, [run.id]);
    lpwd.put(field("trouble"), problem);
    lpwd.put(field("done"), problem ? "" : said);
    await refresh();
  };
  button("resume").addEventListener("click", acting("resume", "Queued: it goes on from its last checkpoint."));
  button("stop").addEventListener("click", acting("stop", "Stopping."));
  button("open").addEventListener("click", () => open(run.beside));
  button("clone").addEventListener("click", () => {
    trigger("submit", { run_id: run.id });
    lpwd.tabs.open("train");
    scrollTo(0, 0);
  });
  button("delete-one").addEventListener("click", () => ask([run.id]));
  button("copy").addEventListener("click", (event) => lpwd.copy(event.target, run.command));
  button("close").addEventListener("click", () => {
    const id = run.id;
    close();
    element.querySelector(".lp-current")?.classList.remove("lp-current");
    element.querySelector(`[data-key="${CSS.escape(`run-${id}`)}"]`)?.focus();
  });

  const wanted = lpwd.tabs.parameter("runs_id");
  if (wanted) show(wanted);
  return { show, follow, current: () => run?.id };
};
