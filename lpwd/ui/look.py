"""Colours, type and spacing: a paper's figure page. System fonts only, so that no other host is asked for anything."""

import json
from pathlib import Path

import gradio as gr
import plotly

HERE = Path(__file__).parent
FIRST = ("url.js", "tabs.js")  # other scripts use them while the page loads
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
    """What tabs share, then the sheets of single tabs."""
    return "".join(path.read_text(encoding="utf-8") for path in files("css"))


def head() -> str:
    """The page's own scripts and icon, inline. Plotly is fetched when the first chart is seen: the landing has none."""
    plotly_address = f"gradio_api/file={plotly_path()}"
    first = f"window.lpwd = {json.dumps({'plotlyAddress': plotly_address})};\n"
    scripts = "".join(path.read_text(encoding="utf-8") for path in files("js"))
    icon = ICON.replace("#", "%23").replace("<", "%3C").replace(">", "%3E")
    icon = f'<link rel="icon" type="image/svg+xml" href="data:image/svg+xml,{icon}">'
    return f"{icon}<script>{first}{scripts}</script>"


def files(suffix: str) -> list[Path]:
    """What tabs share, then the tabs' own files: a new one needs no registration."""
    first = [HERE / "shared" / name for name in FIRST if name.endswith(suffix)]
    shared, others = (sorted(HERE.glob(f"{folder}/*.{suffix}")) for folder in ("shared", "*"))
    return list(dict.fromkeys([*first, *shared, *others]))


def asset(name: str) -> str:
    """A file below this folder, as text: `train/panel.html`."""
    return (HERE / name).read_text(encoding="utf-8")


def plotly_path() -> str:
    """The browser's Plotly as the Python package brings it: nothing is fetched from elsewhere."""
    return str(Path(plotly.__file__).parent / "package_data" / "plotly.min.js")
