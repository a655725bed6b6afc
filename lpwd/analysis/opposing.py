"""R_op, the share of the weights that decay pushes away from 0 (eq. 10), of whole runs."""

import pandas as pd

from lpwd.analysis.statistics import metrics_frame
from lpwd.runs import RunSource

RATES = ("opposing_count_rate", "opposing_magnitude_rate")


def with_opposing(cells: pd.DataFrame, source: RunSource) -> pd.DataFrame:
    """The cells that measured R_op, with its mean over all measured steps, by count and by magnitude, in percent.

    From the epochs, which hold the means over their steps and are published; the steps are not.
    """
    points = metrics_frame(source, cells.run_id, "epoch")
    if points.empty:
        return cells.iloc[:0]
    means = 100 * points.groupby("run_id")[list(RATES)].mean()
    return cells.assign(**{rate: cells.run_id.map(means[rate]) for rate in RATES}).dropna(subset=[RATES[0]])
