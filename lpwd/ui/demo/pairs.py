"""What the Demo tab knows: the published pair, and the pairs of WD and LPWD that were trained here. No gradio here."""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, TimeoutError
from typing import TYPE_CHECKING, Any

from lpwd.analysis.words import label
from lpwd.config import ConfigError, RunConfig
from lpwd.facts import DatasetName
from lpwd.jobs.rights import User, may_change
from lpwd.paper import pair
from lpwd.store import ENDED, Record, RunStore
from lpwd.ui.live import IDLE_POLL_MS, POLL_MS, Live
from lpwd.ui.published import Cached
from lpwd.ui.shared import defaults
from lpwd.ui.views import WORKING, detail, lane_style, race_records

if TYPE_CHECKING:  # it loads pandas, which the start of the app does not wait for
    from lpwd.hub.pull import Results

HUB_SECONDS = 10.0  # so long the page waits for the answer whether the Hub can be had
# The sliders' stops: few enough that several visitors' seeds meet at the same settings.
LRS = (1e-4, 2e-4, 3e-4, 5e-4, 7e-4, 1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3, 7e-3, 1e-2)
WEIGHT_DECAYS = (0.05, 0.1, 0.2, 0.35, 0.5, 1.0, 1.75, 2.5, 3.5, 5.0, 7.0, 10.0, 17.5, 25.0, 35.0, 50.0)
STRONG = (1e-3, 17.5)  # where no published pair says otherwise: the paper's strongest total shrink, in 280 steps


# ---- the published pair


class Shown:
    """The pair that stands recorded on the page; chosen again only when the published results changed."""

    def __init__(self, cached: Cached) -> None:
        self.cached = cached
        self._answer = {"version": "", "pair": published_view(pair.bundled(), "the snapshot bundled with lpwd")}

    def since(self, version: str) -> dict[str, Any]:
        """The pair, unless the page has this version; `reading`: there may soon be another."""
        results = self.cached.results
        now = self.cached.version
        if results is not None and self._answer["version"] != now:
            from lpwd.hub import chosen

            newest_pair = published_view(chosen.choose(results.checked), source(results))
            self._answer = {"version": now, "pair": newest_pair or self._answer["pair"]}
        reading = bool(self.cached.repo) and self.cached.view()["reading"]
        news = {"version": version} if version == self._answer["version"] != "" else self._answer
        return {**news, "reading": reading}


def source(results: "Results") -> str:
    commit = f"commit {results.commit[:7]}"
    words = {"hub": f"{results.repo} on the Hub, {commit}", "copy": f"the last good copy of {results.repo}, {commit}"}
    return words.get(results.source, "the snapshot bundled with lpwd")


def published_view(published_pair: Mapping[str, Any] | None, where: str) -> dict[str, Any] | None:
    """A published pair as the page draws it, with one line that says what it is."""
    if published_pair is None:
        return None
    config = RunConfig(**published_pair["config"])
    facts = [
        f"WD vs LPWD, {detail(config)}",
        f"scale {config.scale}",
        published_pair["device"],
        published_pair["date"],
        f"from {where}",
    ]
    lanes = []
    for lane in published_pair["lanes"]:
        style = lane_style(lane["method"])
        lanes.append({**lane, **style, "words": pair.heat_words(style["label"], lane["heat"])})
    return {
        "key": ",".join(published_pair["ids"]),
        **settings(config),
        "epochs": config.epochs,
        "line": "; ".join(part for part in facts if part) + ".",
        "verdict": published_pair["verdict"],
        "lanes": lanes,
    }


def settings(config: RunConfig) -> dict[str, Any]:
    """What the page compares and shows in its sliders; equal `task`s may stand in one chart."""
    same = (config.dataset, config.model, config.model_kwargs, config.image_size, config.pretrained)
    task = json.dumps(same, sort_keys=True)
    return {"lr": config.lr, "weightDecay": config.weight_decay, "seed": config.seed, "task": task}


# ---- pairs that are trained here


class Pairs:
    """One object an app."""

    def __init__(self, live: Live, hub_problem: "Future[str | None]") -> None:
        self.live, self.store, self.hub_problem = live, live.store, hub_problem

    def dataset(self) -> DatasetName:
        """CIFAR-100; digits where the Hub's data cannot be had."""
        try:
            return defaults.OFFLINE_DATASET if self.hub_problem.result(HUB_SECONDS) else defaults.DATASET
        except TimeoutError:
            return defaults.OFFLINE_DATASET

    def situation(self, user: User, lr: float, weight_decay: float) -> dict[str, Any]:
        """What is known at these settings: finished seeds, the verdict over them, and what Start would do."""
        coming, working = self.next(user, lr, weight_decay)
        seed = coming[0].seed
        seeds = known_seeds(self.store, coming[0])
        finished = [seed for seed, lanes in seeds.items() if is_finished(lanes)]
        shown = self._lanes(lr, weight_decay, finished[-1]) if finished else []
        return {
            "finished": finished,
            "shown": [config.run_id for config in shown],
            "next": seed,
            "working": working,
            "begun": seed in seeds,
            "line": detail(coming[0]),
            "verdict": verdict_here([record for lanes in seeds.values() for record in lanes]),
        }

    def next(self, user: User, lr: float, weight_decay: float) -> tuple[list[RunConfig], bool]:
        """The pair that Start means: one that is queued or training already (True), else the lowest unfinished seed,
        new or theirs. Raises ConfigError for settings beyond the sliders.
        """
        for name, value, stops in (("Learning rate η", lr, LRS), ("Weight decay λ", weight_decay, WEIGHT_DECAYS)):
            if not stops[0] <= value <= stops[-1]:
                raise ConfigError(f"{name} is {value:g}: the Demo goes from {stops[0]:g} to {stops[-1]:g}")
        seeds = known_seeds(self.store, self._lanes(lr, weight_decay, 0)[0])
        working = working_seeds(seeds)
        return self._lanes(lr, weight_decay, working[0] if working else next_seed(seeds, user)), bool(working)

    def _lanes(self, lr: float, weight_decay: float, seed: int) -> list[RunConfig]:
        dataset = self.dataset()
        return [pair.live_config(method, lr, weight_decay, seed, dataset) for method in pair.METHODS]

    def look(self, user: User, ids: Sequence[str], cursors: Mapping[str, str], stamp: str) -> dict[str, Any]:
        """What a page that shows this pair has not seen: state, points, and the heatmaps once an epoch."""
        records = race_records(self.store, ids[: len(pair.METHODS) + 1])
        check_pair(records)
        race = self.live.race([record.run_id for record in records]) or {}
        curves = {run_id: self.live.curves.since(run_id, cursors.get(run_id, "")) for run_id in race["ids"]}
        epochs = ",".join(f"{c['cursor'].split(':')[0]}:{c['cursor'].split(':')[-1]}" for c in curves.values())
        mine = all(may_change(user, record.status.owner) for record in records)
        answer = {"race": race, "mine": mine, "curves": curves, "stamp": epochs, **settings(records[0].config)}
        if epochs != stamp:
            answer["heats"] = [self._heat(record) for record in records]
        return answer | {"pollMs": POLL_MS.get(race["state"], IDLE_POLL_MS)}

    def _heat(self, record: Record) -> dict[str, Any] | None:
        heat = heat_of(self.store, record.run_id)
        return {**heat, "words": pair.heat_words(label(record.config.method), heat)} if heat else None


def known_seeds(store: RunStore, config: RunConfig) -> dict[int, list[Record]]:
    """The lanes of all runs here that differ from `config` in method and seed alone, by seed in order."""
    seeds: dict[int, list[Record]] = {}
    for record in store.records():
        other = record.config
        if other.method in pair.METHODS and (other.lr, other.weight_decay) == (config.lr, config.weight_decay):
            same = config.model_copy(update={"method": other.method, "seed": other.seed})
            if same.run_id == record.run_id:
                seeds.setdefault(other.seed, []).append(record)
    return dict(sorted(seeds.items()))


def is_finished(lanes: Sequence[Record]) -> bool:
    return len(lanes) == len(pair.METHODS) and all(record.status.state in ENDED for record in lanes)


def working_seeds(seeds: Mapping[int, Sequence[Record]]) -> list[int]:
    return [seed for seed, lanes in seeds.items() if any(record.status.state in WORKING for record in lanes)]


def next_seed(seeds: Mapping[int, Sequence[Record]], user: User) -> int:
    """The lowest seed that is not finished and whose unfinished lanes, where there are some, `user` may resume."""

    def free(lanes: Sequence[Record]) -> bool:
        unfinished = [record for record in lanes if record.status.state not in ENDED]
        return not is_finished(lanes) and all(may_change(user, record.status.owner) for record in unfinished)

    return next(seed for seed in range(len(seeds) + 1) if free(seeds.get(seed, [])))


def verdict_here(records: Iterable[Record]) -> str:
    """One sentence over the seeds that have ended here; empty before the first has. pandas is loaded only then."""
    ended = [record for record in records if record.status.state in ENDED]
    if not ended:
        return ""
    from lpwd.analysis.settings import device_class
    from lpwd.hub.chosen import verdict_over

    newest = max(ended, key=lambda record: record.status.ended or 0)
    device = device_class(newest.status.device)
    return verdict_over(record for record in ended if device_class(record.status.device) == device)


def check_pair(records: Sequence[Record]) -> None:
    """ConfigError for runs, perhaps of somebody's link, that are not WD and LPWD with everything else equal."""
    alike = {record.config.model_copy(update={"method": "", "scale": ""}).model_dump_json() for record in records}
    if tuple(record.config.method for record in records) != pair.METHODS or len(alike) != 1:
        raise ConfigError("demo_runs of this link is no pair of WD and LPWD that differ in nothing else")


def heat_of(store: RunStore, run_id: str) -> dict[str, Any] | None:
    """The heatmap of a run as far as it has come; None before it has started."""
    history = store.history(run_id)
    if history.started is None or not history.norms or not history.started.layer_decay_rates:
        return None
    return pair.heat(history.started.layer_names, history.started.layer_decay_rates, list(history.norms.values()))
