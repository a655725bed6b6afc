// One run beside the list: what it was, how it ended, its name and note, and what can be done with it.
lpwd.runDetail = (element, server, trigger, list) => {
  "use strict";
  const { ask, refresh } = list, { make, put, parts } = lpwd.widgets;
  const panel = element.querySelector(".lp-about"), { field, act } = parts(panel);
  let run = null;

  async function show(id, quiet = false) {
    const about = await lpwd.server.ask(server, "about", { run_id: id });
    if (about.problem) return close();
    run = about;
    panel.hidden = false;
    for (const name of ["title", "id", "error", "log", "command", "snippet"]) put(field(name), run[name]);
    put(field("message"), `${run.state[0].toUpperCase()}${run.state.slice(1)}. ${run.message}`);
    put(field("origin"), run.origin ? `Published: ${run.origin}.` : "");
    put(field("said"), run.mine ? "" : run.note);
    panel.querySelector("form").hidden = !run.mine;
    act("open").hidden = !run.beside.length;
    field("failure").hidden = !run.error;
    field("loglines").hidden = !run.log;
    field("loglines").open = run.state === "failed";
    act("resume").hidden = !run.canResume;
    act("stop").hidden = !run.canStop;
    act("delete-one").hidden = !run.canDelete;
    act("clone").title = run.lost.length ? `The form has no control for ${run.lost.join(", ")}` : "";
    terms("facts", [...run.results, ...run.facts]);
    terms("settings", run.settings.map(([key, value]) => [key, tidy(value)]));
    lpwd.url.remember({ runs_id: id });
    if (quiet) return;
    field("name").value = run.name;
    field("note").value = run.note;
    put(field("trouble"), "");
    put(field("done"), "");
    field("title").focus({ preventScroll: true });
    const below = panel.getBoundingClientRect().top > innerHeight - 160 || innerWidth < 1200;
    if (below) panel.scrollIntoView({ block: "start" });
  }
  function tidy(value) {
    if (typeof value === "number") return lpwd.numbers.short(value);
    return value === null ? "none" : typeof value === "object" ? JSON.stringify(value) : String(value);
  }
  function terms(name, pairs) {
    const pair = ([key, text]) => [make("dt", { textContent: key }), make("dd", { textContent: text })];
    field(name).replaceChildren(...pairs.flatMap(pair));
  }
  function close() {
    run = null;
    panel.hidden = true;
    lpwd.url.remember({ runs_id: "" });
  }
  // The list has changed: tell what this run does now, without touching what is being typed.
  function follow(rows) {
    if (!run) return;
    const row = rows.get(run.id);
    if (!row) return close();
    if (row.state === run.state && row.epoch === run.seen) return;
    run.seen = row.epoch;
    show(run.id, true);
  }

  panel.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const edit = { run_id: run.id, name: field("name").value, note: field("note").value };
    const { problem } = await lpwd.server.ask(server, "edit", edit);
    put(field("trouble"), problem);
    put(field("done"), problem ? "" : "Saved.");
    refresh();
  });
  const acting = (name, said) => async () => {
    const problem = await lpwd.server.act(name, [run.id]);
    put(field("trouble"), problem);
    put(field("done"), problem ? "" : said);
    refresh();
  };
  act("resume").addEventListener("click", acting("resume", "Queued: it goes on from its last checkpoint."));
  act("stop").addEventListener("click", acting("stop", "Stopping."));
  act("open").addEventListener("click", () => lpwd.shown.open(run.beside));
  act("clone").addEventListener("click", () => {
    trigger("submit", { run_id: run.id });
    lpwd.tabs.open("train");
    scrollTo(0, 0);
  });
  act("delete-one").addEventListener("click", () => ask([run.id]));
  act("copy").addEventListener("click", ({ target }) => lpwd.files.copy(target, run.command));
  act("copy-snippet").addEventListener("click", ({ target }) => lpwd.files.copy(target, run.snippet));
  act("close").addEventListener("click", () => {
    const id = run.id;
    close();
    element.querySelector(".lp-current")?.classList.remove("lp-current");
    element.querySelector(`[data-key="${CSS.escape(`run-${id}`)}"]`)?.focus();
  });

  const wanted = lpwd.url.parameter("runs_id");
  if (wanted) show(wanted);
  return { show, follow, current: () => run?.id };
};
