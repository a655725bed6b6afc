// A preset chosen from the list fills the form, which the server does.

/** @type {Mount} */
export function mount(element, { trigger }) {
  const select = element.querySelector("select");
  select.addEventListener("change", () => trigger("submit", { label: select.value }));
}
