"""The settings: what stops a start, what was misspelled, what is allowed and unwise, and who may read the secrets."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import trio
from dotenv import dotenv_values

from tgworker.doctor.finding import Finding, ok, problem, warning
from tgworker.errors import SettingsError
from tgworker.settings import SECRET_KEYS, MetricsMode, Settings, find_lookalikes

FASTEST = 5.0
"""Requests a second; those who read histories faster than this are asked to wait."""
LONGEST_LEASE = 900
_CONTAINERS = (Path("/.dockerenv"), Path("/run/.containerenv"))

_MOUNTED = Path("/run/secrets")
"""Where containers find their secrets: their user owns none of them, and must be able to read them."""

_SECRETS = SECRET_KEYS | {"REDIS_PASSWORD"}
_API_ID = "TELEGRAM_API_ID is not set"


async def look_at_settings(
    settings: Settings | SettingsError, environ: Mapping[str, str], dotenv: Path
) -> list[Finding]:
    return await trio.to_thread.run_sync(lambda: list(_look(settings, environ, dotenv)))


def _look(
    settings: Settings | SettingsError, environ: Mapping[str, str], dotenv: Path
) -> Iterator[Finding]:
    written = _keys_of(dotenv)
    place = f"{dotenv} and the environment" if written else "the environment; there is no .env here"
    yield from _judge_values(settings, place)
    yield from _judge_names({*environ, *written})
    if not isinstance(settings, SettingsError):
        unwise = list(_unwise(settings))
        for found, advice in unwise:
            yield warning("settings.wisdom", found, advice)
        if not unwise:
            yield ok("settings.wisdom", "no value is unwise")
    yield from _judge_secrets(dotenv, written, environ)


def _keys_of(dotenv: Path) -> frozenset[str]:
    try:
        return frozenset(dotenv_values(dotenv, interpolate=False))
    except (OSError, UnicodeError):  # reading the settings tells of it
        return frozenset()


def _judge_values(settings: Settings | SettingsError, place: str) -> Iterator[Finding]:
    if isinstance(settings, SettingsError):
        advice = "Mend it in .env or the environment: docs/settings.md has them all."
        for found in settings.problems:
            yield problem("settings.values", found, advice, settings)
    elif settings.telegram_api_id is None:
        advice = "Get it, and the hash, at https://my.telegram.org/apps."
        yield problem("settings.values", _API_ID, advice, SettingsError([_API_ID]))
    else:
        yield ok("settings.values", f"all make sense; from {place}")


def _judge_names(names: set[str]) -> Iterator[Finding]:
    meant = find_lookalikes(names)
    for name, key in meant.items():
        yield warning("settings.names", f"nobody heeds {name}", f"Call it {key}, or remove it.")
    if not meant:
        yield ok("settings.names", "no name looks misspelled")


def _unwise(s: Settings) -> Iterator[tuple[str, str]]:
    """What is allowed and will hardly be meant, with what to do."""
    real = s.telegram_server is None
    if real and s.requests_per_second > FASTEST:
        found = f"REQUESTS_PER_SECOND is {s.requests_per_second:g}: Telegram answers such a pace with long waits"
        yield found, f"Set 1, and no more than {FASTEST:g}."
    if real and s.request_burst > 4 * FASTEST:
        yield f"REQUEST_BURST is {s.request_burst}: Telegram may take it for an attack", "Set 5."
    if (s.telegram_server is None) != (s.telegram_server_key is None):
        found = "one of TELEGRAM_SERVER and TELEGRAM_SERVER_KEY is set, and the other is not"
        yield found, "Set both, for a server of your own; neither, for Telegram."
    if s.backoff_base_seconds > s.backoff_max_seconds:
        yield "BACKOFF_BASE_SECONDS is above BACKOFF_MAX_SECONDS", "Set it to less: 0.5 and 10."
    if s.retry_max_elapsed_seconds <= s.request_timeout_seconds:
        found = "RETRY_MAX_ELAPSED_SECONDS is not above REQUEST_TIMEOUT_SECONDS: no timeout is tried again"
        yield found, "Set it to several times that: 120 and 30."
    if s.lease_seconds > LONGEST_LEASE:
        found = f"LEASE_SECONDS is {s.lease_seconds}: a dead worker's commands rest so long"
        yield found, "Set 60; a lease is renewed as long as the work goes on."
    if s.max_deliveries == 1:
        yield "MAX_DELIVERIES is 1: one crash, and its command is dead", "Set 3."
    if s.shutdown_timeout_seconds == 0:
        yield "SHUTDOWN_TIMEOUT_SECONDS is 0: no page in hand is ever finished", "Set 30."
    pushes = s.metrics_mode in (MetricsMode.PUSH, MetricsMode.BOTH)
    if pushes and s.pushgateway_url is None:
        found = (
            f"METRICS_MODE is {s.metrics_mode}, and PUSHGATEWAY_URL is not set: nothing is pushed"
        )
        yield found, "Set PUSHGATEWAY_URL, or METRICS_MODE=scrape."
    if s.log_level == "DEBUG" and s.environment == "production":
        yield "LOG_LEVEL is DEBUG in production: some lines for every request", "Set INFO."
    scraped = s.metrics_mode in (MetricsMode.SCRAPE, MetricsMode.BOTH)
    if scraped and not _is_near(s.http_host) and not any(each.exists() for each in _CONTAINERS):
        found = f"HTTP_HOST is {s.http_host}: who reaches this host can read the chats' names in /metrics"
        yield found, "Set 127.0.0.1, or let a firewall keep strangers out."
    redis = urlsplit(s.redis_url.reveal())
    if redis.scheme == "redis" and redis.password and not _is_private(redis.hostname or ""):
        found = f"the password of Redis goes to {redis.hostname} in the clear"
        yield found, "Use rediss://, or a private network."


def _is_near(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _is_private(host: str) -> bool:
    """A name without a dot is known in a private network only, such as that of containers."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host


def _judge_secrets(
    dotenv: Path, written: frozenset[str], environ: Mapping[str, str]
) -> Iterator[Finding]:
    """Files that hold secrets, and that others may read."""
    files = [dotenv] if written & _SECRETS else []
    named = sorted(f"{key}_FILE" for key in _SECRETS)
    files += [Path(environ[name]) for name in named if environ.get(name)]
    ours = [file for file in files if not file.is_relative_to(_MOUNTED)]
    bare = [file for file in ours if file.exists() and file.stat().st_mode & 0o077]
    for file in bare:
        yield warning("settings.secrets", f"others may read {file}", f"chmod 600 {file}")
    if not bare:
        yield ok("settings.secrets", "no file with secrets can be read by others")
