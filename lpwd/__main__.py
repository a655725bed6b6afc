from lpwd.cli import main

main(prog_name="python -m lpwd")
