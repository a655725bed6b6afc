"""Runs of a Space whose storage is a bucket, mounted as a folder without file locks or safe appends.

The store stays on the local disk. Each ended run is added to the bucket as a new shard, and an app whose local disk is
empty takes its runs back from there: settings, results and curves by epoch, without steps and checkpoints.
"""

from pathlib import Path

from lpwd.hub.autopush import AutoPush
from lpwd.store import RunStore

COMPLETE = b"PAR1"  # the last bytes of a Parquet file
MESSAGE = "Taken back from the bucket at {folder}: its curves by epoch, not its steps, and no checkpoint."


class Bucket(AutoPush):
    """Sends to a folder, named by `repo`, as AutoPush does to a dataset on the Hub."""

    def __init__(self, store: RunStore, folder: Path, **seconds: float) -> None:
        super().__init__(store, str(folder), **seconds)
        self.folder = folder

    def problem(self) -> str:
        return ""

    def take_back(self) -> str:
        from lpwd.hub.published import read, restore

        set_aside_cut_files(self.folder)
        taken = restore(self.store, read(self.folder, "").runs, MESSAGE.format(folder=self.folder))
        return f"{len(taken)} run{'' if len(taken) == 1 else 's'} taken back from the bucket at {self.folder}."

    def push(self, run_ids: list[str]) -> str:
        from lpwd.hub import push

        set_aside_cut_files(self.folder)
        return push.add_to_folder(self.store, self.folder, run_ids).line


def set_aside_cut_files(folder: Path) -> None:
    """Rename shards that a crash cut short, which would make the whole folder unreadable."""
    for path in folder.glob("*/*.parquet"):
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - len(COMPLETE)))
            complete = file.read() == COMPLETE
        if not complete:
            path.rename(path.with_suffix(".cut"))
