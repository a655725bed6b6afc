"""Named endpoints for scripts: `gradio_client.Client(url).predict(..., api_name="/start_run")`."""

from typing import Any

import gradio as gr

from lpwd.config import race_configs
from lpwd.ui.live import Live
from lpwd.ui.views import public
from lpwd.ui.web.answers import endpoint
from lpwd.ui.web.people import People


def build(live: Live, people: People) -> None:
    """Register the endpoints; call it inside the Blocks."""
    store = live.store

    def start_run(
        request: gr.Request,
        model: str = "convnext_atto",
        dataset: str = "digits",
        optimizer: str = "adam",
        method: list[str] | None = None,
        lr: float = 1e-3,
        weight_decay: float = 0.5,
        epochs: int = 10,
        seed: int = 0,
        batch_size: int = 128,
        train_samples: int | None = None,
        test_samples: int | None = None,
        options: dict[str, Any] | None = None,
        again: bool = False,
    ) -> list[str]:
        """Queue a race with one lane per method (default: wd and lpwd) and return the run ids.

        `options` holds further fields of a run by their command-line names with underscores, such as
        {"image_size": 32, "schedule": "cosine", "pretrained": true}.
        """
        fields: dict[str, Any] = {
            "model": model,
            "dataset": dataset,
            "optimizer": optimizer,
            "lr": lr,
            "weight_decay": weight_decay,
            "epochs": epochs,
            "seed": seed,
            "batch_size": batch_size,
            "train_samples": train_samples,
            "test_samples": test_samples,
        }
        configs = race_configs(method or ["wd", "lpwd"], {**fields, **(options or {})})
        return live.start(configs, people.who(request), again=again)

    def get_run(run_id: str, offset: int = 0) -> dict[str, Any]:
        """Return configuration, status and the events recorded since byte `offset`; pass the returned offset next."""
        records, after = store.read_metrics(run_id, offset)
        return {**public(store.record(run_id)), "events": records, "offset": after}

    def stop_run(request: gr.Request, run_id: str) -> dict[str, Any]:
        """Stop your run and the other lanes of its race after the current step, and return its status."""
        live.stop([run_id], people.who(request))
        return dict(public(store.record(run_id))["status"])

    def list_runs(state: str = "") -> list[dict[str, Any]]:
        """Return all runs, or those in one state, newest first: id, configuration, status."""
        return [public(record) for record in store.records() if state in ("", record.status.state)]

    for function in (start_run, get_run, stop_run, list_runs):
        gr.api(endpoint(function), concurrency_limit=None)
