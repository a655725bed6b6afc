"""Entry point of `python -m lpwd` and of the command `lpwd`."""

import os
import sys

from lpwd.space import printable

# Waiting OpenMP threads sleep instead of spinning: beside other processes, spinning costs a factor of ten.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is imported


def main() -> None:
    """Run a command of `lpwd.cli.main.COMMANDS`, or say what to install if only the library is installed."""
    printable()
    try:
        from lpwd.cli.main import main
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("lpwd"):
            raise
        sys.exit(f"Error: the command line needs {error.name}: pip install 'lpwd[app]'")
    main()


if __name__ == "__main__":
    main()
