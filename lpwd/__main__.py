import os

# Waiting OpenMP threads sleep instead of spinning: beside other processes, spinning costs a factor of ten.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from lpwd.cli.train import main

main(prog_name="python -m lpwd")
