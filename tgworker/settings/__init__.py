"""Frozen settings, read once: environment first, then ``.env``; secrets also from files."""

from tgworker.settings.example import example_env, settings_table
from tgworker.settings.load import SECRET_KEYS, load_settings
from tgworker.settings.lookalikes import find_lookalikes
from tgworker.settings.model import Settings
from tgworker.settings.values import (
    EventContract,
    FetchMode,
    FloodWaitStrategy,
    LogFormat,
    MetricsMode,
    RateLimitStrategy,
    Secret,
    TraceSampler,
)

__all__ = [
    "SECRET_KEYS",
    "EventContract",
    "FetchMode",
    "FloodWaitStrategy",
    "LogFormat",
    "MetricsMode",
    "RateLimitStrategy",
    "Secret",
    "Settings",
    "TraceSampler",
    "example_env",
    "find_lookalikes",
    "load_settings",
    "settings_table",
]
