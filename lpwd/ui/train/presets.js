// Choosing a preset asks the server to fill the form.

/** @type {Mount} */
export function mount(element, { trigger }) {
  const select = element.querySelector("select");
  select.addEventListener("change", () => trigger("submit", { label: select.value }));
}
