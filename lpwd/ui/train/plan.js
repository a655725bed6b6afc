// What Start would do: command line, Python, costs, and the form in the page's address.
lpwd.plan = (element, props, watch, trigger) => {
  "use strict";
  const ASK_AFTER_MS = 150; // a number is typed digit by digit
  const { put, parts } = lpwd.widgets, { field, act } = parts(element), { copy } = lpwd.files;
  let shown = null, asked = null, plan = {}, timer = 0, stamp = "";

  // What the controls show is kept by the page (train/tab.py): it alone decides what is asked, and each answer is about it.
  function ask() {
    shown = window.lpwdForm;
    clearTimeout(timer);
    timer = setTimeout(askNow, ASK_AFTER_MS);
  }
  const askNow = lpwd.polling.watch(element, "train", "preflight", {
    problems: true,
    ask() {
      asked = shown;
      return shown && { shown };
    },
    take(answer) {
      if (asked !== shown) return; // about earlier values; these are asked about soon
      plan = answer;
      const sentence = plan.refused || plan.problem || "", wrong = !plan.commands;
      put(field("commands"), wrong ? sentence : plan.commands);
      field("commands").classList.toggle("lp-problem", wrong);
      put(field("python"), plan.python ?? "");
      for (const name of ["copy", "copy-python", "link"]) act(name).disabled = wrong;
      put(field("preflight"), wrong ? "" : sentence ? `Start would be refused: ${sentence}` : plan.said);
      lpwd.marks.wrong(sentence ? (plan.field ?? "") : "", sentence);
      lpwd.marks.say("model", plan.network ?? "");
      const start = document.getElementById("lp-start");
      if (start) start.disabled = Boolean(sentence); // until the field that is wrong is right again
      // A link's fields are in the form only once the server has filled it; until then the address is left alone.
      if (props.value && !wrong) lpwd.url.remember(plan.link);
    },
  });
  for (const [name, of] of [["copy", "commands"], ["copy-python", "python"]])
    act(name).addEventListener("click", (event) => copy(event.target, plan[of]));
  act("link").addEventListener("click", (event) => {
    copy(event.target, lpwd.url.link("train", { ...plan.link, run: lpwd.url.parameter("run") }));
  });
  // What has been measured, and whether there is time to measure, changes with what trains.
  lpwd.shown.listen(element, ({ answer }) => {
    const now = JSON.stringify([answer?.strip.active?.ids, answer?.strip.waiting]);
    if (stamp && now !== stamp) askNow();
    stamp = now;
  });
  addEventListener("lpwd-form", ask);
  watch("value", () => trigger("submit")); // the form has been filled: what does it show?
  trigger("submit");
};
