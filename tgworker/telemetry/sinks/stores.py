"""How each log store wants its lines, and where."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from tgworker.telemetry.sinks.shipper import LogStore

STREAM_FIELDS = ("service", "environment", "worker_id")
"""What tells streams of lines apart; few values each, as both stores ask for."""

_LOKI_PATH = "/loki/api/v1/push"
_VICTORIA_PATH = "/insert/jsonline"


def loki(url: str) -> LogStore:
    """Grafana Loki's push API; `url` with or without its path.

    The level is a label as well; all the rest is in the line, for ``| json``.
    Source: https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs
    """
    return LogStore("loki", _with_path(url, _LOKI_PATH), "application/json", _loki_body)


def victoria_logs(url: str) -> LogStore:
    """VictoriaLogs' JSON stream API; `url` with or without its path.

    Source: https://docs.victoriametrics.com/victorialogs/data-ingestion/#json-stream-api
    """
    query = f"_stream_fields={','.join(STREAM_FIELDS)}&_time_field=_time&_msg_field=_msg"
    address = _with_path(url, _VICTORIA_PATH)
    address += ("&" if urlsplit(address).query else "?") + query
    return LogStore("victoria_logs", address, "application/stream+json", _victoria_body)


def _with_path(url: str, path: str) -> str:
    return url if urlsplit(url).path.strip("/") else url.rstrip("/") + path


def _loki_body(lines: Sequence[str]) -> bytes:
    """One stream for each set of labels, its lines in the order they were logged."""
    streams: dict[tuple[str, ...], list[list[str]]] = {}
    for text in lines:
        line = orjson.loads(text)
        labels = tuple(str(line[key]) for key in (*STREAM_FIELDS, "level"))
        streams.setdefault(labels, []).append([_nanoseconds(line["ts"]), text])
    return orjson.dumps(
        {
            "streams": [
                {"stream": dict(zip((*STREAM_FIELDS, "level"), labels)), "values": values}
                for labels, values in streams.items()
            ]
        }
    )


def _nanoseconds(ts: str) -> str:
    moment = datetime.fromisoformat(ts)
    return str(int(moment.timestamp()) * 10**9 + moment.microsecond * 1000)


def _victoria_body(lines: Sequence[str]) -> bytes:
    return b"\n".join(orjson.dumps(_victoria_line(orjson.loads(text))) for text in lines)


def _victoria_line(line: dict[str, Any]) -> dict[str, Any]:
    """The same fields, those that queries name spelled as they do: ``level:ERROR``, ``channel``."""
    line["_time"] = line.pop("ts")
    line["_msg"] = line.get("message") or line.get("error") or line["event"]
    line["level"] = str(line["level"]).upper()
    if "chat" in line:
        line["channel"] = line["chat"]
    return line
