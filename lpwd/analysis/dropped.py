"""Compare uploaded files in a child process with limits (`lpwd.bounded`).

Uploaded files are deleted afterwards. The answer contains the table as CSV, one row per run; the page sends it again to
compare other columns.
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from lpwd.bounded import OUT_OF_MEMORY, TOO_LARGE, limit_memory, run_child
from lpwd.config import ConfigError

if TYPE_CHECKING:  # not loaded in the page's process
    import pandas as pd

SECONDS = 60.0
MAX_FILES, MAX_NAME = 200, 200
MAX_RUNS, MAX_COLUMNS, MAX_CHARACTERS = 2_000, 300, 2_000_000  # limits of the table with one row per run
FILES, ASKED, ANSWER, ERROR = "files", "asked", "answer", "error"  # names in the folder shared with the child


def compare_files(files: Mapping[str, bytes], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Compare the runs in these files (name -> content); `asked` holds arguments of `foreign.compare`.

    The answer has `csv`, `columns` (candidates for method, seed and value), and either the comparison or `refused`, the
    reason why these columns cannot be compared. Raises ConfigError if a file cannot be read.
    """
    if not 0 < len(files) <= MAX_FILES:
        raise ConfigError(f"{len(files)} files were uploaded: between 1 and {MAX_FILES} are allowed")
    with tempfile.TemporaryDirectory(prefix="lpwd-dropped-") as folder:
        place = Path(folder)
        (place / FILES).mkdir()
        for name, content in files.items():
            (place / FILES / _safe(name)).write_bytes(content)
        (place / ASKED).write_text(json.dumps(asked), encoding="utf-8")
        stopped = run_child("lpwd.analysis.dropped", folder, seconds=SECONDS)
        if (place / ANSWER).exists():
            answer: dict[str, Any] = json.loads((place / ANSWER).read_text(encoding="utf-8"))
            return answer
        error = place / ERROR
        what = "The file" if len(files) == 1 else "One of the files"
        raise ConfigError(
            error.read_text(encoding="utf-8")
            if error.exists()
            else f"{what} {stopped or 'is damaged: it cannot be read'}."
        )


def _safe(name: str) -> str:
    """Return the last part of a path. Raises ConfigError if it is not a usable file name."""
    last = PurePosixPath(name.replace("\\", "/")).name
    if last in ("", "..") or not last.isprintable() or len(last.encode(errors="replace")) > MAX_NAME:
        raise ConfigError(f"invalid file name {name[:40]!r}: use up to {MAX_NAME} printable characters")
    return last


# ---- runs in the child process


def child(place: Path) -> None:
    """Write the answer about the files in `place`, or an error message."""
    from lpwd.analysis import exports

    limit_memory()
    try:
        frame = exports.one_row_per_run(exports.read_files(sorted((place / FILES).iterdir())))
        answer = _answer(frame, json.loads((place / ASKED).read_text(encoding="utf-8")))
    except OUT_OF_MEMORY:
        (place / ERROR).write_text(f"The file {TOO_LARGE}.", encoding="utf-8")
    except ConfigError as error:
        (place / ERROR).write_text(str(error), encoding="utf-8")
    else:
        (place / "unfinished").write_text(json.dumps(answer), encoding="utf-8")
        (place / "unfinished").rename(place / ANSWER)


def _answer(frame: "pd.DataFrame", asked: Mapping[str, Any]) -> dict[str, Any]:
    from lpwd.analysis import foreign, foreign_figures

    frame.columns = frame.columns.map(str)
    csv = frame.to_csv(index=False)
    for count, most, what in (
        (len(frame), MAX_RUNS, "runs"),
        (len(frame.columns), MAX_COLUMNS, "columns"),
        (len(csv), MAX_CHARACTERS, "characters with one row per run"),
    ):
        if count > most:
            raise ConfigError(f"The table has {count:,} {what}: at most {most:,} are compared here.")
    answer = {"csv": csv, "columns": foreign.usable_columns(frame), "runs": len(frame), "refused": ""}
    try:
        found = foreign.compare(frame, **asked)
    except ConfigError as error:
        return answer | {"refused": str(error)}
    rows = found.runs.assign(seed=found.runs.seed.map("{:g}".format), value=found.runs.value.map("{:.6g}".format))
    return answer | {
        "chosen": {**found.columns, "margin": found.margin},
        "means": found.means,
        "sentences": found.sentences,
        "figures": [foreign_figures.means(found), foreign_figures.differences(found)],
        "rows": [["Method", "Seed", found.columns["value"]], *rows[["method", "seed", "value"]].values.tolist()],
    }


if __name__ == "__main__":
    child(Path(sys.argv[1]))
