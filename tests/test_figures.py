"""Figures: one style a method, gaps stay gaps, the best cell is circled."""

import math

import pandas as pd
import pytest

from lpwd.analysis import figures
from lpwd.methods import METHODS


def grid():
    frame = pd.DataFrame(
        [
            ("wd", 0.001, 0.5, 10.0, 0),
            ("wd", 0.001, 0.1, 12.0, 0),
            ("wd", 0.01, 0.5, math.nan, 1),
            ("lpwd", 0.001, 0.5, 9.0, 0),
        ],
        columns=["method", "lr", "weight_decay", "mean", "diverged"],
    )
    return figures.heatmaps(frame, "mean", rows=[0.1, 0.5], columns=[0.001, 0.01], panels=["wd", "lpwd"])


def marks(figure, name):
    return [list(zip(trace.x, trace.y, strict=True)) for trace in figure.data if trace.name == name]


def test_names_that_are_not_methods_are_drawn_in_grey():
    assert figures.style("lpwd") is METHODS["lpwd"]
    assert figures.style("paper").color == figures.TEXT


def test_backgrounds_are_transparent_without_a_template():
    figure = figures.empty_figure("epoch", "loss")
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert not figure.layout.template.layout.to_plotly_json()
    assert figure.layout.xaxis.title.text == "epoch"


def test_heatmap_marks_the_best_the_diverged_and_the_missing_and_fills_nothing_in():
    figure = grid()
    assert [list(line) for line in figure.data[0].z] == [[12.0, None], [10.0, None]]
    assert marks(figure, "best") == [[("0.001", "0.1")], [("0.001", "0.5")]]
    assert marks(figure, "diverged") == [[("0.01", "0.5")], []]
    assert marks(figure, "missing")[0] == [("0.01", "0.1")]
    assert len(marks(figure, "missing")[1]) == 3


def test_heatmap_cells_say_their_value_in_the_form_asked_for():
    assert [list(line) for line in grid().data[0].text] == [["12.0", ""], ["10.0", ""]]
    rates = pd.DataFrame([("wd", 0.001, 0.1, 0.00176, 0)], columns=["method", "lr", "weight_decay", "mean", "diverged"])
    shown = figures.heatmaps(rates, "mean", rows=[0.1], columns=[0.001], panels=["wd"], form=".2g")
    assert shown.data[0].text[0][0] == "0.0018"


def test_heatmap_panels_share_one_cividis_scale():
    figure = grid()
    assert {trace.coloraxis for trace in figure.data if trace.type == "heatmap"} == {"coloraxis"}
    assert figure.layout.coloraxis.colorscale[0][1] == "#00224e"


def test_curves_show_each_seed_faintly_and_the_mean_of_all_in_the_methods_style():
    rows = [(f"r{seed}", "lpwd", epoch, epoch + seed) for seed in (0, 2) for epoch in range(1, 4 - seed // 2)]
    frame = pd.DataFrame(rows, columns=["run_id", "method", "epoch", "top1"])
    figure = figures.curves(frame, "epoch", "top1", x_title="epoch", y_title="test top-1 (%)")
    mean = figure.data[-1]
    assert (mean.name, mean.line.color, mean.marker.symbol) == ("LPWD (n = 2)", "#0072B2", "square")
    assert list(mean.x) == [1, 2]  # epoch 3 was reached by one seed only
    assert list(mean.y) == pytest.approx([2, 3])
    assert sum(trace.line.width == 1 for trace in figure.data) == 2


def test_a_single_run_has_no_band():
    frame = pd.DataFrame([("r", "wd", 1, 2.0)], columns=["run_id", "method", "epoch", "top1"])
    figure = figures.curves(frame, "epoch", "top1", x_title="epoch", y_title="")
    assert not any(trace.fill for trace in figure.data)


def test_differences_without_an_interval_have_no_bar():
    frame = pd.DataFrame(
        [
            {
                "name": "PWD minus RWD",
                "color": "#56B4E9",
                "x": 0.5,
                "mean": 1.0,
                "low": 0.5,
                "high": 1.5,
                "values": (1,),
            },
            {
                "name": "PWD minus RWD",
                "color": "#56B4E9",
                "x": 5,
                "mean": 1,
                "low": math.nan,
                "high": math.nan,
                "values": (),
            },
        ]
    )
    assert list(figures.differences(frame).data[-1].error_y.array) == [0.5, 0.0]


def test_weight_norms_are_drawn_relative_to_the_start():
    norms = pd.DataFrame({0: [2.0, 4.0], 1: [1.0, 4.0]}, index=["stem", "head"])
    assert [list(line) for line in figures.weight_norm_heatmap(norms).data[0].z] == [[1.0, 0.5], [1.0, 1.0]]


def test_scales_keep_the_order_of_the_models():
    frame = pd.DataFrame(
        [("wd", "tiny", 1.0, 0.1), ("wd", "large", 2.0, math.nan)], columns=["method", "x", "mean", "std"]
    )
    figure = figures.points(frame, ["tiny", "small", "large"])
    assert list(figure.layout.xaxis.categoryarray) == ["tiny", "small", "large"]
    assert list(figure.data[0].error_y.array) == [0.1, 0.0]
