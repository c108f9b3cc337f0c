"""The names of a queue's keys, and the Lua scripts that work on them.

All keys share the queue's hash slot, so that a script may touch them together on a cluster too. An ACL needs
``~tg_commands ~{tg_commands}:*``.

==============================  ======  =====================================================================
``tg_commands``                 list    commands that wait, as producers pushed them
``{tg_commands}:lease``         zset    jobs handed out, by the server's time in ms when their lease ends
``{tg_commands}:parked``        zset    jobs to hand out (again), by the time when they are due
``{tg_commands}:dead``          list    numbers of the jobs that are never handed out again
``{tg_commands}:seq``           number  the last job's number
``{tg_commands}:job:<n>``       hash    payload, command_id, state, epoch, deliveries, worker, cancelled,
                                        exhausted (to be buried), reason, died_at
``{tg_commands}:claim:<w>``     hash    a worker's last claim, to answer it again after a lost reply
``{tg_commands}:chat:<id>``     hash    who writes that chat now: job, epoch, fence; ends by itself
``{tg_commands}:fence``         number  the last fencing number
``{tg_commands}:flood:<a>:<m>`` number  until when (ms) account ``a`` leaves method ``m`` alone; ends by itself
==============================  ======  =====================================================================

A job's ``state`` is ``running``, ``parked``, ``dead`` or ``done`` (then the hash is only a tombstone, for an hour).
"""

from __future__ import annotations

from importlib.resources import files

from attrs import frozen


@frozen
class QueueKeys:
    """The keys of the queue named ``queue``."""

    queue: str

    def __getitem__(self, part: str) -> str:
        # A name that has braces already brings its own hash tag.
        return f"{self.queue}:{part}" if "{" in self.queue else f"{{{self.queue}}}:{part}"

    @property
    def shared(self) -> list[str]:
        """The keys every script gets, in the order ``common.lua`` names them."""
        return [self.queue, *(self[part] for part in ("lease", "parked", "dead", "seq", "job:"))]


def read_script(name: str) -> str:
    """The text of a script, with what all of them share before it."""
    folder = files("tgworker.adapters.redis") / "lua"
    return "\n".join(
        (folder / f"{part}.lua").read_text(encoding="utf-8") for part in ("common", name)
    )
