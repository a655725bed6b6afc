// What Start would do: command line, Python, costs, and the form in the page's address.
lpwd.plan = (element, props, server, watch) => {
  "use strict";
  const ASK_AFTER_MS = 300, AGAIN_MS = 1000;
  const field = (name) => element.querySelector(`[data-f=${name}]`);
  let told = JSON.parse(props.value), timer = 0, asked = 0, stamp = "";
  // A link's fields are in the form only once the server has answered; until then the address is left alone.
  let settled = !Object.keys(told.link).some((name) => lpwd.tabs.parameter(name));

  function draw() {
    told = JSON.parse(props.value);
    settled ||= Boolean(told.settled);
    const commands = field("commands");
    lpwd.put(commands, told.problem || told.commands);
    commands.classList.toggle("lp-problem", Boolean(told.problem));
    lpwd.put(field("python"), told.python);
    for (const act of ["copy", "copy-python"]) button(act).disabled = Boolean(told.problem);
    if (settled && !told.problem) lpwd.tabs.remember(told.link);
    clearTimeout(timer);
    timer = setTimeout(ask, ASK_AFTER_MS);
  }
  async function ask() {
    if (document.hidden || !element.isConnected || !lpwd.tabs.isOpen("train")) return;
    if (told.problem) return lpwd.put(field("preflight"), "");
    const mine = ++asked;
    const { said, again, problem } = JSON.parse(await server.preflight(JSON.stringify({ fields: told.fields })));
    if (mine !== asked) return; // the form has changed meanwhile
    lpwd.put(field("preflight"), problem ? `Start would be refused: ${problem}` : said);
    clearTimeout(timer);
    if (again) timer = setTimeout(ask, AGAIN_MS);
  }
  const button = (name) => element.querySelector(`[data-act=${name}]`);
  button("copy").addEventListener("click", (event) => lpwd.copy(event.target, told.commands));
  button("copy-python").addEventListener("click", (event) => lpwd.copy(event.target, told.python));
  button("link").addEventListener("click", (event) => lpwd.copy(event.target, lpwd.tabs.address("train", { ...told.link, run: lpwd.tabs.parameter("run") })));
  watch("value", draw);
  lpwd.tabs.whenOpened("train", ask);
  // What has been measured, and whether there is time to measure, changes with what trains.
  lpwd.listen(element, ({ answer }) => {
    const now = JSON.stringify([answer?.strip.active?.ids, answer?.strip.waiting]);
    if (stamp && now !== stamp) ask();
    stamp = now;
  });
  draw();
};
