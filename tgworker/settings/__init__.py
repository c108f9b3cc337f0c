"""Frozen settings, read once: environment first, then ``.env``; secrets also from files."""

from tgworker.settings.example import default_text, example_env
from tgworker.settings.load import load_settings
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
    "EventContract",
    "FetchMode",
    "FloodWaitStrategy",
    "LogFormat",
    "MetricsMode",
    "RateLimitStrategy",
    "Secret",
    "Settings",
    "TraceSampler",
    "default_text",
    "example_env",
    "load_settings",
]
