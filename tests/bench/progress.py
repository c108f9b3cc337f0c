"""What is being measured, for who waits at a terminal; elsewhere nothing is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Waiting:
    """One line on stderr that lives while a case runs."""

    def __init__(self, title: str, console: Console) -> None:
        self._title = title
        # Its own redirecting would send to stderr what belongs to stdout.
        self._line = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            refresh_per_second=2,  # no more: who waits must not cost what is measured
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not console.is_terminal,
        )
        self._task = self._line.add_task(title)

    def note(self, text: str) -> None:
        """What is done now."""
        self._line.update(self._task, description=f"{self._title}: {text}")

    def aside(self, speak: Callable[[], None]) -> None:
        """Take the line away while something else is said."""
        self._line.stop()
        speak()
        self._line.start()


@contextmanager
def waiting_for(title: str, console: Console | None = None) -> Iterator[Waiting]:
    waiting = Waiting(title, console or Console(stderr=True))
    with waiting._line:
        yield waiting
