"""A code on its way to the account's owner, and a token to be shown to one of the account's other devices."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import datetime

from attrs import field, frozen
from telethon.tl import types

from tgworker.adapters.telegram.plain import TL
from tgworker.errors import LoginError

_NEXT = {
    types.auth.CodeTypeSms: "by SMS",
    types.auth.CodeTypeCall: "by a phone call",
    types.auth.CodeTypeFlashCall: "by a missed call",
    types.auth.CodeTypeMissedCall: "by a missed call",
    types.auth.CodeTypeFragmentSms: "through fragment.com",
}


@frozen
class SentCode:
    """What Telegram says of a code that it has sent."""

    hash: str = field(repr=False)
    way: str
    """The middle of a sentence: "Telegram has sent a code …"."""
    next_way: str | None
    """"by SMS": how it would be sent next; None: in no other way."""
    next_after: int
    """Not before so many seconds."""
    by_email: bool = False


def sent_code(answer: TL) -> SentCode:
    """Read ``auth.SentCode``. Raises LoginError: no code was sent."""
    kind = getattr(answer, "type", None)
    if isinstance(kind, types.auth.SentCodeTypeSetUpEmailRequired):
        raise LoginError(
            "Telegram wants an e-mail address for this account first: set one in its app.",
            error_type="email_required",
        )
    if not isinstance(answer, types.auth.SentCode):
        raise LoginError(
            "Telegram sends this number a code for money only: sign in with --qr instead.",
            error_type="code_not_sent",
        )
    return SentCode(
        hash=answer.phone_code_hash,
        way=_way(kind),
        next_way=_NEXT.get(type(answer.next_type)),
        next_after=answer.timeout or 0,
        by_email=isinstance(kind, types.auth.SentCodeTypeEmailCode),
    )


def _way(kind: TL) -> str:
    match kind:
        case types.auth.SentCodeTypeApp():
            return f"of {kind.length} digits to the Telegram app on the account's other devices"
        case types.auth.SentCodeTypeSms():
            return f"of {kind.length} digits by SMS"
        case types.auth.SentCodeTypeCall():
            return f"of {kind.length} digits by a phone call"
        case types.auth.SentCodeTypeMissedCall():
            digits = f"the last {kind.length} digits of its number, {kind.prefix}…, are the code"
            return f"by a missed call: {digits}"
        case types.auth.SentCodeTypeFlashCall():
            return f"by a missed call from {kind.pattern}: the number is the code"
        case types.auth.SentCodeTypeEmailCode():
            return f"of {kind.length} digits by e-mail to {kind.email_pattern}"
        case types.auth.SentCodeTypeFragmentSms():
            return f"of {kind.length} digits to {kind.url}"
        case types.auth.SentCodeTypeSmsWord():
            return "by SMS: it is a word"
        case types.auth.SentCodeTypeSmsPhrase():
            return "by SMS: it is a phrase"
        case _:
            return "in a way that only its own apps know"


@frozen
class Token:
    """What a QR code shows. Whoever has it until it expires can offer a login to who scans it."""

    secret: bytes = field(repr=False)
    expires_at: datetime

    @property
    def url(self) -> str:
        """Source: https://core.telegram.org/api/qr-login"""
        return f"tg://login?token={urlsafe_b64encode(self.secret).decode().rstrip('=')}"
