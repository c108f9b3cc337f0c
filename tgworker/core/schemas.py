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
def validator(name: str, part: str = "") -> jsonschema_rs.Draft202012Validator:
    """A compiled validator of one of `NAMES`, or of a `part` that it defines; schemas may refer to each other."""
    documents = [schema(each) for each in NAMES]
    registry = jsonschema_rs.Registry([(each["$id"], each) for each in documents])
    whole = schema(name)
    chosen = {"$ref": f"{whole['$id']}#/$defs/{part}"} if part else whole
    return jsonschema_rs.Draft202012Validator(chosen, registry=registry)
