// An experiment chosen from the groups fills the form, which the server does.
lpwd.presets = (element, trigger) => {
  "use strict";
  const select = element.querySelector("select");
  select.addEventListener("change", () => trigger("submit", { label: select.value }));
};
