"""Fill docs/findings.md and docs/audit.md with command output, tables and figures of the bundled results.

    python docs/make.py                      # everything; figures need chromium and the extra `test`
    python docs/make.py --text               # text only
    python docs/make.py table scan last_top1 # print one table: mean ± deviation over seeds by method and λ
    python docs/make.py opposing fig2        # print one table: R_op of WD by η and λ
    python docs/make.py verdicts table1      # print the sentences of a report
    python docs/make.py motion table1        # print measured and predicted angles per step
    python docs/make.py audit timm           # print one table: the recorded audits of a package
    python docs/make.py refused names        # print one table: unsupported optimizers with reasons

A block between `<!-- COMMAND -->` and `<!-- end -->` contains the output of COMMAND; a test compares them.
"""

import argparse
import contextlib
import functools
import math
import re
import shlex
import sys
import tempfile
from pathlib import Path

import pandas as pd
from click.testing import CliRunner

from lpwd.analysis import layer_motion
from lpwd.analysis.statistics import with_opposing
from lpwd.analysis.words import general, label, spread
from lpwd.audit.table import markdown, recorded
from lpwd.cli.main import main as main_command
from lpwd.hub.pull import local
from lpwd.optimizers import OPTIMIZERS
from lpwd.paper.findings import find, tabulate
from lpwd.paper.presets import get_preset
from lpwd.runs import Runs

HERE = Path(__file__).parent
TABLES = "table PRESET VALUE, opposing PRESET, verdicts PRESET, motion PRESET, audit PACKAGE or refused names"
MOST_SEEDS = 8  # of a preset, those beyond its plan included
FINDINGS, AUDIT = HERE / "findings.md", HERE / "audit.md"
BLOCK = re.compile(r"(<!-- (python [^>]*?) -->\n).*?(<!-- end -->)", re.S)
PICTURES = {  # file: preset, the end of the figure's caption
    "findings-settle.png": ("settle", "best-10 test top-1"),
    "findings-scan.png": ("scan", "best-10 test top-1"),
}


@functools.cache
def published() -> Runs:
    runs = local("", "").runs
    return Runs(published=lambda: runs)


def table(preset: str, value: str) -> str:
    """Return Markdown with one row per lambda (and column) and one column per method: `mean±deviation` over seeds."""
    cells = tabulate(get_preset(preset), published(), "cpu").cells
    done = cells[cells.done.astype(bool) & cells[value].notna()]
    methods = list(dict.fromkeys(cells.row))
    seeds = done.groupby(["column", "row", "weight_decay"]).size()
    columns = list(dict.fromkeys(done.column))
    names, digits = ["", "λ"] if len(columns) > 1 else ["λ"], 3 if "loss" in value else 2
    lines = [f"| {' | '.join([*names, *map(label, methods)])} |", "|---" * (len(methods) + len(names)) + "|"]
    for column in columns:
        here = done[done.column == column]
        for decay in sorted(set(cells.weight_decay[cells.column == column])):
            parts = [here[(here.row == method) & (here.weight_decay == decay)][value] for method in methods]
            texts = [spread(float(p.mean()), float(p.std()), digits) if len(p) else "" for p in parts]
            lines.append(f"| {' | '.join([column, f'{decay:g}'][-len(names) :] + texts)} |")
    return "\n".join([*lines, "", counted(seeds, len(done), len(cells))])


def verdicts(preset: str) -> str:
    """Return the sentences of a report, without pairs that have no runs."""
    sentences = find(get_preset(preset), published(), "cpu").sentences
    return "\n".join(sentence for sentence in sentences if "no pair of finished runs" not in sentence)


def motion(preset: str) -> str:
    """Return measured over predicted angles per step for each method."""
    chosen = get_preset(preset)
    frame = layer_motion.layer_motion(tabulate(chosen, published(), "cpu", MOST_SEEDS).cells, published())
    return "\n".join([*layer_motion.sentences(frame, chosen.rows), f"{frame.run_id.nunique()} runs recorded it."])


def counted(seeds: pd.Series, done: int, asked: int) -> str:
    n = f"{seeds.min()} to {seeds.max()}" if seeds.min() != seeds.max() else str(seeds.max())
    return f"n = {n} seeds a cell; {done} of {asked} cells."


def opposing(preset: str) -> str:
    """Return Markdown with the mean R_op by count in percent: one row per column and η, one column per λ."""
    source = published()
    cells = tabulate(get_preset(preset), source, "cpu").cells
    measured = with_opposing(cells[cells.state == "finished"], source)
    decays = sorted(set(measured.weight_decay))
    lines = [f"| | η | {' | '.join(f'λ = {decay:g}' for decay in decays)} |", "|---" * (len(decays) + 2) + "|"]
    for (column, lr), part in measured.groupby(["column", "lr"], sort=False):
        means = part.groupby("weight_decay").opposing_count_rate.mean()
        texts = [general(means.get(decay, math.nan), 2) for decay in decays]
        lines.append(f"| {column} | {lr:g} | {' | '.join(texts)} |")
    seeds = measured.groupby(["column", "lr", "weight_decay"]).size()
    return "\n".join([*lines, "", counted(seeds, len(measured), len(cells))])


def audit(package: str) -> str:
    """Return Markdown with one row per audited class of a package."""
    rows = [row for row in recorded() if row["name"].startswith(f"{package}:")]
    return "\n".join([f"{rows[0]['version']}:", "", markdown(rows)])


def refused(_: str) -> str:
    """Return Markdown with the unsupported names of OPTIMIZERS, one row per reason."""
    reasons: dict[str, list[str]] = {}
    for name, row in OPTIMIZERS.items():
        if row.refused:
            reasons.setdefault(row.refused, []).append(name)
    rows = [f"| {', '.join(names)} | {reason} |" for reason, names in reasons.items()]
    return "\n".join(["| Optimizer | why |", "|---|---|", *rows])


def printed(command: str) -> str:
    """Return the output of a command, stderr before stdout; lines outside tables become list items.

    It runs in this process, as to start Python and its libraries takes longer than most commands.
    """
    words = shlex.split(command)[1:]
    text = make(words[1:]) if words[0] == "docs/make.py" else lpwd(words[2:])
    lines = [line for line in text.splitlines() if not line.startswith("reports/")]
    return "\n".join(line if not line or line.startswith("|") else f"- {line}" for line in lines)


def lpwd(words: list[str]) -> str:
    runner = CliRunner(env={"COLUMNS": "200"})
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # for the files that reports write
        done = runner.invoke(main_command, words, catch_exceptions=False)
    if done.exit_code:
        raise RuntimeError(f"lpwd {shlex.join(words)} ended with exit code {done.exit_code}: {done.stderr}")
    return done.stderr + done.stdout


def make(words: list[str]) -> str:
    kind, *rest = words
    return MAKERS[kind](*rest)


MAKERS = {
    "table": table,
    "opposing": opposing,
    "verdicts": verdicts,
    "motion": motion,
    "audit": audit,
    "refused": refused,
}


def filled(text: str) -> str:
    """The page with every block as its command prints it now."""
    return BLOCK.sub(lambda block: f"{block[1]}\n{printed(block[2])}\n\n{block[3]}", text)


def draw() -> None:
    """The pictures, by Chromium."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    from browser import chromium

    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        sheet = browser.new_page(viewport={"width": 1000, "height": 900}, device_scale_factor=2)
        for file, (preset, ending) in PICTURES.items():
            figures = find(get_preset(preset), published(), "cpu").figures
            chosen = next(figure for caption, figure in figures.items() if caption.endswith(ending))
            path = Path(folder) / "figure.html"
            chosen.update_layout(font_color="#666").write_html(path)
            sheet.goto(path.as_uri())
            sheet.wait_for_selector(".main-svg")
            sheet.wait_for_timeout(500)
            sheet.locator(".plotly-graph-div").screenshot(path=HERE / file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", action="store_true")
    parser.add_argument("table", nargs="*", metavar=TABLES)
    options = parser.parse_args()
    if options.table:
        kind, *words = options.table
        if len(words) != {"table": 2}.get(kind, 1) or kind not in MAKERS:
            parser.error(f"{' '.join(options.table)} cannot be printed: {TABLES}")
        print(make(options.table))
        return
    for page in (FINDINGS, AUDIT):
        page.write_text(filled(page.read_text()))
    if not options.text:
        draw()


if __name__ == "__main__":
    main()
