"""Columns of published runs and of their curves. No pandas here, because the process that reads files imports it."""

import pyarrow as pa

from lpwd import codec
from lpwd.config import ConfigError, RunConfig
from lpwd.runs import FACTS, RESULTS

SCHEMA_VERSION = 1
RUNS_FILE, CURVES_FILE = "results.parquet", "curves.parquet"  # at the root: the bundled snapshot, older repositories
RUNS_FOLDER, CURVES_FOLDER = "runs", "curves"  # shards: one file of each per push
YEAR_2100 = 4_102_444_800_000  # milliseconds since 1970

TEXT, INTEGER, NUMBER, NUMBERS = pa.string(), pa.int64(), pa.float64(), pa.list_(pa.float64())
LAYERED = ("layer_names", "layer_decay_rates", "layer_parameter_counts", "initial_weight_norms")  # one value per layer


class Malformed(ConfigError):
    """A file is not a table of results."""


def _config_type(name: str) -> pa.DataType:
    """Return the column type of a RunConfig field; containers are JSON text."""
    return {bool: pa.bool_(), int: INTEGER, float: NUMBER}.get(codec.kind(name), TEXT)


JSON_FIELDS = frozenset(name for name in RunConfig.model_fields if codec.kind(name) in (tuple, dict))


RUNS_SCHEMA = pa.schema(
    {
        "run_id": TEXT,
        **{name: _config_type(name) for name in RunConfig.model_fields},
        "state": TEXT,  # finished or diverged
        **dict.fromkeys((*RESULTS, *FACTS), NUMBER),
        "parameter_count": INTEGER,
        **dict.fromkeys(("train_images", "test_images", "validation_images"), INTEGER),  # as used
        **dict.fromkeys(("step", "total_steps", "epoch"), INTEGER),  # reached
        **dict.fromkeys(("device", "device_class", "versions", "commit"), TEXT),
        "threads": INTEGER,
        **dict.fromkeys(("seconds", "images_per_second"), NUMBER),
        "date": pa.timestamp("ms", tz="UTC"),
        "timm_model": TEXT,  # with the tag of its weights
        "layer_names": pa.list_(TEXT),
        "layer_decay_rates": NUMBERS,
        "layer_parameter_counts": pa.list_(INTEGER),
        **dict.fromkeys(("initial_weight_norms", "zero_shot_top1", "zero_shot_loss"), NUMBERS),  # the latter per s
        "schema_version": INTEGER,
        **dict.fromkeys(("protocol", "start_digest"), TEXT),  # see lpwd.paper.protocols, lpwd.training.starts
        "correct": TEXT,  # test images classified correctly in the last epoch, see lpwd.correct; null in older rows
    }
)
CURVES_SCHEMA = pa.schema(
    {
        "run_id": TEXT,
        **dict.fromkeys(("epoch", "step"), INTEGER),
        **dict.fromkeys(("train_loss", "test_loss", "test_top1", "validation_top1", "lr"), NUMBER),
        "weight_norms": NUMBERS,  # L2 norm per layer, shallow to deep
        **dict.fromkeys(("opposing_count_rate", "opposing_magnitude_rate"), NUMBER),
        **dict.fromkeys(("seconds", "images_per_second"), NUMBER),
        "angular_update": NUMBERS,  # radians per layer, mean of sampled steps; empty in older rows
        "relative_update": NUMBERS,  # |change| / |weights| per layer, mean of these steps; empty in older rows
        "relative_gradient": NUMBERS,  # |gradient| / |weights| per layer, mean of these steps; empty in older rows
    }
)
REQUIRED = {
    RUNS_FOLDER: (
        *("run_id", "model", "dataset", "optimizer", "method", "lr", "weight_decay", "epochs", "seed", "scale"),
        *("state", "best10_mean", "best10_std", "last_top1", "train_loss", "device", "schema_version"),
    ),
    CURVES_FOLDER: ("run_id", "epoch", "step", "train_loss", "test_loss", "test_top1"),
}
