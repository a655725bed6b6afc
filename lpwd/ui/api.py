"""Named endpoints for scripts: `gradio_client.Client(url).predict(..., api_name="/start_run")`."""

from collections.abc import Callable
from typing import Any, TypeVar

import gradio as gr

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs import Jobs
from lpwd.store import RunStore

T = TypeVar("T")


def build(store: RunStore, jobs: Jobs) -> None:
    """Register the endpoints; call it inside the Blocks."""

    def start_run(
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
        """Queue a race, one lane a method (default: wd and lpwd); returns the run ids.

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
        methods = method or ["wd", "lpwd"]
        return _told(
            lambda: jobs.submit([RunConfig(**{**fields, **(options or {}), "method": m}) for m in methods], again=again)
        )

    def get_run(run_id: str, offset: int = 0) -> dict[str, Any]:
        """Configuration, status and, from byte `offset` on, the recorded events; ask next with the returned offset."""
        return _told(lambda: _run(store, run_id, offset))

    def stop_run(run_id: str) -> dict[str, Any]:
        """Stop the run and the lanes of its race after the present step; returns its status."""
        _told(lambda: store.existing(run_id))
        _told(lambda: jobs.stop(run_id))
        return store.status(run_id).model_dump(mode="json")

    def list_runs(state: str = "") -> list[dict[str, Any]]:
        """All runs, newest first, or those in one state: id, configuration, status."""
        return [
            {"run_id": r.run_id, "config": r.config.model_dump(mode="json"), "status": r.status.model_dump(mode="json")}
            for r in store.records()
            if state in ("", r.status.state)
        ]

    for function in (start_run, get_run, stop_run, list_runs):
        gr.api(function, concurrency_limit=None)


def _run(store: RunStore, run_id: str, offset: int) -> dict[str, Any]:
    records, after = store.read_metrics(run_id, offset)
    return {
        "run_id": run_id,
        "config": store.config(run_id).model_dump(mode="json"),
        "status": store.status(run_id).model_dump(mode="json"),
        "events": records,
        "offset": after,
    }


def _told(act: Callable[[], T]) -> T:
    """Bad input reaches the caller as its sentence."""
    try:
        return act()
    except ConfigError as error:
        raise gr.Error(str(error), print_exception=False) from None
