import os

# Waiting OpenMP threads sleep instead of spinning: beside other processes, spinning costs a factor of ten.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from lpwd import cli_hub as cli_hub  # registers its commands, as the next does
from lpwd import cli_paper as cli_paper
from lpwd.cli import main

main(prog_name="python -m lpwd")
