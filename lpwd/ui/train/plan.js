// What Start would do: command line, Python, costs, and the form in the page's address.
lpwd.plan = (element, props, watch) => {
  "use strict";
  const ASK_AFTER_MS = 300;
  const { put, parts } = lpwd.widgets, { field, act } = parts(element), { copy } = lpwd.files;
  let plan = JSON.parse(props.value), asked = null, timer = 0, stamp = "";
  // A link's fields are in the form only once the server has answered; until then the address is left alone.
  let settled = !Object.keys(plan.link).some((name) => lpwd.url.parameter(name));

  function draw() {
    plan = JSON.parse(props.value);
    settled ||= Boolean(plan.settled);
    const commands = field("commands");
    put(commands, plan.problem || plan.commands);
    commands.classList.toggle("lp-problem", Boolean(plan.problem));
    put(field("python"), plan.python);
    for (const name of ["copy", "copy-python"]) act(name).disabled = Boolean(plan.problem);
    if (settled && !plan.problem) lpwd.url.remember(plan.link);
    if (plan.problem) put(field("preflight"), "");
    judge(plan.problem, plan.field); // what was known of other values is not believed of these
    clearTimeout(timer);
    timer = setTimeout(askNow, ASK_AFTER_MS);
  }
  const askNow = lpwd.polling.watch(element, "train", "preflight", {
    ask() {
      asked = plan;
      return plan.problem ? null : { fields: plan.fields };
    },
    take({ said, refused, field: name, network, problem }) {
      if (asked !== plan) return; // said of other values; these are asked about soon
      const sentence = refused || problem;
      put(field("preflight"), sentence ? `Start would be refused: ${sentence}` : said);
      judge(sentence, name);
      lpwd.marks.say("model", network ?? "");
    },
  });
  // Start waits until the field that is wrong is right again.
  function judge(sentence, name = "") {
    lpwd.marks.wrong(sentence ? name : "", sentence);
    const start = document.getElementById("lp-start");
    if (start) start.disabled = Boolean(sentence);
  }
  act("copy").addEventListener("click", (event) => copy(event.target, plan.commands));
  act("copy-python").addEventListener("click", (event) => copy(event.target, plan.python));
  act("link").addEventListener("click", (event) => {
    copy(event.target, lpwd.url.link("train", { ...plan.link, run: lpwd.url.parameter("run") }));
  });
  watch("value", draw);
  // What has been measured, and whether there is time to measure, changes with what trains.
  lpwd.shown.listen(element, ({ answer }) => {
    const now = JSON.stringify([answer?.strip.active?.ids, answer?.strip.waiting]);
    if (stamp && now !== stamp) askNow();
    stamp = now;
  });
  draw();
};
