"""What every command does first: read the settings, begin to log; and how those that wait are run."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import attrs
import click
import trio
import trio_asyncio

from tgworker.errors import ExitCode
from tgworker.settings import LogFormat, Secret, Settings, load_settings
from tgworker.settings.parsers import pairs
from tgworker.telemetry.logging import LineStream, configure_logging
from tgworker.telemetry.sinks.buffer import LineBuffer

F = TypeVar("F", bound=Callable[..., Any])

_OVERRIDES = "tgworker.overrides"
_SHORTEST_PART = 6
"""A header's "1", or a webhook's "/", is no secret, and hiding it would spoil every line."""
_FIELDS = {field.metadata["key"]: field for field in attrs.fields(Settings)}


def setting_options(*keys: str) -> Callable[[F], F]:
    """An option for each of these settings; what it is given goes before the environment and ``.env``."""

    def decorate(function: F) -> F:
        for key in reversed(keys):
            about = _FIELDS[key].metadata["about"]
            function = click.option(
                f"--{key.lower().replace('_', '-')}",
                metavar="VALUE",
                expose_value=False,
                callback=_remember,
                help=f"{about}. Goes before {key}.",
            )(function)
        return function

    return decorate


def _remember(ctx: click.Context, option: click.Parameter, value: str | None) -> None:
    if value is not None:
        key = (option.name or "").upper()
        ctx.meta.setdefault(_OVERRIDES, {})[key] = value


def read_settings() -> Settings:
    """The settings, as the command line, the environment and ``.env`` say.

    Raises: SettingsError.
    """
    overrides = click.get_current_context().meta.get(_OVERRIDES, {})
    return load_settings(os.environ, dotenv=Path(".env"), overrides=overrides)


def start_logging(
    settings: Settings,
    stream: LineStream,
    buffers: Sequence[LineBuffer] = (),
    stream_level: str | None = None,
    secrets: Iterable[str] = (),
) -> None:
    """Log as the settings say; `buffers` keep the same lines for a log store, those below `stream_level` too.

    No line shows a secret of the settings, nor any of `secrets`.
    """
    chosen = settings.log_format
    if chosen is None:
        chosen = LogFormat.CONSOLE if stream.isatty() else LogFormat.JSON
    configure_logging(
        level=settings.log_level,
        format=chosen,
        service=settings.service_name,
        environment=settings.environment,
        worker_id=settings.worker_id,
        stream=stream,
        secrets=(*secrets_of(settings), *secrets),
        buffers=buffers,
        stream_level=stream_level,
    )


def start_tool_logging(
    settings: Settings,
    buffers: Sequence[LineBuffer] = (),
    *,
    quiet: str = "WARNING",
    secrets: Iterable[str] = (),
) -> None:
    """Log for a command whose stdout belongs to its answer: to stderr, and only what is amiss, from `quiet` on.

    ``DEBUG`` is heeded all the same: who sets it looks for something. No line shows any of `secrets`.
    """
    level = quiet if settings.log_level == "INFO" else None
    start_logging(settings, _Stderr(), buffers, stream_level=level, secrets=secrets)


class _Stderr:
    """Whatever is stderr at the time: progress bars put themselves in its place, to keep log lines above them."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def secrets_of(settings: Settings) -> Iterator[str]:
    """What no line may show. Of a URL only the password: the rest says where things are."""
    yield from (part for part in _parts_of_secrets(settings) if len(part) >= _SHORTEST_PART)
    for field in attrs.fields(Settings):
        value = getattr(settings, field.name)
        text = value.reveal() if isinstance(value, Secret) else value
        if isinstance(text, str) and "://" in text:
            password = urlsplit(text).password or ""
            yield from (password, unquote(password))
        elif isinstance(value, Secret):
            yield from (value.reveal(), value.reveal().removeprefix("+"))


def _parts_of_secrets(settings: Settings) -> Iterator[str]:
    """What is secret in values that hold more than that."""
    if settings.otel_exporter_otlp_headers is not None:
        yield from (value for _, value in pairs(settings.otel_exporter_otlp_headers.reveal()))
    if settings.notify_webhook_url is not None:
        # Where the token stands in it is the receiver's business.
        yield urlsplit(settings.notify_webhook_url.reveal())._replace(scheme="", netloc="").geturl()


def run_tool(work: Callable[[], Awaitable[int]]) -> int:
    """Run trio with asyncio inside, `until_signal`. Returns the exit code.

    Raises: what `work` raises; an error that is alone in its group comes by itself.
    """

    async def main() -> int:
        async with trio_asyncio.open_loop():
            return await until_signal(work)

    try:
        return trio.run(main)
    except ExceptionGroup as group:
        raise _alone(group) from None


async def until_signal(work: Callable[[], Awaitable[int]]) -> int:
    """Do the work; the first SIGINT or SIGTERM cancels it. Returns its exit code, or 130.

    Inside of another one, this one gets the signals.
    """
    exit_code: int = ExitCode.SECOND_SIGNAL
    async with trio.open_nursery() as nursery:
        await nursery.start(watch_signals, nursery.cancel_scope)
        exit_code = await work()
        nursery.cancel_scope.cancel()
    return exit_code


def _alone(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


async def watch_signals(
    scope: trio.CancelScope, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Cancel `scope` at SIGINT or SIGTERM."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()
