// What is said beside a field of the form: what is wrong with it, or how large the chosen network is.
lpwd.marks = (() => {
  "use strict";
  const { make } = lpwd.widgets;
  let bad = "";

  function beside(name) {
    const block = document.getElementById(`lp-${name}`);
    if (!block) return null;
    const known = block.querySelector(":scope > .lp-beside");
    if (known) return known;
    const node = make("span", { className: "lp-beside", id: `lp-beside-${name}` });
    block.append(node);
    return node;
  }
  function say(name, text) {
    const node = beside(name);
    if (node && name !== bad) lpwd.widgets.put(node, text);
  }
  // Mark the one field that is wrong, or none; a folded one is shown.
  function wrong(name, sentence) {
    if (bad && bad !== name) mark(bad, "");
    bad = name;
    if (name) mark(name, sentence);
  }
  function mark(name, sentence) {
    const node = beside(name);
    if (!node) return;
    const block = node.parentElement, input = block.querySelector("input, textarea");
    lpwd.widgets.put(node, sentence);
    block.classList.toggle("lp-wrong", Boolean(sentence));
    input?.setAttribute("aria-invalid", String(Boolean(sentence)));
    if (sentence) input?.setAttribute("aria-describedby", node.id);
    else input?.removeAttribute("aria-describedby");
    const fold = block.closest(".lp-more")?.querySelector("button.label-wrap");
    if (sentence && fold && !fold.classList.contains("open")) fold.click();
  }
  return { say, wrong };
})();
