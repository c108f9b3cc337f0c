"""Commands and events on Redis: redis-py's asyncio client, spoken to from trio."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _not_installed(name: str) -> Iterator[None]:
    """Unless somebody has imported it already, the package `name` can't be imported here."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # how Python marks what can't be imported
    try:
        yield
    finally:
        del sys.modules[name]


# redis-py imports OpenTelemetry wherever it is installed, for metrics of its own that nobody turns on here: an eighth
# of the time in which a tool starts.
with _not_installed("opentelemetry"):
    import redis.asyncio  # noqa: F401
