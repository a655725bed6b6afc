// The small parts that every tab is made of.
lpwd.widgets = (() => {
  "use strict";

  // An element with these properties and, of a name of their own, its data-*, styles (--lane too) and listeners.
  function make(tag, { data = {}, style = {}, on = {}, ...properties } = {}, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    Object.assign(node.dataset, data);
    for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value);
    for (const [name, act] of Object.entries(on)) node.addEventListener(name, act);
    node.append(...children);
    return node;
  }
  // A button of the page's look.
  const button = (textContent, click, properties = {}) =>
    make("button", { type: "button", className: "lp-button", textContent, on: { click }, ...properties });
  // A link that the page follows itself, while its address can be copied.
  function link(textContent, href, follow) {
    const click = (event) => {
      event.preventDefault();
      follow();
    };
    return make("a", { textContent, href, on: { click } });
  }
  const items = (texts) => texts.map((textContent) => make("li", { textContent }));

  // A table of texts: the first row is the head, the first cell of a row names it, with its colour where there is one.
  function table(node, [head, ...body], { colors = null, limit = Infinity } = {}) {
    const cell = (textContent, scope) => (scope ? make("th", { scope, textContent }) : make("td", { textContent }));
    const row = (cells, i) =>
      make("tr", { style: colors ? { "--lane": colors[i] } : {} }, ...cells.map((text, j) => cell(text, j === 0 && "row")));
    const rest = body.length - limit;
    const more = `${lpwd.numbers.whole(rest)} more in the copy`;
    const last = rest > 0 ? [make("tr", {}, make("td", { colSpan: head.length, textContent: more }))] : [];
    const heads = make("tr", {}, ...head.map((text) => cell(text, "col")));
    if (colors) node.classList.add("lp-lanes");
    node.replaceChildren(make("thead", {}, heads), make("tbody", {}, ...body.slice(0, limit).map(row), ...last));
  }
  function put(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }
  function bar(element, share) {
    element.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    element.firstElementChild.style.width = `${(share * 100).toFixed(1)}%`;
  }
  // field("x") is [data-f=x] in the element, act("x") is [data-act=x].
  function parts(element) {
    return {
      field: (name) => element.querySelector(`[data-f=${name}]`),
      act: (name) => element.querySelector(`[data-act=${name}]`),
    };
  }
  // Asks with a dialog that has two buttons; resolves to whether it was the one for [data-act=yes].
  function sure(dialog) {
    dialog.onclick = ({ target }) => target.dataset.act && dialog.close(target.dataset.act);
    dialog.returnValue = "no";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.onclose = () => resolve(dialog.returnValue === "yes");
    });
  }
  return { make, button, link, items, table, put, bar, parts, sure };
})();
