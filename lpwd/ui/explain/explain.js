// The Explain tab: the numeric check, the rates by layer, the copy button.
lpwd.explain = (element, server) => {
  "use strict";
  const { put, table, parts } = lpwd.widgets, { field } = parts(element), { short } = lpwd.numbers, { ask } = lpwd.server;
  const plot = lpwd.figure(field("rates"));
  let models = [], asking = false, again = false;

  // ---- check

  const form = field("check");
  const tiny = (value) => (value === 0 ? "0" : value.toExponential(1).replace("-", "−"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { eta, lam, optimizer } = Object.fromEntries(new FormData(form));
    put(field("checked"), "Computing …");
    const { problem, checks } = await ask(server, "check", { eta: Number(eta), lam: Number(lam), optimizer });
    field("checks").replaceChildren();
    if (problem) return put(field("checked"), problem);
    const worst = Math.max(...checks.filter((c) => c.exact).map((c) => c.difference));
    const holds = worst < 1e-9 ? "Both identities hold to rounding" : "An identity fails, which must not happen";
    put(field("checked"), `${holds}: largest relative difference ${tiny(worst)}. c = ${short(eta * lam, 3)} a step.`);
    const rows = checks.map((c) => [c.claim, c.exact ? "identity" : "difference", tiny(c.difference)]);
    table(field("checks"), [["Over 200 steps", "Kind", "max |a − b| / max |b|"], ...rows]);
  });

  // ---- rates

  const model = field("model"), n = field("n"), rule = field("rule"), lam = field("lam");
  async function draw() {
    if (asking) return void (again = true);
    asking = true;
    const chosen = model.value === "" ? null : Number(model.value);
    const question = { model: chosen, n: Number(n.value), rule: rule.value, weight_decay: Number(lam.value) };
    const answer = await ask(server, "layer_rates", question);
    asking = false;
    put(field("rates-problem"), answer.problem);
    if (!answer.problem) {
      plot.draw(answer.figure);
      put(field("rates-said"), answer.summary);
      table(field("rates-table"), answer.rows);
    }
    if (again) {
      again = false;
      draw();
    }
  }
  // What a person has chosen stands in the address; the model by its name, with n for where it is not known.
  function remember() {
    const label = models[model.value]?.label ?? "";
    lpwd.url.remember({ explain_model: label, explain_n: n.value, explain_rule: rule.value, explain_lam: lam.value });
  }
  function restore() {
    const linked = (name) => lpwd.url.parameter(`explain_${name}`);
    const layers = Number(linked("n")), known = models.findIndex((m) => m.label === linked("model"));
    if ([...rule.options].some((option) => option.value === linked("rule"))) rule.value = linked("rule");
    if (Number(linked("lam")) > 0) lam.value = linked("lam");
    if (layers >= Number(n.min) && layers <= Number(n.max)) n.value = String(layers);
    model.value = known >= 0 ? String(known) : linked("n") ? "" : "0";
  }
  function choose() {
    if (model.value !== "") n.value = models[Number(model.value)].n;
    put(field("n-is"), n.value);
    draw();
  }
  model.addEventListener("change", () => {
    choose();
    remember();
  });
  n.addEventListener("input", () => {
    model.value = "";
    choose();
    remember();
  });
  for (const node of [rule, lam]) {
    node.addEventListener("input", () => {
      draw();
      remember();
    });
  }
  for (const [button, text] of [["copy", "code"], ["copy-bibtex", "bibtex"]]) {
    field(button).addEventListener("click", ({ target }) => lpwd.files.copy(target, `${field(text).textContent.trimEnd()}\n`));
  }

  ask(server, "models").then((answer) => {
    models = answer.models;
    const options = models.map((m, i) => new Option(`${m.label} (n = ${m.n})`, String(i)));
    model.replaceChildren(...options, new Option("any other, by the slider", ""));
    restore();
    choose();
  });
};
