"""What Redis said, as the two errors the rest of the program acts on.

*Unavailable* means that the same may work later; *refused* that it never will until somebody changes a setting. The
sentences name the server by its address alone: a URL may hold a password.
"""

from __future__ import annotations

import asyncio
import re

from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, NoPermissionError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tgworker.errors import QueueRefusedError, QueueUnavailableError

MIN_VERSION = (6, 2)
"""BLMOVE came with 6.2."""

_PASSING = {
    "LOADING": "still loads its data",
    "READONLY": "is a read-only replica",
    "OOM": "is out of memory and takes no writes",
    "MISCONF": "can't save to its disk and takes no writes",
    "NOREPLICAS": "has lost its replicas and takes no writes",
    "CLUSTERDOWN": "belongs to a cluster that is down",
    "MASTERDOWN": "has lost its master",
    "TRYAGAIN": "moves these keys to another node",
    "BUSY": "is busy with a script",
    "UNBLOCKED": "changed its role",
}
"""Error codes that pass with time. Source: https://redis.io/docs/latest/develop/reference/protocol-spec/"""

_PASSING_CODE = re.compile(rf"\b({'|'.join(_PASSING)})\b")


def explain(error: BaseException, address: str) -> QueueUnavailableError | QueueRefusedError:
    """The error to raise for one of redis-py's, or for a cancellation that did not come from trio."""
    match error:
        case AuthenticationError():  # first: redis-py counts it among the connection errors
            return QueueRefusedError(_password_sentence(str(error), address))
        case NoPermissionError() | AuthorizationError():
            return QueueRefusedError(f"Redis at {address} forbids the user of REDIS_URL: {error}")
        case RedisTimeoutError() | RedisConnectionError() | OSError():
            return QueueUnavailableError(f"Redis at {address} can't be reached: {error}")
        case asyncio.CancelledError():
            return QueueUnavailableError(f"The call to Redis at {address} was broken off.")
        case AskError():
            return QueueRefusedError(
                f"Redis at {address} is one node of a cluster and keeps this queue on another: {error}"
            )
        case InvalidResponse():
            return QueueRefusedError(f"What answers at {address} does not speak Redis's protocol.")
        case ResponseError():
            return _explain_answer(error, address)
        case _:
            return QueueRefusedError(f"Redis at {address} can't be used: {error}")


def _password_sentence(text: str, address: str) -> str:
    if "without any password" in text or "no password is set" in text:
        return f"Redis at {address} has no password, but the settings give one: remove it."
    if "required" in text:
        return f"Redis at {address} wants a password: set REDIS_PASSWORD."
    return f"Redis at {address} refused the user or password of REDIS_URL or REDIS_PASSWORD."


def _explain_answer(
    error: ResponseError, address: str
) -> QueueUnavailableError | QueueRefusedError:
    # redis-py puts the command, with what it carries, before the error of a pipeline; and Redis 6.2 puts
    # the code of an error inside a script behind a preface of its own.
    text = str(error).rpartition("of pipeline caused error: ")[2]
    code = _PASSING_CODE.search(f"{getattr(error, 'status_code', None)} {text}")
    if code is not None:
        return QueueUnavailableError(f"Redis at {address} {_PASSING[code[1]]}.")
    if re.search("unknown (redis )?command", text, re.IGNORECASE):
        return QueueRefusedError(too_old(address, None))
    if "WRONGTYPE" in text:
        return QueueRefusedError(
            f"Redis at {address} holds something else under this queue's or channel's name:"
            " choose another COMMAND_QUEUE or EVENT_CHANNEL."
        )
    if "executing the script" in text or "ACL failure" in text:
        return QueueRefusedError(f"Redis at {address} forbids the user of REDIS_URL: {text}")
    return QueueRefusedError(f"Redis at {address} refused: {text}")


def too_old(address: str, version: str | None) -> str:
    """The sentence for a server that lacks commands this program needs."""
    which = f"is version {version}, which" if version else "lacks a command and so"
    return f"Redis at {address} {which} is too old: Redis 6.2 or newer, or Valkey, is needed."
