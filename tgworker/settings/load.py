"""Reading the settings: the command line first, then the environment, then ``.env``; secrets also from files.

A secret ``NAME`` is also read from the file that ``NAME_FILE`` names (Docker), or from ``$CREDENTIALS_DIRECTORY/NAME``
(systemd's ``LoadCredential=``).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

import attrs
from dotenv import dotenv_values

from tgworker.errors import SettingsError
from tgworker.settings import parsers
from tgworker.settings.model import Settings
from tgworker.settings.values import MetricsMode, Secret

T = TypeVar("T")

SECRET_KEYS = frozenset(
    field.metadata["key"] for field in attrs.fields(Settings) if field.metadata["secret"]
)
REDIS_PARTS = ("REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_PASSWORD")
"""The other way to say REDIS_URL."""


def load_settings(
    environ: Mapping[str, str],
    *,
    dotenv: Path | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings: `overrides` (options of a command line, by key), then `environ`, then the file `dotenv`.

    Raises:
        SettingsError: with every problem there is, each naming its key and what would be right.
    """
    return _Reader(environ, dotenv, overrides or {}).read()


class _Reader:
    """Reads values by key from all sources and collects what is wrong with them."""

    def __init__(
        self, environ: Mapping[str, str], dotenv: Path | None, overrides: Mapping[str, str]
    ) -> None:
        self.problems: list[str] = []
        self.sources = (overrides, environ, self._dotenv(dotenv))

    def _dotenv(self, path: Path | None) -> Mapping[str, str | None]:
        if path is None:
            return {}
        text = self._file(str(path), path, needed=False)
        # A "${" in a password is what it is.
        return dotenv_values(stream=StringIO(text or ""), interpolate=False)

    def read(self) -> Settings:
        values: dict[str, Any] = {}
        for field in attrs.fields(Settings):
            key, text = self._find(field)
            if text is None:
                continue
            value = self._try(key, text, field.metadata["parse"])
            if value is not None:
                values[field.name] = value
        self._fill_in(values)
        if self.problems:
            raise SettingsError(self.problems)
        return Settings(**values)

    def _find(self, field: attrs.Attribute[Any]) -> tuple[str, str | None]:
        for key in (field.metadata["key"], *field.metadata["aliases"]):
            text = self._secret(key) if field.metadata["secret"] else self._plain(key)
            if text is not None:
                return key, text
        return field.metadata["key"], None

    def _plain(self, key: str) -> str | None:
        """The first source that has the key decides; an empty text means unset."""
        for source in self.sources:
            if key in source:
                return source[key] or None
        return None

    def _secret(self, key: str) -> str | None:
        if (text := self._plain(key)) is not None:
            return text
        if (named := self._plain(f"{key}_FILE")) is not None:
            return self._file(f"{key}_FILE", Path(named))
        if (folder := self._plain("CREDENTIALS_DIRECTORY")) is not None:
            return self._file("CREDENTIALS_DIRECTORY", Path(folder) / key, needed=False)
        return None

    def _file(self, key: str, path: Path, *, needed: bool = True) -> str | None:
        """What a file holds; None if it is empty, or if it is not there and need not be."""
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n") or None
        except (OSError, UnicodeError) as error:
            if needed or not isinstance(error, FileNotFoundError):
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                self.problems.append(f"{key} names {path}, which can't be read: {reason}")
            return None

    def _fill_in(self, values: dict[str, Any]) -> None:
        """Defaults that depend on other values."""
        values.setdefault("worker_id", socket.gethostname())
        production = values.get("environment") == "production"
        values.setdefault("metrics_mode", MetricsMode.BOTH if production else MetricsMode.SCRAPE)
        password = self._secret("REDIS_PASSWORD")
        if "redis_url" not in values:
            if (url := self._redis_from_parts(password)) is not None:
                values["redis_url"] = url
        elif password is not None:
            values["redis_url"] = _with_password(values["redis_url"], password)

    def _redis_from_parts(self, password: str | None) -> Secret | None:
        host = self._parsed("REDIS_HOST", parsers.host)
        port = self._parsed("REDIS_PORT", parsers.integer(1, 65535))
        db = self._parsed("REDIS_DB", parsers.integer(0))
        if host is None and port is None and db is None and password is None:
            return None
        place = f"[{host}]" if host and ":" in host else host or "localhost"
        return _with_password(Secret(f"redis://{place}:{port or 6379}/{db or 0}"), password)

    def _parsed(self, key: str, parse: Callable[[str], T]) -> T | None:
        text = self._plain(key)
        return None if text is None else self._try(key, text, parse)

    def _try(self, key: str, text: str, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(text)
        except ValueError as error:
            # A URL may hold a password.
            shown = "" if key in SECRET_KEYS or "://" in text else f" (it is {text!r})"
            self.problems.append(f"{key} {error}{shown}")
            return None


def _with_password(url: Secret, password: str | None) -> Secret:
    """Put the password into a URL that has none."""
    parts = urlsplit(url.reveal())
    if password is None or parts.password is not None:
        return url
    user = f"{parts.username or ''}:{quote(password, safe='')}@"
    return Secret(urlunsplit(parts._replace(netloc=user + parts.netloc.rpartition("@")[2])))
