"""The Compare tab and the endpoint /compare: chosen runs over each other, and what their difference supports."""

import math
from collections.abc import Sequence
from typing import Any

import gradio as gr
import pandas as pd

from lpwd.analysis.figures import STYLES
from lpwd.analysis.verdict import QUANTITIES
from lpwd.analysis.words import general, label, number, seed_list, spread
from lpwd.config import ConfigError
from lpwd.facts import DATASETS, OPTIMIZER_LABELS
from lpwd.store import RunStore
from lpwd.ui import look
from lpwd.ui.answers import answering, endpoint
from lpwd.ui.compare import compared, overlay
from lpwd.ui.topics import IDLE_MS, Topics

FOLLOW_MS = 2000  # until a page asks again while a chosen run trains
LISTED = 100  # groups that the list shows at once
TABLE_ROWS = 300
RESULTS = {"best10_mean": "Best 10", "last_top1": "Last epoch", "val_selected_top1": "Validation-selected"}


def build(store: RunStore, topics: Topics) -> None:
    curves = overlay.Curves(store)

    def choices(search: str = "") -> dict[str, Any]:
        return listed(store, search)

    def compare_view(
        items: list[str],
        y: str = "test_top1",
        x: str = "epoch",
        logs: str = "",
        smooth: float = 0.0,
        value: str = "best10_mean",
        each: bool = False,
        stamp: str = "",
    ) -> dict[str, Any]:
        answer = view(curves, items, y, x, logs, smooth, value, each, stamp)
        return answer | {"pollMs": FOLLOW_MS if answer["moving"] else IDLE_MS}

    def data(items: list[str], y: str) -> dict[str, Any]:
        return {"csv": csv(curves, items, y)}

    def compare(run_ids: list[str], value: str = "best10_mean") -> dict[str, Any]:
        """Group the runs over seeds and pair each two groups: n, mean, deviation, paired difference and verdict.

        `value` is best10_mean, last_top1, val_selected_top1 or train_loss.
        """
        return compared.comparison(store, run_ids, value)

    topics.add("compare", compare_view)
    gr.HTML(
        html_template=page(),
        js_on_load="lpwd.compare(element, server);",
        server_functions=[answering(act) for act in (choices, data)],
        elem_id="lp-compare",
        apply_default_css=False,
    )
    gr.api(endpoint(compare), concurrency_limit=None)


def page() -> str:
    judged = "".join(f'<option value="{name}">{words}</option>' for name, (words, _, _) in QUANTITIES.items())
    shown = "".join(f'<option value="{name}">{title}</option>' for name, (title, _, _) in overlay.Y.items())
    ways = "".join(f'<option value="{name}">{title}</option>' for name, title in overlay.X.items())
    return (
        look.asset("compare/compare.html").replace("[[Y]]", shown).replace("[[X]]", ways).replace("[[VALUES]]", judged)
    )


# ---- the list to choose from


def listed(store: RunStore, search: str = "") -> dict[str, Any]:
    """Groups of runs that hold every word of `search`, most seeds first, with their runs."""
    groups: dict[str, list[dict[str, Any]]] = {}
    runs = compared.frame(store.records()).to_dict("records")
    for run in runs:
        groups.setdefault(run["key"], []).append(run)
    choices = [_choice(key, part) for key, part in groups.items()]
    words = search.lower().split()
    matches = [choice for choice in choices if all(word in choice["search"] for word in words)]
    matches.sort(key=lambda choice: -choice["n"])
    return {"groups": matches[:LISTED], "found": len(matches), "runs": len(runs)}


def _choice(key: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    first = runs[0]
    method = label(first["method"])
    setting = f"η {first['lr']:g}, λ {first['weight_decay']:g}"
    detail = _detail(first)
    best = [run["best10_mean"] for run in runs if run["state"] == "finished"]
    seeds = sorted(({"id": run["run_id"], "seed": run["seed"], "state": run["state"]} for run in runs), key=_seed)
    text = f"{method} {first['method']} {setting} {detail} {' '.join(run['run_id'] for run in runs)}"
    return {
        "key": key,
        "method": method,
        "color": STYLES[first["method"]].color,
        "setting": setting,
        "detail": detail,
        "n": len(best),
        "runs": seeds,
        "mean": number(sum(best) / len(best) if best else None),
        "search": text.lower(),
    }


def _seed(run: dict[str, Any]) -> int:
    return int(run["seed"])


def _detail(run: dict[str, Any]) -> str:
    """What a group shares beside method, eta and lambda, as one line."""
    samples = run["train_samples"]
    images = "all images" if samples is None or math.isnan(samples) else f"{samples:,.0f} images"
    extra = [word for word, there in (("pretrained", run["pretrained"]), ("zero-shot", run["zero_shot"])) if there]
    where = [run["model"], DATASETS[run["dataset"]].label, OPTIMIZER_LABELS[run["optimizer"]]]
    return ", ".join([*where, f"{run['epochs']} epochs", images, f"scale {run['scale']}", run["device_class"], *extra])


# ---- what is chosen


def view(
    curves: overlay.Curves,
    items: Sequence[str],
    y: str = "test_top1",
    x: str = "epoch",
    logs: str = "",
    smooth: float = 0.0,
    value: str = "best10_mean",
    each: bool = False,
    stamp: str = "",
) -> dict[str, Any]:
    """Figure, verdicts and tables of the chosen items. Raises ConfigError for what a link may have wrong.

    Only `stamp` and `moving` where nothing has changed since the answer with this `stamp`; `moving` says whether one
    of the runs is training, so that asking again is worth it.
    """
    if y not in overlay.Y or x not in overlay.X or value not in QUANTITIES or not 0 <= smooth < 1:
        raise ConfigError("this link asks for a chart that there is not: choose again below")
    entries = compared.choose(curves.store, items, each=each)
    now = {"stamp": _stamp(curves.store, entries), "moving": _moving(entries)}
    if stamp == now["stamp"]:
        return now
    judged = compared.choose(curves.store, items) if each else entries
    drawn = overlay.overlay(curves, entries, y, x, logs, smooth)
    return now | {
        "figure": drawn["figure"],
        "summary": _summary(entries, drawn["means"], y),
        "verdicts": [pair["verdict"] for pair in compared.pairs(judged, value)],
        "entries": [{"label": e.label, "color": e.color} for e in entries],
        "results": _results(entries),
        "settings": [["Setting", *(e.label for e in entries)], *compared.differing(entries)],
        "points": _points(entries, drawn["means"], x),
    }


def _stamp(store: RunStore, entries: Sequence[compared.Entry]) -> str:
    """Another one once a run has recorded more or ended."""
    recorded = tuple(store.history(run_id).stamp for entry in entries for run_id in entry.ids)
    return f"{hash((recorded, tuple(state for entry in entries for state in entry.runs.state))):x}"


def _moving(entries: Sequence[compared.Entry]) -> bool:
    return any(entry.runs.state.isin(["queued", "running", "stopping"]).any() for entry in entries)


def _summary(entries: Sequence[compared.Entry], means: Sequence[pd.DataFrame], y: str) -> str:
    """The chart in words: where each mean ends."""
    ends = [
        f"{entry.label} {number(float(mean['mean'].iloc[-1]), digits=2 if '%' in overlay.Y[y][0] else 4)}"
        for entry, mean in zip(entries, means, strict=True)
        if len(mean)
    ]
    return f"Last common value, {overlay.Y[y][0]}: {'; '.join(ends)}." if ends else "Nothing recorded to draw yet."


def _results(entries: Sequence[compared.Entry]) -> list[list[str]]:
    head = ["Group", "n", "Seeds", *(f"{name}, mean ± sd (%)" for name in RESULTS.values()), "Diverged", "Unfinished"]
    statistics = [compared.statistics(entries, value) for value in RESULTS]
    rows = []
    for best, *others in zip(*statistics, strict=True):
        cells = [spread(one["mean"], one["std"]) for one in (best, *others)]
        seeds = seed_list(best["seeds"])
        rows.append([best["label"], str(best["n"]), seeds, *cells, str(best["diverged"]), str(best["unfinished"])])
    return [head, *rows]


def _points(entries: Sequence[compared.Entry], means: Sequence[pd.DataFrame], x: str) -> list[list[str]]:
    """Mean and deviation by x, at most TABLE_ROWS rows; the CSV has all."""
    columns: dict[str, pd.Series] = {}
    for entry, mean in zip(entries, means, strict=True):
        table = mean if x != "seconds" else mean.assign(x=mean.index)
        columns |= {f"{entry.label} {name}": table.set_index("x")[name] for name in ("mean", "std")}
    together = pd.DataFrame(columns).sort_index()
    kept = together.iloc[:: max(1, -(-len(together) // TABLE_ROWS))]
    body = [[f"{at:g}", *map(general, row)] for at, row in zip(kept.index, kept.to_numpy(), strict=True)]
    return [["step" if x == "seconds" else x, *columns], *body]


def csv(curves: overlay.Curves, items: Sequence[str], y: str) -> str:
    return overlay.csv(curves, compared.choose(curves.store, items), y)
