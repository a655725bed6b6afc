"""The frame of a report: one self-contained HTML page, light or dark as the reader's system, no external host."""

from html import escape

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

CSS = """
:root { color-scheme: light dark; --ink: #1b1b1b; --soft: #666; --line: #d9d9d9; --paper: #fff; --accent: #0072B2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --soft: #9a9a9a; --line: #3a3a3a; --paper: #141414; --accent: #56B4E9; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1160px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 8px; } h2 { font-size: 17px; margin: 40px 0 8px; }
.eyebrow, .note, figcaption, footer { color: var(--soft); } .eyebrow { font-size: 13px; margin: 0 0 8px; }
.question { font-size: 18px; max-width: 46em; margin: 0 0 16px; } .note { font-size: 14px; max-width: 60em; }
ul.verdict { border-left: 3px solid var(--accent); margin: 16px 0; padding: 0 0 0 24px; max-width: 60em; }
ul.verdict li { margin: 4px 0; } .warning { border-left: 3px solid #D55E00; padding-left: 16px; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 13.5px; margin: 8px 0 16px; }
th { font-weight: 600; text-align: right; vertical-align: bottom; border-bottom: 1.5px solid var(--ink); }
td { text-align: right; border-bottom: 1px solid var(--line); } th, td { padding: 4px 8px; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; } .paper, .missing { color: var(--soft); }
.chip { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 8px; }
.control { color: var(--soft); font-size: 12px; } td small { display: block; font-size: 12px; color: var(--soft); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 8px 24px; }
figure { margin: 16px 0 0; min-width: 0; } figure.wide { grid-column: 1 / -1; }
figcaption { font-size: 14px; margin-bottom: 4px; }
summary { cursor: pointer; color: var(--soft); } footer { font-size: 13px; margin-top: 48px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 8px 0; } dd { margin: 0; }
@media (max-width: 560px) { .figures { grid-template-columns: 1fr; } main { padding: 24px 16px; } }
"""

SCRIPT = """
const dark = matchMedia("(prefers-color-scheme: dark)");
const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--soft").trim();
const plots = [...document.querySelectorAll("[data-plot]")];
for (const node of plots) {
  const figure = JSON.parse(document.getElementById(node.dataset.plot).textContent);
  figure.layout.font.color = ink();
  Plotly.newPlot(node, figure.data, figure.layout, {responsive: true, displaylogo: false, displayModeBar: "hover",
    modeBarButtons: [["toImage", "resetScale2d"]]});
}
dark.addEventListener("change", () => plots.forEach(node => Plotly.relayout(node, {"font.color": ink()})));
"""


def page(title: str, body: str) -> str:
    """A whole document; Plotly is embedded only where the body has a figure."""
    library = f"<script>{get_plotlyjs()}</script><script>{SCRIPT}</script>" if "data-plot" in body else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body><main>{body}</main>{library}</body></html>\n"
    )


def plot(figure: go.Figure, caption: str, number: int) -> str:
    """A figure as inert JSON that the page's script draws; `<` is escaped, so no text can close the script element."""
    data = str(figure.to_json()).replace("<", "\\u003c")
    wide = ' class="wide"' if sum(trace.type == "heatmap" for trace in figure.data) > 1 else ""
    return (
        f'<figure{wide}><figcaption>{escape(caption)}</figcaption><div data-plot="plot-{number}"></div>'
        f'<script type="application/json" id="plot-{number}">{data}</script></figure>'
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """`head` is text; cells of `rows` are HTML already."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>'


def items(sentences: list[str]) -> str:
    """A list element a sentence."""
    return "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
