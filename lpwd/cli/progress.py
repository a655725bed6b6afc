"""Progress bars on stderr."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from lpwd.analysis.words import label
from lpwd.config import RunConfig
from lpwd.events import Diverged, Epoch, Event, Started, Step


def progress_on_stderr(*columns: ProgressColumn) -> Progress:
    """Return progress bars on stderr, disabled if stderr is not a terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"), BarColumn(), *columns, console=console, disable=not console.is_terminal
    )


@contextmanager
def lane_bars(configs: Mapping[str, RunConfig]) -> Iterator[Callable[[str, Event], None]]:
    """Show one progress bar per lane, updated by calls with run id and event.

    If stderr is not a terminal, print one line per epoch instead.
    """
    numbers = TextColumn("{task.fields[numbers]}")
    top1 = dict.fromkeys(configs, "")
    with progress_on_stderr(MofNCompleteColumn(), TimeRemainingColumn(), numbers) as bars:
        tasks = {run_id: bars.add_task(label(one.method), total=None, numbers="") for run_id, one in configs.items()}

        def say(run_id: str, text: str) -> None:
            if bars.disable:
                bars.console.print(f"{label(configs[run_id].method)}: {text}", highlight=False)

        def on_event(run_id: str, event: Event) -> None:
            match event:
                case Started():
                    bars.update(tasks[run_id], total=event.total_steps)
                case Step():
                    loss = "" if event.loss is None else f"loss {event.loss:.4f}  "
                    numbers = f"{loss}{event.images_per_second:.0f} images/s  {top1[run_id]}"
                    bars.update(tasks[run_id], completed=event.step, numbers=numbers)
                case Epoch():
                    top1[run_id] = f"top-1 {event.test_top1:.2f}%"
                    say(run_id, f"epoch {event.epoch}  loss {event.train_loss:.4f}  {top1[run_id]}")
                case Diverged():
                    say(run_id, f"diverged in step {event.step}")

        yield on_event
