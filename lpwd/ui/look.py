"""Theme, style sheets and scripts of the page. System fonts only, so that no request goes to another host."""

from pathlib import Path

import gradio as gr

from lpwd.ui import terms
from lpwd.ui.web import assets

HERE = Path(__file__).parent
LANDING = ("shared/", "demo/")  # folders of the scripts that the first tab needs
CHARTS = (
    "shared/figure.js",
    "shared/lane_chart.js",
    "shared/lane_lines.js",
    "shared/lane_plot.js",
    "shared/motion.js",
    "shared/profile.js",
    "shared/profile_shape.js",
    "shared/seeds.js",
    "shared/sparkline.js",
)  # needed only by other tabs
# Runs when a component appears. A failure is shown in place of the component and in the console.
MOUNT = """import(new URL("[[ADDRESS]]", document.baseURI))
  .then((module) => module.mount(element, { server, props, trigger, watch }))
  .catch((error) => {
    const problem = document.createElement("p");
    problem.className = "lp-problem";
    problem.setAttribute("role", "alert");
    problem.textContent = `This part of the page did not load. Reload the page. (${error.message})`;
    element.prepend(problem);
    throw error;
  });"""
SANS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")
ICON = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>"
    "<path d='M1 2C4 11 8 13 15 13.5' fill='none' stroke='#D55E00' stroke-width='2'/>"
    "<path d='M1 2C3 8 7 9.500 15 10' fill='none' stroke='#0072B2' stroke-width='2'/></svg>"
)


def theme() -> gr.themes.Base:
    return gr.themes.Base(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.zinc,
        spacing_size=gr.themes.sizes.spacing_sm,
        radius_size=gr.themes.sizes.radius_sm,
        text_size=gr.themes.sizes.text_sm,
        font=SANS,
        font_mono=MONO,
    ).set(
        body_background_fill="#ffffff",
        body_background_fill_dark="#101214",
        body_text_color="#1b1d20",
        body_text_color_dark="#e6e8ea",
        body_text_color_subdued="#565b62",
        body_text_color_subdued_dark="#a4abb3",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_label_text_color="#565b62",
        block_label_text_color_dark="#a4abb3",
        block_title_text_color="#565b62",
        block_title_text_color_dark="#a4abb3",
        block_title_text_weight="500",
        input_background_fill="#ffffff",
        input_background_fill_dark="#181b1f",
        input_border_color="#c9cdd2",
        input_border_color_dark="#3a4048",
        input_border_width="1px",
        input_shadow="none",
        input_shadow_focus="none",
        button_primary_background_fill="#0b63a5",
        button_primary_background_fill_hover="#084f85",
        button_primary_background_fill_dark="#1a70ae",
        button_primary_background_fill_hover_dark="#2c8fd6",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        button_large_text_weight="600",
    )


def css() -> str:
    """Return the shared sheet, then the sheets of single tabs."""
    shared, others = (sorted(HERE.glob(f"{folder}/*.css")) for folder in ("shared", "*"))
    return "".join(path.read_text(encoding="utf-8") for path in dict.fromkeys([*shared, *others]))


def head() -> str:
    """Return the icon of the page, and preload hints for the scripts of the landing page (not Plotly)."""
    icon = ICON.replace("#", "%23").replace("<", "%3C").replace(">", "%3E")
    icon = f'<link rel="icon" type="image/svg+xml" href="data:image/svg+xml,{icon}">'
    names = [name for name in assets.scripts() if name.startswith(LANDING) and name not in CHARTS]
    return icon + "".join(f'<link rel="modulepreload" href="{assets.address()}/{name}">' for name in names)


def mount(name: str) -> str:
    """Return the `js_on_load` of a component: import a script, `train/panel.js`, and call its `mount`.

    Raises KeyError for an unknown script.
    """
    assets.scripts()[name]
    return MOUNT.replace("[[ADDRESS]]", f"{assets.address()}/{name}")


def asset(name: str) -> str:
    """Return a template below this folder, such as `train/panel.html`, with its glossary terms explained."""
    return terms.marked((HERE / name).read_text(encoding="utf-8"))
