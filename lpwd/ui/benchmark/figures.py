"""The figures of a preset, each with its sentences and runs."""

from collections.abc import Container
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # slow imports
    import plotly.graph_objects as go

    from lpwd.paper.findings import Findings

LOSS = "training loss"  # in captions and in the sentences about them


def figures(findings: "Findings", published_ids: Container[str] = ()) -> list[dict[str, Any]]:
    """Return caption, figure, sentences and own runs of each figure; an empty one has only axes."""
    several = findings.cells.column.nunique() > 1
    return [
        {
            "caption": caption,
            "json": figure.to_json(),
            "empty": _is_empty(figure),
            "said": sentences_of(findings, caption) if several else [],  # sentences of a single column are shown above
            "runs": [run_id for run_id in _runs(findings, caption) if run_id not in published_ids],
        }
        for caption, figure in findings.figures.items()
    ]


def _column(findings: "Findings", caption: str) -> str:
    """Return the column that a caption names, or "" if the figure shows all columns."""
    columns = dict.fromkeys(findings.cells.column)
    return next((column for column in columns if caption == column or caption.startswith(f"{column}: ")), "")


def sentences_of(findings: "Findings", caption: str) -> list[str]:
    """Return the sentences about a figure or a column of the table."""
    column = _column(findings, caption)
    columns = dict.fromkeys(findings.cells.column)
    sentences = findings.sentences if findings.done else []
    if len(columns) > 1 and column:
        start = f"{column}: "
        sentences = [text.removeprefix(start) for text in sentences if text.startswith(start)]
    if findings.preset.kind == "curves" and not column:
        return []  # norms of a single run
    if findings.preset.kind == "table" and not column:
        return []  # they are shown above the table
    if findings.preset.kind == "curves" and caption != column:
        sentences = [text for text in sentences if (LOSS in text) == caption.endswith(LOSS)]
    return sentences


def _runs(findings: "Findings", caption: str) -> list[str]:
    column = _column(findings, caption)
    done = findings.cells[findings.cells.done.astype(bool)]
    return list(dict.fromkeys((done[done.column == column] if column else done).run_id))


def _is_empty(figure: "go.Figure") -> bool:
    """Return whether no cell of a heatmap has a value. Other figures exist only if they have data."""
    heats = [trace for trace in figure.data if trace.type == "heatmap"]
    return bool(heats) and all(value is None for trace in heats for line in trace.z for value in line)
