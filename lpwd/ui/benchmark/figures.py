"""The figures of a preset on the page: own and published results told apart, each with its verdict and its runs."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # they load pandas and Plotly
    import plotly.graph_objects as go

    from lpwd.paper.findings import Findings

LOSS = "training loss"  # in a caption and in the sentences that belong to it


def figures(own: "Findings", published: "Findings | None") -> list[dict[str, Any]]:
    """Caption, figure, sentences and runs of each; published points lie in the same axes with marks of their own."""
    drawn = dict(own.figures)
    sources: dict[str, list[tuple[Findings, str, str]]] = {caption: [(own, caption, "")] for caption in drawn}
    if published:
        where = f"published, {devices(published)}"
        for caption, figure in published.figures.items():
            if caption in drawn and not _is_heatmap(figure):
                drawn[caption] = _together(drawn[caption], figure, where)
                sources[caption].append((published, caption, "Published: "))
            else:
                name = f"{caption} ({where})"
                drawn[name] = figure
                sources[name] = [(published, caption, "Published: ")]
    return [
        {
            "caption": caption,
            "json": figure.to_json(),
            "said": [
                prefix + text for findings, title, prefix in sources[caption] for text in sentences_of(findings, title)
            ],
            "runs": _runs(own, caption) if caption in own.figures else [],
        }
        for caption, figure in drawn.items()
    ]


def devices(findings: "Findings") -> str:
    """The kinds of device that the runs were trained on."""
    return ", ".join(sorted(set(findings.cells[findings.cells.done.astype(bool)].device_class)))


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
    if findings.preset.kind == "curves" and caption != column:
        sentences = [text for text in sentences if (LOSS in text) == caption.endswith(LOSS)]
    return sentences


def _runs(findings: "Findings", caption: str) -> list[str]:
    column = _column(findings, caption)
    done = findings.cells[findings.cells.done.astype(bool)]
    return list(dict.fromkeys((done[done.column == column] if column else done).run_id))


def _is_heatmap(figure: "go.Figure") -> bool:
    return any(trace.type == "heatmap" for trace in figure.data)


def _together(own: "go.Figure", published: "go.Figure", where: str) -> "go.Figure":
    """Published means as dotted lines with open markers, named; single runs and bands are left to the own figure."""
    figure = own.__class__(own)
    for trace in published.data:
        if trace.showlegend is False or not trace.name:
            continue
        trace = trace.__class__(trace)
        trace.update(name=f"{trace.name}, {where}", line={"dash": "dot", "width": 1.5}, opacity=0.8)
        if trace.marker.symbol:
            trace.marker.symbol = f"{trace.marker.symbol}-open"
        figure.add_trace(trace)
    return figure
