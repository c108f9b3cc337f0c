"""``python -m tgworker``."""

from tgworker.cli.main import main

main(prog_name="tgworker")
