"""Where MTProto servers are: Telegram's own data centers, or another server such as the simulator."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from telethon.crypto import rsa

from tgworker.adapters.telegram.plain import TL
from tgworker.errors import SettingsError


class Address(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """``host:port``; an IPv6 host may stand in brackets.

    Raises:
        SettingsError: it is neither.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise SettingsError([f"TELEGRAM_SERVER must be host:port (it is {text!r})"])
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def find_data_center(dc_id: int, config: TL) -> Address:
    """Where a data center is, as Telegram's configuration says; file servers and IPv6 are left aside.

    Raises:
        ConnectionError: it does not say.
    """
    for option in getattr(config, "dc_options", []):
        special = option.cdn or option.media_only or option.ipv6 or option.tcpo_only
        if option.id == dc_id and not special:
            return Address(option.ip_address, option.port)
    raise ConnectionError(f"Telegram names data center {dc_id} and does not say where it is")


def trust_server_key(path: Path) -> None:
    """Let Telethon speak to servers that prove to have this RSA key, for as long as the process lives.

    Raises:
        SettingsError: the file cannot be read, or holds no public RSA key as PEM.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise SettingsError(
            [f"TELEGRAM_SERVER_KEY cannot be read: {path}: {error.strerror}"]
        ) from error
    except ValueError as error:
        raise SettingsError([f"TELEGRAM_SERVER_KEY holds no key as PEM: {path}"]) from error
    if not isinstance(key, RSAPublicKey):
        raise SettingsError([f"TELEGRAM_SERVER_KEY holds no RSA key: {path}"])
    # Telethon reads one form of PEM only. `old` would mean: only if no other key fits.
    rsa.add_key(key.public_bytes(Encoding.PEM, PublicFormat.PKCS1), old=False)
