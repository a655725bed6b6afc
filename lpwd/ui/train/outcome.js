// The answer to Start: show the race at once, or say why there is none.
lpwd.outcome = (element, props, watch) => {
  "use strict";
  const alert = element.querySelector("[role=alert]"), status = element.querySelector("[role=status]");
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#lp-start")) return;
    alert.textContent = "";
    status.textContent = "Checking model and data …";
  });
  watch("value", () => {
    const answer = JSON.parse(props.value);
    alert.textContent = answer.problem || "";
    status.textContent = answer.note || "";
    if (answer.ids) lpwd.shown.show(answer.ids);
  });
};
