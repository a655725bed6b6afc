"""What runs must share to be the same experiment, as short digests. No pandas: the list of runs needs it at once."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from lpwd.store import Record

CHOSEN = frozenset({"method", "lr", "weight_decay", "seed", "scale"})  # what may differ on the same batches
UNKNOWN = "unknown"  # device class of a run that has not started


def device_class(device: str) -> str:
    """`CPU, 2 cores, 23 GiB` -> `CPU`: results of different classes are never averaged."""
    return device.partition(",")[0].strip() or UNKNOWN


def batches(fields: Mapping[str, Any]) -> str:
    """Equal for configurations (as JSON) that differ in method, eta, lambda, seed and scale alone: a seed's batches
    and initial weights are then the same.
    """
    same = {name: value for name, value in fields.items() if name not in CHOSEN}
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:8]


def setting(fields: Mapping[str, Any]) -> str:
    """Equal where everything but method, seed and scale is."""
    return f"{batches(fields)}-{fields['lr']:g}-{fields['weight_decay']:g}"


def group_key(record: Record) -> str:
    """`method*setting*scale*device`: equal for runs that differ in nothing but the seed; links carry it."""
    config, device = record.config, device_class(record.status.device).replace(" ", "_")
    return f"{config.method}*{setting(config.model_dump(mode='json'))}*{config.scale}*{device}"
