"""The seam between the wire and the methods: what a handler is given, and what it may answer.

The wire below knows keys, salts and packets but no method; the methods above know chats and people
but no packet.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from attrs import Factory, define, frozen
from telethon.tl.tlobject import TLObject, TLRequest

HOME_DC, OTHER_DC = 2, 4
"""The data centres there are: that of the account at first, and one to be moved to."""

PUBLIC_NAMESPACES = frozenset({"auth", "help", "langpack"})
"""Methods of these may be called before anybody has signed in."""

PUBLIC_METHODS = frozenset({"account.getPassword"})
"""And these: the second password is asked for between the code and the sign-in."""

_VECTOR, _TRUE, _FALSE = (struct.pack("<I", id) for id in (0x1CB5C415, 0x997275B5, 0xBC799737))


class RpcFault(Exception):
    """The answer is an ``rpc_error``, such as ``RpcFault(400, "CHANNEL_PRIVATE")``."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


@frozen
class Encoded:
    """An answer that is serialised already, so that a page asked for often can be kept as bytes."""

    data: bytes


Answer: TypeAlias = "TLObject | Sequence[TLObject] | bool | bytes | Encoded"


@frozen
class DataCenter:
    """Where a client is: each data centre has an address and authorisation keys of its own."""

    id: int = HOME_DC
    ports: Mapping[int, int] = Factory(dict)
    """Of the data centres by number; their host is the same."""


@define(eq=False)
class Caller:
    """Who asks: an authorisation key, and the account that has signed in with it.

    One for each key, shared by every connection that uses it; a sign-in on one counts on all, as
    with Telegram.
    """

    auth_key_id: int
    user_id: int | None = None
    """The account, or None as long as nobody has signed in."""
    layer: int | None = None
    """The API layer the client spoke last, once it has said so."""
    server: tuple[str, int] = ("127.0.0.1", 443)
    """The address the client reached us at, for ``help.getConfig``."""
    data_center: DataCenter = DataCenter()
    """Which one that is, and where the others are."""
    listeners: set[Callable[[TLObject], None]] = Factory(set)
    """Where pushed updates go: one for each open connection of the key."""

    def sign_in(self, user_id: int) -> None:
        self.user_id = user_id

    def sign_out(self) -> None:
        self.user_id = None

    def push(self, update: TLObject) -> None:
        """Send an ``Updates`` object to every open connection of this key; with none open it is lost."""
        for listener in tuple(self.listeners):
            listener(update)


Handler: TypeAlias = Callable[[Caller, TLRequest], Answer]
"""A plain function. Raises RpcFault."""


class Methods:
    """Which handler answers which request.

    >>> Methods({GetConfigRequest: lambda caller, request: config})
    """

    def __init__(
        self,
        handlers: Mapping[type[TLRequest], Handler],
        *,
        public: Iterable[type[TLRequest]] = (),
    ) -> None:
        """`public`: requests that need no sign-in beside `PUBLIC_NAMESPACES`, `PUBLIC_METHODS`."""
        self._handlers = dict(handlers)
        self._public = frozenset(kind for kind in self._handlers if _is_public(kind)) | set(public)

    def dispatch(self, caller: Caller, request: TLRequest) -> Answer:
        """Answer one request.

        Raises:
            RpcFault: what the handler raises; 400 ``INPUT_METHOD_INVALID`` if there is none, 401
                ``AUTH_KEY_UNREGISTERED`` if the method needs a sign-in first.
        """
        kind = type(request)
        handler = self._handlers.get(kind)
        if handler is None:
            raise RpcFault(400, "INPUT_METHOD_INVALID")
        if caller.user_id is None and kind not in self._public:
            raise RpcFault(401, "AUTH_KEY_UNREGISTERED")
        return handler(caller, request)


def method_name(request: TLRequest) -> str:
    """What Telegram calls the method: ``messages.getHistory`` for a ``GetHistoryRequest``."""
    return _name(type(request))


def encode_answer(answer: Answer) -> bytes:
    """Serialise an answer as it stands in an ``rpc_result``.

    Bytes pass as they are, like `Encoded`. Vectors hold objects only: nothing here tells
    ``Vector<int>`` from ``Vector<long>``, so of numbers a handler gives the bytes.
    """
    if isinstance(answer, Encoded):
        return answer.data
    if isinstance(answer, bytes):
        return answer
    if isinstance(answer, bool):
        return _TRUE if answer else _FALSE
    if isinstance(answer, TLObject):
        return bytes(answer)
    return b"".join([_VECTOR, struct.pack("<i", len(answer)), *map(bytes, answer)])


def _name(kind: type[TLRequest]) -> str:
    namespace = kind.__module__.removeprefix("telethon.tl.functions").lstrip(".")
    bare = kind.__name__.removesuffix("Request")
    return f"{namespace}.{_lower_first(bare)}" if namespace else _lower_first(bare)


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]


def _is_public(kind: type[TLRequest]) -> bool:
    name = _name(kind)
    return name in PUBLIC_METHODS or name.partition(".")[0] in PUBLIC_NAMESPACES
