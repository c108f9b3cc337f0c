"""The JSON Schemas, as they ship in the package: the source of truth for what other programs rely on."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs
import orjson

NAMES = ("command", "event", "message", "artifact", "index", "progress")


@cache
def schema(name: str) -> dict[str, Any]:
    """One of `NAMES`, parsed. Constant: do not change what it returns."""
    document: dict[str, Any] = orjson.loads(
        files("tgworker.schemas").joinpath(f"{name}.schema.json").read_bytes()
    )
    return document


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """A compiled validator of one of `NAMES`; schemas may refer to each other by their ``$id``."""
    documents = [schema(each) for each in NAMES]
    registry = jsonschema_rs.Registry([(each["$id"], each) for each in documents])
    return jsonschema_rs.Draft202012Validator(schema(name), registry=registry)
