"""One client session: which messages came, and the numbers of those that go out.

Source: https://core.telegram.org/mtproto/description#session and
https://core.telegram.org/mtproto/service_messages_about_messages#notification-of-ignored-error-message
"""

from __future__ import annotations

from collections import deque

TOO_OLD_SECONDS = 300
TOO_NEW_SECONDS = 30
"""How far a message id's time may be behind and ahead of the server's clock."""

_REMEMBERED = 1000

MSG_ID_TOO_LOW = 16
MSG_ID_TOO_HIGH = 17
MSG_ID_NOT_CLIENT = 18
SEQNO_TOO_LOW = 32
SEQNO_NOT_ODD = 35
WRONG_SALT = 48
INVALID_CONTAINER = 64
"""Error codes of ``bad_msg_notification`` and ``bad_server_salt``."""


class Session:
    """The order of messages in one session, both ways."""

    def __init__(self, session_id: int) -> None:
        self.session_id = session_id
        self.greeted = False
        """Whether the client was told that the session is new to us."""
        self.quiet = False
        """Whether the client asked for no updates."""
        self._received: deque[int] = deque(maxlen=_REMEMBERED)
        self._highest = (0, 0)
        self._last_sent = 0
        self._content_sent = 0

    def check(self, msg_id: int, seqno: int, now: float) -> int | None:
        """What is wrong with a message's numbers, as a code of ``bad_msg_notification``, or None."""
        if msg_id % 4:
            return MSG_ID_NOT_CLIENT
        sent_at = msg_id >> 32
        if sent_at < now - TOO_OLD_SECONDS:
            return MSG_ID_TOO_LOW
        if sent_at > now + TOO_NEW_SECONDS:
            return MSG_ID_TOO_HIGH
        newest, its_seqno = self._highest
        if msg_id > newest and (seqno < its_seqno or seqno == its_seqno and seqno % 2):
            return SEQNO_TOO_LOW
        return None

    def accept(self, msg_id: int, seqno: int) -> bool:
        """Remember a message. False: it came before and must not be carried out again."""
        if msg_id <= self._highest[0] and msg_id in self._received:
            return False
        self._received.append(msg_id)
        self._highest = max(self._highest, (msg_id, seqno))
        return True

    def has(self, msg_id: int) -> bool:
        """Whether a message came, as far as this is remembered."""
        return msg_id in self._received

    def next_msg_id(self, now: float, *, answers: bool) -> int:
        """An id for a message to the client: 1 modulo 4 if it answers one of the client's, else 3."""
        wanted = int(now * 2**32) & ~3
        clock_went_back = wanted < self._last_sent - 2**32
        self._last_sent = wanted if clock_went_back else max(wanted, self._last_sent + 4)
        return self._last_sent | (1 if answers else 3)

    def next_seqno(self, *, content: bool) -> int:
        """Odd for messages the client must acknowledge."""
        seqno = self._content_sent * 2 + content
        self._content_sent += content
        return seqno
