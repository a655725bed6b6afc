"""Progress bars on stderr, one per lane, updated by the events of runs."""

from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from lpwd.analysis.words import label
from lpwd.config import RunConfig
from lpwd.events import Diverged, Epoch, Event, Started, Step


class Bars:
    """Context manager for progress bars. If stderr is not a terminal, prints one line per epoch instead."""

    def __init__(self, configs: Mapping[str, RunConfig]) -> None:
        self.configs = configs
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._top1: dict[str, str] = {}

    def __enter__(self) -> "Bars":
        self._progress.start()
        for run_id, config in self.configs.items():
            self._tasks[run_id] = self._progress.add_task(label(config.method), total=None, numbers="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def on_event(self, run_id: str, event: Event) -> None:
        task = self._tasks[run_id]
        match event:
            case Started():
                self._progress.update(task, total=event.total_steps)
            case Step():
                loss = "" if event.loss is None else f"loss {event.loss:.4f}  "
                numbers = f"{loss}{event.images_per_second:.0f} images/s  {self._top1.get(run_id, '')}"
                self._progress.update(task, completed=event.step, numbers=numbers)
            case Epoch():
                self._top1[run_id] = f"top-1 {event.test_top1:.2f}%"
                self._say(run_id, f"epoch {event.epoch}  loss {event.train_loss:.4f}  {self._top1[run_id]}")
            case Diverged():
                self._say(run_id, f"diverged in step {event.step}")

    def _say(self, run_id: str, text: str) -> None:
        if self._progress.disable:
            self._progress.console.print(f"{label(self.configs[run_id].method)}: {text}", highlight=False)
