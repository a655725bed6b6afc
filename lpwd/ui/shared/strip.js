// The strip: what the machine does, whoever asked for it.
lpwd.strip = (element) => {
  "use strict";
  const { make, put, bar, parts } = lpwd.widgets, { field, act } = parts(element);
  // What would start a run is hidden from who may only watch, whatever else shows or hides it.
  const noStarts = make("style", { media: "not all", textContent: ".lp-starts { display: none !important; }" });
  document.head.append(noStarts);
  const progress = element.querySelector(".lp-bar"), stop = act("stop"), link = field("race");
  let active = null;

  stop.addEventListener("click", async () => {
    stop.disabled = true;
    put(field("offline"), await lpwd.server.act("stop", active.ids));
  });
  link.addEventListener("click", (event) => {
    event.preventDefault();
    if (!active) return;
    lpwd.shown.show(active.ids);
    lpwd.tabs.open("train");
  });
  lpwd.shown.listen(element, ({ answer, offline, warning }) => {
    put(field("offline"), offline || warning);
    if (!answer) return;
    const { device, memory, waiting } = answer.strip;
    active = answer.strip.active;
    put(field("device"), device);
    put(field("memory"), `${memory} in use`);
    put(field("waiting"), waiting ? `${waiting} waiting` : "");
    link.classList.toggle("lp-idle", !active);
    progress.hidden = !active;
    stop.hidden = !active || !answer.mine.strip;
    field("watching").hidden = answer.mine.start;
    noStarts.media = answer.mine.start ? "not all" : "all";
    if (!active) {
      put(link, "idle");
      put(field("when"), "");
      return;
    }
    put(link, `${active.state}: ${active.title}`);
    link.href = lpwd.url.ofRace(active.ids);
    put(field("when"), lpwd.race.when(active, "/"));
    bar(progress, active.progress);
    stop.disabled = !active.canStop;
  });
};
