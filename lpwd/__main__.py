import os

# Waiting OpenMP threads sleep instead of spinning: beside other processes, spinning costs a factor of ten.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import lpwd.cli.hub  # registers its commands, as the next does
import lpwd.cli.paper
import lpwd.cli.starts  # noqa: F401
from lpwd.cli.train import main

main(prog_name="python -m lpwd")
