// The Explain tab: the numeric check, the rates by layer, the copy button.
lpwd.explain = (element, server, plotlyPath) => {
  "use strict";
  const field = (name) => element.querySelector(`[data-f=${name}]`);
  const plot = lpwd.figure(field("rates"), plotlyPath);
  let models = [], asking = false, again = false;

  // ---- check

  const form = field("check");
  const tiny = (value) => (value === 0 ? "0" : value.toExponential(1).replace("-", "−"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const asked = Object.fromEntries(new FormData(form));
    lpwd.put(field("checked"), "Computing …");
    const told = JSON.parse(await server.check(JSON.stringify({ ...asked, eta: Number(asked.eta), lam: Number(asked.lam) })));
    field("checks").replaceChildren();
    if (told.problem) return lpwd.put(field("checked"), told.problem);
    const worst = Math.max(...told.checks.filter((c) => c.exact).map((c) => c.difference));
    const holds = worst < 1e-9 ? "Both identities hold to rounding" : "An identity fails, which must not happen";
    lpwd.put(field("checked"), `${holds}: largest relative difference ${tiny(worst)}. c = ${Number((asked.eta * asked.lam).toPrecision(3))} a step.`);
    const rows = told.checks.map((c) => [c.claim, c.exact ? "identity" : "difference", tiny(c.difference)]);
    lpwd.table(field("checks"), [["Over 200 steps", "Kind", "max |a − b| / max |b|"], ...rows]);
  });

  // ---- rates

  const model = field("model"), n = field("n");
  async function ask() {
    if (asking) return void (again = true);
    asking = true;
    const asked = { model: model.value === "" ? null : Number(model.value), n: Number(n.value), rule: field("rule").value, weight_decay: Number(field("lam").value) };
    const told = JSON.parse(await server.layer_rates(JSON.stringify(asked)));
    asking = false;
    lpwd.put(field("rates-problem"), told.problem ?? "");
    if (!told.problem) {
      plot.draw(told.figure);
      lpwd.put(field("rates-said"), told.summary);
      lpwd.table(field("rates-table"), told.rows);
    }
    if (again) {
      again = false;
      ask();
    }
  }
  // What a person has chosen stands in the address; the model by its name, with n for where it is not known.
  function remember() {
    lpwd.tabs.remember({ explain_model: models[model.value]?.label ?? "", explain_n: n.value, explain_rule: field("rule").value, explain_lam: field("lam").value });
  }
  function restore() {
    const asked = (name) => lpwd.tabs.parameter(`explain_${name}`);
    const layers = Number(asked("n")), known = models.findIndex((m) => m.label === asked("model"));
    if ([...field("rule").options].some((option) => option.value === asked("rule"))) field("rule").value = asked("rule");
    if (Number(asked("lam")) > 0) field("lam").value = asked("lam");
    if (layers >= Number(n.min) && layers <= Number(n.max)) n.value = String(layers);
    model.value = known >= 0 ? String(known) : asked("n") ? "" : "0";
  }
  function choose() {
    if (model.value !== "") n.value = models[Number(model.value)].n;
    lpwd.put(field("n-is"), n.value);
    ask();
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
  for (const name of ["rule", "lam"]) {
    field(name).addEventListener("input", () => {
      ask();
      remember();
    });
  }
  field("copy").addEventListener("click", (event) => lpwd.copy(event.target, field("code").textContent + "\n"));

  server.models("{}").then((text) => {
    models = JSON.parse(text).models;
    const options = models.map((m, i) => new Option(`${m.label} (n = ${m.n})`, String(i)));
    model.replaceChildren(...options, new Option("any other, by the slider", ""));
    restore();
    choose();
  });
};
