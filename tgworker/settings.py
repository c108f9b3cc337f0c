"""Frozen settings, read once: environment first, then ``.env``; secrets also from files.

A secret ``NAME`` is also read from the file that ``NAME_FILE`` names (Docker), or from ``$CREDENTIALS_DIRECTORY/NAME``
(systemd's ``LoadCredential=``).
"""

from __future__ import annotations

import enum
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import attrs
from attrs import frozen
from dotenv import dotenv_values

from tgworker.core.model import ArtifactFormat, Strategy
from tgworker.errors import SettingsError


class Secret:
    """A text that shows itself only to who asks by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret('…')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class EventContract(enum.StrEnum):
    BOTH = "both"
    V2 = "v2"
    LEGACY = "legacy"


class LogFormat(enum.StrEnum):
    JSON = "json"
    CONSOLE = "console"


class FetchMode(enum.StrEnum):
    """Which days a one-shot run fetches when it is told nothing else."""

    YESTERDAY = "yesterday"
    FULL = "full"


class RateLimitStrategy(enum.StrEnum):
    ADAPTIVE = "adaptive"
    FIXED = "fixed"


class FloodWaitStrategy(enum.StrEnum):
    PARK = "park"
    FAIL = "fail"


class MetricsMode(enum.StrEnum):
    OFF = "off"
    SCRAPE = "scrape"
    PUSH = "push"
    BOTH = "both"


def _text(value: str) -> str:
    return value


def _names(value: str) -> tuple[str, ...]:
    return tuple(name for name in value.replace(",", " ").split() if name)


def _integer(low: int, high: int | None = None) -> Callable[[str], int]:
    def parse(value: str) -> int:
        number = int(value) if value.lstrip("+-").isdecimal() else None
        if number is None or number < low or (high is not None and number > high):
            raise ValueError(f"must be a whole number {_bounds(low, high)}")
        return number

    return parse


def _number(low: float, *, above: bool = False) -> Callable[[str], float]:
    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not (number > low if above else number >= low) or number == float("inf"):
            raise ValueError(f"must be a number {'above' if above else 'of at least'} {low:g}")
        return number

    return parse


def _bounds(low: int, high: int | None) -> str:
    return f"of at least {low}" if high is None else f"from {low} to {high}"


def _choice(kind: type[enum.StrEnum]) -> Callable[[str], Any]:
    def parse(value: str) -> enum.StrEnum:
        try:
            return kind(value.lower())
        except ValueError:
            raise ValueError(f"must be one of {', '.join(kind)}") from None

    return parse


def _log_level(value: str) -> str:
    if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError("must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL")
    return value.upper()


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if urlsplit(value).scheme not in schemes:
            raise ValueError(f"must be a URL that begins with {' or '.join(f'{s}://' for s in schemes)}")
        return value

    return parse


def _redis_url(value: str) -> Secret:
    parts = urlsplit(_url("redis", "rediss", "unix")(value))
    try:
        parts.port  # noqa: B018  # the access is what checks it
    except ValueError:
        raise ValueError("must have a port from 0 to 65535") from None
    return Secret(value)


def _server(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError("must be host:port")
    return value


def _setting(
    key: str,
    parse: Callable[[str], Any],
    default: Any = None,
    *,
    aliases: tuple[str, ...] = (),
    secret: bool = False,
    about: str,
) -> Any:
    return attrs.field(
        default=default,
        metadata={"key": key, "parse": parse, "aliases": aliases, "secret": secret, "about": about},
    )


@frozen(kw_only=True)
class Settings:
    """Every setting there is; each field's metadata holds its key, aliases and a sentence about it."""

    telegram_api_id: int | None = _setting(
        "TELEGRAM_API_ID", _integer(1), about="From https://my.telegram.org/apps"
    )
    telegram_api_hash: Secret | None = _setting(
        "TELEGRAM_API_HASH", Secret, secret=True, about="From https://my.telegram.org/apps"
    )
    telegram_phone: Secret | None = _setting(
        "TELEGRAM_PHONE", Secret, secret=True, about="The account's phone number, +49…"
    )
    telegram_password: Secret | None = _setting(
        "TELEGRAM_PASSWORD", Secret, secret=True, about="The account's second password, if it has one"
    )
    telegram_session: Path = _setting(
        "TELEGRAM_SESSION",
        Path,
        Path("sessions/tgworker.session"),
        about="A Telethon SQLite session; an existing one works",
    )
    telegram_server: str | None = _setting(
        "TELEGRAM_SERVER", _server, about="host:port of another MTProto server; unset = Telegram"
    )
    telegram_server_key: Path | None = _setting(
        "TELEGRAM_SERVER_KEY", Path, about="PEM file with that server's public RSA key"
    )
    redis_url: Secret = _setting(
        "REDIS_URL",
        _redis_url,
        Secret("redis://localhost:6379/0"),
        secret=True,
        about="Or REDIS_HOST, REDIS_PORT, REDIS_DB and REDIS_PASSWORD",
    )
    command_queue: str = _setting(
        "COMMAND_QUEUE", _text, "tg_commands", about="The Redis list commands are pushed to"
    )
    event_channel: str = _setting(
        "EVENT_CHANNEL", _text, "tg_events", about="The Redis channel; the log is the stream NAME:log"
    )
    event_contract: EventContract = _setting(
        "EVENT_CONTRACT", _choice(EventContract), EventContract.BOTH, about="both, v2 or legacy"
    )
    event_log_maxlen: int = _setting(
        "EVENT_LOG_MAXLEN", _integer(1), 10_000, about="About how many events the log keeps"
    )
    redis_block_seconds: float = _setting(
        "REDIS_BLOCK_SECONDS", _number(0, above=True), 5.0, about="The longest single wait for a command"
    )
    redis_max_outage_seconds: float = _setting(
        "REDIS_MAX_OUTAGE_SECONDS", _number(0), 300.0, about="Redis away for longer: stop, exit 4"
    )
    lease_seconds: int = _setting(
        "LEASE_SECONDS", _integer(15), 60, about="A dead worker's command is handed out again after this"
    )
    max_deliveries: int = _setting(
        "MAX_DELIVERIES", _integer(1), 3, about="A command that kills its worker this often is set aside"
    )
    worker_id: str = _setting(
        "WORKER_ID", _text, aliases=("HOSTNAME",), about="This worker's name; default: the host's"
    )
    service_name: str = _setting(
        "SERVICE_NAME", _text, "telegram-fetcher", about="`service` in logs and legacy events"
    )
    environment: str = _setting("ENVIRONMENT", _text, "development", about="`environment` in logs")
    log_level: str = _setting("LOG_LEVEL", _log_level, "INFO", about="DEBUG … CRITICAL")
    log_format: LogFormat | None = _setting(
        "LOG_FORMAT", _choice(LogFormat), about="json or console; default: console on a terminal"
    )
    loki_url: str | None = _setting("LOKI_URL", _url("http", "https"), about="Push logs to Loki")
    victoria_logs_url: str | None = _setting(
        "VICTORIA_LOGS_URL", _url("http", "https"), about="Push logs to VictoriaLogs"
    )
    fetch_concurrency: int = _setting(
        "FETCH_CONCURRENCY",
        _integer(1, 64),
        2,
        aliases=("PARALLELISM_MAX",),
        about="How many chats are fetched at once",
    )
    fetch_strategy: Strategy = _setting(
        "FETCH_STRATEGY", _choice(Strategy), Strategy.AUTO, about="For commands that say auto or nothing"
    )
    fetch_mode: FetchMode = _setting(
        "FETCH_MODE", _choice(FetchMode), FetchMode.YESTERDAY, about="`tgworker fetch`: yesterday or full"
    )
    fetch_chats: tuple[str, ...] = _setting(
        "FETCH_CHATS", _names, (), about="`tgworker fetch`: chats, separated by commas"
    )
    data_dir: Path = _setting("DATA_DIR", Path, Path("data"), about="Where the archive lies")
    artifact_format: ArtifactFormat = _setting(
        "ARTIFACT_FORMAT", _choice(ArtifactFormat), ArtifactFormat.JSON, about="json or jsonl"
    )
    schema_version: str = _setting(
        "SCHEMA_VERSION", _text, "1.0.0", about="Written into every artifact and event"
    )
    retry_max_attempts: int = _setting(
        "RETRY_MAX_ATTEMPTS", _integer(1), 5, aliases=("MAX_RETRIES",), about="Tries of one request"
    )
    retry_max_elapsed_seconds: float = _setting(
        "RETRY_MAX_ELAPSED_SECONDS", _number(0, above=True), 120.0, about="For all tries of one request"
    )
    backoff_base_seconds: float = _setting(
        "BACKOFF_BASE_SECONDS",
        _number(0),
        0.5,
        aliases=("MIN_RETRY_WAIT",),
        about="The first wait between tries, at most",
    )
    backoff_max_seconds: float = _setting(
        "BACKOFF_MAX_SECONDS",
        _number(0),
        10.0,
        aliases=("MAX_RETRY_WAIT",),
        about="The longest wait between tries",
    )
    circuit_breaker_window_seconds: float = _setting(
        "CIRCUIT_BREAKER_WINDOW_SECONDS", _number(0, above=True), 30.0, about="Failures are counted in it"
    )
    circuit_breaker_failure_threshold: int = _setting(
        "CIRCUIT_BREAKER_FAILURE_THRESHOLD", _integer(1), 5, about="So many failures open the breaker"
    )
    circuit_breaker_open_timeout_seconds: float = _setting(
        "CIRCUIT_BREAKER_OPEN_TIMEOUT_SECONDS", _number(0, above=True), 60.0, about="Then one probe"
    )
    requests_per_second: float = _setting(
        "REQUESTS_PER_SECOND", _number(0, above=True), 1.0, about="To Telegram, for the account"
    )
    request_burst: int = _setting(
        "REQUEST_BURST", _integer(1), 5, about="So many requests at once after a rest"
    )
    rate_limit_strategy: RateLimitStrategy = _setting(
        "RATE_LIMIT_STRATEGY",
        _choice(RateLimitStrategy),
        RateLimitStrategy.ADAPTIVE,
        about="adaptive slows down after a flood wait; or fixed",
    )
    flood_wait_max_seconds: float = _setting(
        "FLOOD_WAIT_MAX_SECONDS", _number(0), 300.0, about="Longer waits park the command"
    )
    flood_wait_jitter_seconds: float = _setting(
        "FLOOD_WAIT_JITTER_SECONDS", _number(0), 5.0, about="Added to every flood wait, at most"
    )
    flood_wait_strategy: FloodWaitStrategy = _setting(
        "FLOOD_WAIT_STRATEGY",
        _choice(FloodWaitStrategy),
        FloodWaitStrategy.PARK,
        about="park or fail on a wait that is too long",
    )
    progress_interval_seconds: float = _setting(
        "PROGRESS_INTERVAL_SECONDS", _number(0), 5.0, about="At most one progress event in it"
    )
    shutdown_timeout_seconds: float = _setting(
        "SHUTDOWN_TIMEOUT_SECONDS", _number(0), 30.0, about="What is not done by then is cut off"
    )
    metrics_mode: MetricsMode = _setting(
        "METRICS_MODE", _choice(MetricsMode), about="off, scrape, push or both (both in production)"
    )
    http_host: str = _setting("HTTP_HOST", _text, "127.0.0.1", about="Where /metrics and /healthz listen")
    http_port: int = _setting("HTTP_PORT", _integer(0, 65535), 9108, about="0 = any free port")
    pushgateway_url: str | None = _setting(
        "PUSHGATEWAY_URL", _url("http", "https"), about="Where metrics are pushed"
    )
    push_interval_seconds: float = _setting(
        "PUSH_INTERVAL_SECONDS", _number(0, above=True), 15.0, about="How often"
    )
    health_file: Path = _setting(
        "HEALTH_FILE", Path, Path("/tmp/.fetcher_healthy"), about="Touched while the worker is well"
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
        file = dotenv_values(dotenv) if dotenv is not None and dotenv.is_file() else {}
        self.sources: tuple[Mapping[str, str | None], ...] = (overrides, environ, file)
        self.problems: list[str] = []

    def read(self) -> Settings:
        values: dict[str, Any] = {}
        for field in attrs.fields(Settings):
            key, text = self._find(field)
            if text is None:
                continue
            try:
                values[field.name] = field.metadata["parse"](text)
            except ValueError as error:
                shown = "" if field.metadata["secret"] else f" (it is {text!r})"
                self.problems.append(f"{key} {error}{shown}")
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
            credential = Path(folder) / key
            if credential.exists():
                return self._file(key, credential)
        return None

    def _file(self, key: str, path: Path) -> str | None:
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n") or None
        except (OSError, UnicodeError) as error:
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
        host, port, db = (self._plain(key) for key in REDIS_PARTS[:3])
        if host is None and port is None and db is None and password is None:
            return None
        for key, text, high in (("REDIS_PORT", port, 65535), ("REDIS_DB", db, None)):
            try:
                _integer(0, high)(text or "0")
            except ValueError as error:
                self.problems.append(f"{key} {error} (it is {text!r})")
        return _with_password(
            Secret(f"redis://{host or 'localhost'}:{port or 6379}/{db or 0}"), password
        )


def _with_password(url: Secret, password: str | None) -> Secret:
    """Put the password into a URL that has none."""
    parts = urlsplit(url.reveal())
    if password is None or parts.password is not None:
        return url
    user = f"{parts.username or ''}:{quote(password, safe='')}@"
    return Secret(urlunsplit(parts._replace(netloc=user + parts.netloc.rpartition("@")[2])))
