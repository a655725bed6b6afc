"""Keep the runs of a Space in a bucket that is mounted as a folder without file locks or safe appends.

The store stays on the local disk. Each ended run is added to the bucket as a new shard. An app with an empty local disk
restores its runs from there: settings, results and curves by epoch, without steps and checkpoints.
"""

from pathlib import Path

from lpwd.hub.autopush import AutoPush
from lpwd.sentences import counted
from lpwd.store import RunStore

COMPLETE = b"PAR1"  # the last bytes of a Parquet file


class Bucket(AutoPush):
    """An AutoPush that writes to a folder instead of a dataset on the Hub."""

    def __init__(self, store: RunStore, folder: Path, **seconds: float) -> None:
        super().__init__(store, str(folder), **seconds)
        self.folder = folder

    def problem(self) -> str:
        return ""

    def restore_missing(self) -> str:
        from lpwd.hub.shards import read, restore

        set_aside_cut_files(self.folder)
        place = f"the bucket at {self.folder}"
        run_ids = restore(self.store, read(self.folder, "").runs, place)
        return f"{counted(len(run_ids), 'run')} restored from {place}."

    def push(self, run_ids: list[str]) -> str:
        from lpwd.hub import push

        set_aside_cut_files(self.folder)
        return push.add_to_folder(self.store, self.folder, run_ids).line


def set_aside_cut_files(folder: Path) -> None:
    """Rename incomplete shards left by a crash, which would make the whole folder unreadable."""
    for path in folder.glob("*/*.parquet"):
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - len(COMPLETE)))
            complete = file.read() == COMPLETE
        if not complete:
            path.rename(path.with_suffix(".cut"))
