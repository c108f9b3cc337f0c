"""Authorisation keys and what belongs to each: who signed in, the salt, the sessions."""

from __future__ import annotations

from attrs import Factory, define

from tgworker.simulator.rpc import Caller
from tgworker.simulator.wire.cipher import AUTH_KEY_BYTES, key_id
from tgworker.simulator.wire.session import Session
from tgworker.simulator.wire.transports import Entropy

_MAX_SESSIONS = 64
"""Of one key; the oldest is forgotten, and a client that comes back to it is told it is new."""


@define(eq=False)
class ServerKey:
    """One authorisation key, shared by all connections that use it."""

    auth_key: bytes
    salt: int
    """The salt clients must send now."""
    caller: Caller
    _sessions: dict[int, Session] = Factory(dict)

    def session(self, session_id: int) -> Session:
        """The client's session of that id, made when it is new."""
        if (known := self._sessions.get(session_id)) is not None:
            return known
        if len(self._sessions) >= _MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[session_id] = made = Session(session_id)
        return made

    def end_session(self, session_id: int) -> bool:
        """Forget a session. False: it was not known."""
        return self._sessions.pop(session_id, None) is not None


class KeyStore:
    """All keys by their id. It may outlive a server, as Telegram's keys outlive a connection."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._keys: dict[int, ServerKey] = {}

    def add(self, auth_key: bytes, salt: int) -> ServerKey:
        """Enter a key that was agreed upon."""
        identity = key_id(auth_key)
        self._keys[identity] = added = ServerKey(auth_key, salt, Caller(identity))
        return added

    def make(self, user_id: int | None = None) -> ServerKey:
        """A key made without a network, with that account signed in: for a session file."""
        auth_key = b"\x01" + self._entropy(AUTH_KEY_BYTES - 1)  # Telethon drops a leading zero
        made = self.add(auth_key, self.fresh_salt())
        made.caller.user_id = user_id
        return made

    def find(self, identity: int) -> ServerKey | None:
        return self._keys.get(identity)

    def revoke(self, identity: int) -> None:
        """Forget a key: its clients are told -404 from now on."""
        self._keys.pop(identity, None)

    def fresh_salt(self) -> int:
        return int.from_bytes(self._entropy(8), "little", signed=True)
