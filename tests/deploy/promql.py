"""Which metrics an expression reads, and which there are."""

import promql_parser
import trio

from tgworker.instruments import open_instruments, shipments_of
from tgworker.service.outage import Outage
from tgworker.settings import load_settings
from tgworker.telemetry.metrics import Metrics

FOREIGN = {
    "up",  # made by Prometheus
    "ALERTS",
    "push_time_seconds",  # made by the Pushgateway
}
_PARTS = ("lhs", "rhs", "expr", "param", "vector_selector")


def metrics_in(expression):
    """Names of metrics. Raises ValueError: it is no PromQL."""
    return set(_names(promql_parser.parse(expression)))


def _names(node):
    if isinstance(node, promql_parser.VectorSelector):
        yield node.name
        return
    inner = [getattr(node, part, None) for part in _PARTS] + list(getattr(node, "args", ()))
    for part in inner:
        if part is not None:
            yield from _names(part)


def metrics_there_are(monkeypatch):
    """Names of the samples that a worker's registry may hold, as a worker puts it together."""
    made = []

    class Remembered(Metrics):
        def __init__(self, **options):
            super().__init__(**options)
            made.append(self)

    monkeypatch.setattr("tgworker.instruments.Metrics", Remembered)
    settings = load_settings({"METRICS_MODE": "off", "LOKI_URL": "http://localhost:1"})

    async def families():
        async with open_instruments(settings, Outage(0), shipments_of(settings)):
            return list(made[0].registry.collect())

    endings = {
        "counter": ("_total",),
        "histogram": ("_bucket", "_count", "_sum"),
        "info": ("_info",),
    }
    return {
        family.name + ending
        for family in trio.run(families)
        for ending in endings.get(family.type, ("",))
    }
