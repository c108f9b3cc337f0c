"""Other ways to read a chat: each a program that is pointed at the simulator by the environment.

Each writes to the file that ``OUTPUT`` names, except the floor, which keeps nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from tests.bench.stage import CHAT, BenchStage

HERE = Path(__file__).parent


def own_python() -> str:
    return sys.executable


@frozen
class Peer:
    """`python` gives the interpreter to run it with, and raises PeerMissingError if there can be none."""

    name: str
    python: Callable[[], str]
    args: tuple[str, ...]

    def seconds(self, stage: BenchStage, python: str) -> float:
        """Read the whole chat once.

        Raises:
            BenchError: it failed.
        """
        script, *rest = self.args
        command = [python, str(HERE / script), *rest, CHAT]
        return stage.measure(command, OUTPUT=stage.fresh()).seconds


FLOOR = Peer("floor", own_python, ("telethon_alone.py", "floor"))
SCRIPT = Peer("script", own_python, ("telethon_alone.py", "script"))
