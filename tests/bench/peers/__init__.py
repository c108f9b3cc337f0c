"""Other ways to read a chat, each a program in an environment of its own, pointed at the simulator."""

from __future__ import annotations

import json
from pathlib import Path

from attrs import frozen

from tests.bench.peers.environment import Environment, same_as_here
from tests.bench.stage import CHAT, BenchError, BenchStage

MOST_UNREAD = 0.01
"""The share of messages that a peer may fail to understand; with more, its speed would say nothing."""

PROGRAMS = Path(__file__).parent / "programs"
_TELETHON = same_as_here("telethon", "cryptg", "pyaes", "rsa", "pyasn1")


@frozen
class Pace:
    """Seconds from the start of a program to its end, of its reading alone, once it was connected, and of its CPU."""

    whole: float
    reading: float
    cpu: float


@frozen
class Peer:
    """`program`: a file of `PROGRAMS`, and its arguments."""

    name: str
    environment: Environment
    program: tuple[str, ...]

    def read(self, stage: BenchStage, messages: int, chat: str = CHAT) -> Pace:
        """Read the whole chat once.

        Raises:
            BenchError: it failed, or did not see so many `messages`.
        """
        script, *args = self.program
        command = [str(self.environment.python()), str(PROGRAMS / script), *args, chat]
        run = stage.measure(command, OUTPUT=stage.fresh(), PYTHONPATH="")
        told = json.loads(run.output.splitlines()[-1])
        if told["messages"] != messages:
            raise BenchError(f"saw {told['messages']} of {messages} messages")
        if (unread := told.get("unread", 0)) > messages * MOST_UNREAD:
            raise BenchError(f"could not read {unread} of {messages} messages")
        return Pace(run.seconds, told["seconds"], run.cpu_seconds)


# With the very versions that tgworker has, so that nothing but the programs differs.
_ALONE = Environment("telethon", _TELETHON)
FLOOR = Peer("floor", _ALONE, ("telethon_alone.py", "floor"))
SCRIPT = Peer("script", _ALONE, ("telethon_alone.py", "script"))

KURIGRAM = Peer(
    "kurigram",
    Environment(
        "kurigram",
        ("kurigram==2.2.26", "tgcrypto-pyrofork==1.2.8", "pyaes==1.6.1", "python-socks==3.2.1"),
    ),
    ("kurigram_history.py",),
)

# All that it asks for, as it asks for it, but for Telethon: it names 1.39, which speaks an older layer of the API than
# the simulator. And cryptg, as Telethon's manual advises: without it, Telethon is many times slower.
TG_ARCHIVE = Peer(
    "tg-archive",
    Environment(
        "tg-archive",
        (
            *("tg-archive==1.3.1", *_TELETHON, "feedgen==1.0.0", "jinja2==3.1.6", "lxml==5.3.1"),
            *("markupsafe==3.0.2", "pillow==11.1.0", "python-dateutil==2.9.0.post0"),
            *("python-magic==0.4.27", "pytz==2025.1", "pyyaml==6.0.2", "six==1.17.0"),
        ),
    ),
    ("tg_archive_sync.py",),
)
