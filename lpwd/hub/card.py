"""The dataset card of published results."""

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import RemoteEntryNotFoundError

from lpwd.paper.protocols import PROTOCOLS

CARD_FILE = "README.md"
MARK = "<!-- Written by lpwd: remove this line to keep your own text. -->"
NAMES = ", ".join(f"`{name}`" for name in PROTOCOLS)
CARD = f"""---
pretty_name: LPWD results
tags:
- optimizer
- weight-decay
- lpwd
configs:
- config_name: results
  data_files:
  - results.parquet
  - runs/*.parquet
  default: true
- config_name: curves
  data_files:
  - curves.parquet
  - curves/*.parquet
---
{MARK}

# Results of weight-decay experiments

Runs of lpwd (layer-wise pre-weight decay), each computed by its trainer on the machine named in its row.
`python -m lpwd push --repo <this dataset>` adds runs, `python -m lpwd pull` reads them. Each push adds
one file of runs and one of curves; no file is changed. A run's id is derived from its settings; of two rows of the
same run the newest file counts.

- **results**: one row per run. Its settings (`model` to `scale`), its `state` (`finished` or `diverged`), its results
  and where they come from: `device`, `threads`, `versions`, `commit`, `seconds`, `date` (UTC).
- **curves**: one row per run and epoch.

| column | meaning |
|---|---|
| `best10_mean`, `best10_std` | test top-1 (%), mean and deviation of the ten best epochs, chosen on the test set |
| `last_top1` | test top-1 (%) after the last epoch |
| `val_selected_top1` | test top-1 (%) at the best epoch of the validation split; empty without one |
| `train_loss` | of the last epoch, mean over its training images |
| `mean_decay_rate` | parameter-weighted mean of the layers' decay rates |
| `train_images`, `test_images`, `validation_images` | images used |
| `layer_names`, `layer_decay_rates`, `layer_parameter_counts`, `initial_weight_norms` | per layer, shallow to deep |
| `protocol` | the recipe: {NAMES} or `custom`; empty in older rows |
| `start_digest` | SHA-256 of the weights that the run began from, which `init_from` names; empty without any |
| `zero_shot_top1`, `zero_shot_loss` | under weights shrunk by 0, 1, ..., 100%, where it was measured |
| `weight_norms` (curves) | L2 norm per layer after the epoch, shallow to deep |
| `angular_update` (curves) | radians by which a step turned each layer, mean of sampled steps; empty in older rows |
| `relative_update`, `relative_gradient` (curves) | length of its change and of the gradient over that of the weights |
| `opposing_count_rate`, `opposing_magnitude_rate` | share of weights whose decay opposes the update, 0 to 1 |

Compare runs of one `device_class`, `scale` and setting: means over different ones say nothing about the method.
"""


def is_outdated(repo: str, token: str | None) -> bool:
    """Return whether the card is missing or an older one of lpwd. A card without MARK is left alone."""
    try:
        path = hf_hub_download(repo, CARD_FILE, repo_type="dataset", token=token)
    except RemoteEntryNotFoundError:
        return True
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    return MARK in text and text != CARD
