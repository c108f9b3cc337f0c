"""The command line: one module per command, which reads options, calls what does the work, and shows the outcome."""

from tgworker.cli.main import main
from tgworker.cli.submit import submit

__all__ = ["main", "submit"]
