"""The form as people use it beside Start: links, presets, seeds, costs and the lines to copy."""

import pytest
from browser import CHROMIUM, open_page

from lpwd import codec
from lpwd.ui.shared.form import BESIDE, LABELS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]

FORM = "model=test_convnext&dataset=digits&epochs=2&train_samples=160&test_samples=50&seeds=2"
PASTED = ("lr", "epochs")  # a float and an integer; the others are typed
NUMBERS = [name for name in LABELS if name not in BESIDE and codec.kind(name) in (int, float)]
TYPED = ("weight_decay", "batch_size")
# A button's words from now on: it says "Copied" for a moment, in which a page of a busy machine may draw no frame.
NOTE_WORDS = """(selector) => {
  const button = document.querySelector(selector), noted = (window.noted = []);
  new MutationObserver(() => noted.push(button.textContent)).observe(button, { childList: true });
}"""


@pytest.fixture
def opened(app, browser):
    """Opens the Train tab with these parameters; afterwards no page logged an error and none asked another host."""
    pages = []

    def open_one(query):
        clipboard = ["clipboard-read", "clipboard-write"]
        pages.append(open_page(browser, f"{app.url}/?tab=train&{query}", permissions=clipboard))
        pages[-1].page.click(".lp-more button.label-wrap")
        return pages[-1].page

    yield open_one
    for seen in pages:
        assert seen.hosts <= {"127.0.0.1"}
        assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []
        seen.page.close()


def wait_value(page, name, value):
    page.wait_for_function(
        "([id, value]) => document.querySelector(id)?.value === value", arg=[f"#lp-{name} input", value]
    )


def wait_methods(page, methods):
    page.wait_for_function(
        "methods => [...document.querySelectorAll('#lp-methods input:checked')].map(t => t.name).join() === methods",
        arg=methods,
    )


def wait_url(page, part):
    page.wait_for_function("part => location.search.includes(part)", arg=part)


def test_a_link_fills_the_form_and_the_form_follows_into_the_link(opened):
    page = opened(f"{FORM}&lr=fast&methods=lpwd,l2")
    wait_value(page, "epochs", "2")
    page.wait_for_function("document.querySelector('#lp-outcome [role=alert]')?.textContent.includes('fast')")
    wait_methods(page, "l2,lpwd")
    commands = "document.querySelector('#lp-plan [data-f=commands]')?.textContent.split('\\n')"
    page.wait_for_function(f"{commands}?.length === 2 && {commands}[1].includes('--seed 1')")
    page.fill("#lp-weight_decay input", "5")
    page.press("#lp-weight_decay input", "Tab")
    wait_url(page, "weight_decay=5")
    page.evaluate(NOTE_WORDS, "#lp-plan [data-act=link]")
    page.click("#lp-plan [data-act=link]")
    page.wait_for_function("noted.includes('Copied')")
    link = page.evaluate("navigator.clipboard.readText()")
    other = opened(link.partition("tab=train&")[2])
    wait_value(other, "weight_decay", "5")
    wait_value(other, "epochs", "2")
    wait_value(other, "seeds", "2")
    other.wait_for_function(
        "lines => document.querySelector('#lp-plan [data-f=commands]')?.textContent === lines",
        arg=page.evaluate("document.querySelector('#lp-plan [data-f=commands]').textContent"),
    )


def test_the_papers_experiment_fills_the_form(opened):
    page = opened("dataset=digits")
    page.select_option("#lp-filling select", "Table 3, scale cpu: CIFAR-100, ConvNeXt, Adam")
    wait_value(page, "weight_decay", "0.5")
    wait_value(page, "seeds", "3")
    page.wait_for_function("document.querySelectorAll('#lp-methods label.selected').length === 8")
    page.wait_for_selector("#lp-filling-note :text('the timing, or the rate of each layer?')")
    wait_url(page, "lr=0.0005")
    page.wait_for_selector("#lp-plan [data-f=commands]:text('--init-from')")


def test_two_seeds_are_one_race_with_a_paired_interval(opened):
    page = opened(f"{FORM}&seed=3")
    wait_value(page, "seed", "3")
    page.click("#lp-start")
    page.wait_for_selector("#lp-panel [data-f=verdict]:text('n = 2, seeds 3, 4')")
    page.wait_for_selector("#lp-panel [data-f=differences] circle >> nth=1")
    assert page.inner_text("#lp-panel [data-f=title]") == "WD vs LPWD, 2 seeds"
    assert "n = 2" in page.inner_text("#lp-panel [data-f=differences]")
    assert "2/2" in page.inner_text("#lp-panel [data-f=lanes]")
    page.reload()
    page.wait_for_selector("#lp-panel [data-f=verdict]:text('n = 2, seeds 3, 4')")
    page.click("text=Compare these runs in the Runs tab")
    page.wait_for_function(
        "document.querySelector('#lp-runs [data-f=verdicts]')?.textContent.includes('n = 2, seeds 3, 4')"
    )


WRONG = (  # found by the form, by what is known of the data, and by a try of the model
    ("lr", "0", "Learning rate η is 0: input should be greater than 0"),
    ("train_samples", "99999", "99999"),
    ("model", "convnext_atoo", "unknown model"),
)
MORE_WRONG = (("weight_decay", "-1", "Weight decay λ is -1"), ("epochs", "0", "Epochs is 0"), ("image_size", "4", "4"))


@pytest.mark.parametrize("wrong_values", [WRONG, pytest.param(MORE_WRONG, marks=pytest.mark.long)], ids=["", "others"])
def test_start_waits_for_the_field_that_is_wrong_which_is_marked_with_one_sentence(opened, wrong_values):
    page = opened(FORM)
    wait_value(page, "epochs", "2")
    for name, wrong, sentence in wrong_values:
        right = page.input_value(f"#lp-{name} input")
        page.fill(f"#lp-{name} input", wrong)
        page.press(f"#lp-{name} input", "Enter")
        page.wait_for_selector(f"#lp-{name}.lp-wrong .lp-beside:text('{sentence}')")
        assert "\n" not in page.inner_text(f"#lp-{name} .lp-beside")
        assert page.is_disabled("#lp-start")
        assert page.get_attribute(f"#lp-{name} input", "aria-invalid") == "true"
        page.fill(f"#lp-{name} input", right)
        page.press(f"#lp-{name} input", "Enter")
        page.wait_for_selector("#lp-start:not([disabled])")
        assert page.locator(".lp-wrong").count() == 0


def test_an_answer_about_earlier_values_takes_no_mark_away(opened):
    page = opened(FORM)
    wait_value(page, "epochs", "2")
    held = []

    def hold(route):
        if "preflight" in (route.request.post_data or "") and not held:
            held.append((route, route.fetch()))
        else:
            route.continue_()

    page.route("**/lpwd/poll", hold)
    page.fill("#lp-epochs input", "3")
    page.press("#lp-epochs input", "Enter")
    while not held:
        page.wait_for_timeout(10)
    page.fill("#lp-lr input", "0")
    page.press("#lp-lr input", "Enter")
    route, answer = held[0]
    route.fulfill(response=answer)
    page.wait_for_selector("#lp-lr.lp-wrong")
    page.wait_for_timeout(1000)
    assert page.locator("#lp-lr.lp-wrong").count() == 1
    assert page.is_disabled("#lp-start")


def test_a_bundled_start_brings_its_network_along(opened):
    page = opened("dataset=digits")
    wait_value(page, "epochs", "14")
    page.click("#lp-init_from input")
    page.get_by_role("option", name="convnext_atto pretrained on Tiny ImageNet").click()
    wait_url(page, "init_from=convnext_atto-tinyimagenet")
    wait_url(page, "model_kwargs=%7B%7D")


@pytest.mark.parametrize(
    "names",
    [[*PASTED, *TYPED], pytest.param([n for n in NUMBERS if n not in (*PASTED, *TYPED)], marks=pytest.mark.long)],
    ids=["two of each kind", "others"],
)
def test_every_number_field_reads_a_decimal_comma_or_refuses_it(opened, names):
    page = opened(FORM)
    wait_value(page, "epochs", "2")
    page.evaluate("navigator.clipboard.writeText('0,5')")
    for name in names:
        box = page.locator(f"#lp-{name} input")
        before = box.input_value()
        box.fill("")
        if name in PASTED:
            box.press("Control+V")
        else:
            box.press_sequentially("0,5")
        assert box.input_value() == "0,5"
        if codec.kind(name) is float:
            page.wait_for_selector(f"#lp-plan [data-f=commands]:text('--{name.replace('_', '-')} 0.5')")
        else:
            page.wait_for_selector(f"#lp-{name}.lp-wrong .lp-beside:text(\"'0,5': enter a whole number\")")
            assert page.is_disabled("#lp-start")
        box.fill(before)
        page.wait_for_selector("#lp-start:not([disabled])")


def test_the_plan_is_about_the_form_however_late_an_answer_comes(app, browser):
    """The first answer about the form is held back until the page has asked again, or has had time to."""
    page = browser.new_page()
    held = []

    def hold(route):
        told = route.request.post_data or ""
        about_form = '"preflight"' in told or ("/run/predict" in route.request.url and "convnext_atto" in told)
        if about_form and not held:
            held.append(route)
            route.fetch()
            page.wait_for_timeout(2000)
        route.continue_()

    page.route("**/lpwd/poll", hold)
    page.route("**/gradio_api/**", hold)
    page.goto(f"{app.url}/?tab=train&dataset=digits&weight_decay=5&epochs=2", wait_until="domcontentloaded")
    wait_value(page, "weight_decay", "5")
    while not held:
        page.wait_for_timeout(50)
    page.wait_for_timeout(3000)
    page.wait_for_selector("#lp-plan [data-f=commands]:text('--weight-decay 5.0 --epochs 2')")


def test_each_optimizer_brings_its_learning_rate_and_a_profile_is_part_of_the_link(opened):
    page = opened(FORM + "&methods=wd,lpwd")
    field = "#lp-optimizer input"
    for typed, label, lr in (
        ("muon", "timm muon", "0.001"),
        ("RMSprop", "RMSprop", "0.001"),
        ("lion", "timm lion", "0.0001"),
    ):
        page.click(field)
        page.fill(field, typed)
        page.get_by_role("option", name=label, exact=True).click()
        page.wait_for_function(f"document.querySelector('#lp-lr input, #lp-lr textarea')?.value === '{lr}'")
    page.fill("#lp-profile textarea, #lp-profile input", "0, 0.5, 2")
    page.keyboard.press("Tab")
    page.wait_for_function("location.search.includes('optimizer=timm%3Alion') && location.search.includes('profile=')")
    page.wait_for_function("document.querySelector('#lp-plan')?.textContent.includes('--profile 0,0.5,2')")
