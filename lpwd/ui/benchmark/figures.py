"""The figures of a preset on the page, each with its verdict and its runs."""

from collections.abc import Container
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # they load pandas and Plotly
    import plotly.graph_objects as go

    from lpwd.paper.findings import Findings

LOSS = "training loss"  # in a caption and in the sentences that belong to it


def figures(findings: "Findings", published_ids: Container[str] = ()) -> list[dict[str, Any]]:
    """Caption, figure, sentences and own runs of each; an empty one has axes and nothing in them."""
    several = findings.cells.column.nunique() > 1
    return [
        {
            "caption": caption,
            "json": figure.to_json(),
            "empty": _is_empty(figure),
            "said": sentences_of(findings, caption) if several else [],  # those of one column stand above
            "runs": [run_id for run_id in _runs(findings, caption) if run_id not in published_ids],
        }
        for caption, figure in findings.figures.items()
    ]


def _column(findings: "Findings", caption: str) -> str:
    """The column that a caption names; empty where the figure is about all of them."""
    columns = dict.fromkeys(findings.cells.column)
    return next((column for column in columns if caption == column or caption.startswith(f"{column}: ")), "")


def sentences_of(findings: "Findings", caption: str) -> list[str]:
    """The sentences that belong to a figure, or to a column of the table."""
    column = _column(findings, caption)
    columns = dict.fromkeys(findings.cells.column)
    sentences = findings.sentences if findings.done else []
    if len(columns) > 1 and column:
        start = f"{column}: "
        sentences = [text.removeprefix(start) for text in sentences if text.startswith(start)]
    if findings.preset.kind == "curves" and not column:
        return []  # the norms of one run
    if findings.preset.kind == "table" and not column:
        return []  # they stand above it
    if findings.preset.kind == "curves" and caption != column:
        sentences = [text for text in sentences if (LOSS in text) == caption.endswith(LOSS)]
    return sentences


def _runs(findings: "Findings", caption: str) -> list[str]:
    column = _column(findings, caption)
    done = findings.cells[findings.cells.done.astype(bool)]
    return list(dict.fromkeys((done[done.column == column] if column else done).run_id))


def _is_empty(figure: "go.Figure") -> bool:
    """Heatmaps in which no cell has a number; other figures are not drawn where they have nothing."""
    heats = [trace for trace in figure.data if trace.type == "heatmap"]
    return bool(heats) and all(value is None for trace in heats for line in trace.z for value in line)
