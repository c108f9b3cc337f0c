"""``python -m tgworker``."""

from tgworker.cli import main

main(prog_name="tgworker")
