// The strip: what the machine does, whoever asked for it.
lpwd.strip = (element) => {
  "use strict";
  const field = (name) => element.querySelector(`[data-f=${name}]`);
  const stop = element.querySelector("[data-act=stop]"), progress = element.querySelector(".lp-bar"), link = field("race");
  let active = null;

  stop.addEventListener("click", async () => {
    stop.disabled = true;
    lpwd.put(field("offline"), await lpwd.act("stop", active.ids));
  });
  link.addEventListener("click", (event) => {
    event.preventDefault();
    if (!active) return;
    lpwd.show(active.ids);
    lpwd.tabs.open("train");
  });
  lpwd.listen(element, ({ answer, offline }) => {
    lpwd.put(field("offline"), offline ? "No connection to the app; trying again." : "");
    if (!answer) return;
    const { device, memory, waiting } = answer.strip;
    active = answer.strip.active;
    lpwd.put(field("device"), device);
    lpwd.put(field("memory"), `${memory} in use`);
    lpwd.put(field("waiting"), waiting ? `${waiting} waiting` : "");
    link.classList.toggle("lp-idle", !active);
    progress.hidden = !active;
    stop.hidden = !active || !answer.mine.strip;
    if (!active) {
      lpwd.put(link, "idle");
      lpwd.put(field("when"), "");
      return;
    }
    const left = active.secondsLeft === null ? "" : `, ${lpwd.duration(active.secondsLeft)} left`;
    lpwd.put(link, `${active.state}: ${active.title}`);
    link.href = lpwd.linkTo(active.ids);
    lpwd.put(field("when"), `epoch ${Math.max(1, active.epoch)}/${active.epochs}${left}`);
    lpwd.bar(progress, active.progress);
    stop.disabled = !active.canStop;
  });
};
