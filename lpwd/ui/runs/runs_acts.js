// What is done to the ticked runs: exported, shown live, deleted. What is not the reader's to do is not shown.
lpwd.runsActs = (element, server, rows, ticks, refresh) => {
  "use strict";
  const LIVE = 12; // runs in one live picture
  const { put, sure, parts } = lpwd.widgets, { field, act } = parts(element);
  const { whole, count } = lpwd.numbers, { ask: call } = lpwd.server;
  const ticked = () => [...rows.values()].filter(ticks.has);
  function draw() {
    const all = ticked(), mine = all.filter((one) => one.mine), own = all.filter((one) => !one.origin);
    const labelled = { csv: ["Export CSV", all], json: ["Export JSON", all], overlay: ["Show live", own], delete: ["Delete", mine] };
    for (const [name, [label, of]] of Object.entries(labelled)) put(act(name), of.length ? `${label} (${whole(of.length)})` : label);
    for (const name of ["csv", "json"]) act(name).disabled = !all.length;
    act("delete").hidden = !mine.length;
    act("overlay").hidden = !own.length || own.length > LIVE;
  }
  const exporting = (kind) => async () => {
    const { problem, text } = await call(server, "export", { run_ids: ticks.list(), kind });
    put(field("problem"), problem);
    if (!problem) lpwd.files.save(`lpwd-runs.${kind}`, text);
  };
  // Ask, then delete; true where they are gone.
  async function ask(ids) {
    const one = rows.get(ids[0]), single = ids.length === 1;
    put(field("ask"), single ? "Delete this run?" : `Delete ${count(ids.length, "run")}?`);
    const whose = single ? `${one?.name || one?.id || ids[0]}: its` : "Their";
    put(field("asked"), `${whose} curves, log and checkpoint are removed from the disk. This cannot be undone.`);
    if (!(await sure(element.querySelector("dialog")))) return false;
    const { problem } = await call(server, "remove", { run_ids: ids });
    put(field("problem"), problem);
    if (problem) return false;
    lpwd.shown.forget(ids);
    refresh();
    return true;
  }
  const ids = (fits) => ticked().filter(fits).map((one) => one.id);
  act("delete").addEventListener("click", () => ask(ids((one) => one.mine)));
  act("csv").addEventListener("click", exporting("csv"));
  act("json").addEventListener("click", exporting("json"));
  act("overlay").addEventListener("click", () => lpwd.shown.open(ids((one) => !one.origin)));
  return { draw, ask };
};
