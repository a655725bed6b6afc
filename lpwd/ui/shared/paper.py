"""The paper: its title line above the tabs, and the citations."""

import gradio as gr

from lpwd import __version__

TITLE = "Layer-wise Pre-weight Decay"
LINK = "https://openreview.net/forum?id=0GZ1Bq4Tfr"
LINE = f"""\
<p class="lp-paper">
  <cite>{TITLE}</cite>
  <span>anonymous authors, under review</span>
  <a href="{LINK}" target="_blank" rel="noopener noreferrer">the paper <span aria-hidden="true">↗</span></a>
</p>"""
BIBTEX = f"""\
@misc{{lpwd,
  title  = {{{TITLE}}},
  author = {{Anonymous}},
  note   = {{Paper under double-blind review, OpenReview 0GZ1Bq4Tfr}},
  url    = {{{LINK}}}
}}
@software{{lpwd_software,
  title   = {{lpwd: layer-wise pre-weight decay, live}},
  author  = "{{The lpwd maintainers}}",
  version = {{{__version__}}},
  license = {{Apache-2.0}}
}}
"""


def build() -> None:
    gr.HTML(LINE, elem_id="lp-paper", apply_default_css=False)
