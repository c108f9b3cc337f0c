"""Signing in: by a code, by a QR code, or with a session of another program's."""

from tgworker.adapters.telegram.login.codes import SentCode, Token
from tgworker.adapters.telegram.login.dialog import (
    NobodyAnswersError,
    Questions,
    sign_in_by_code,
    sign_in_by_qr,
)
from tgworker.adapters.telegram.login.imports import check_login, read_login, read_string_login
from tgworker.adapters.telegram.login.login import Login, open_login, write_login

__all__ = [
    "Login",
    "NobodyAnswersError",
    "Questions",
    "SentCode",
    "Token",
    "check_login",
    "open_login",
    "read_login",
    "read_string_login",
    "sign_in_by_code",
    "sign_in_by_qr",
    "write_login",
]
