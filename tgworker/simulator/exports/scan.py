"""Finding one's way in a JSON file that may be too big to be read whole.

A scanner walks over the bytes of a mapped file and says where things stand, by brackets and quotes alone; what is in
them is decoded later, piece by piece. A JSON library that streams could not be used here: none says where a value
stands, and what Telegram Desktop writes is not always JSON (`decode`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from mmap import mmap
from typing import Any

import orjson

from tgworker.errors import TgworkerError

_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_SCALAR = re.compile(rb'[^\s,:"\[\]{}]++')
_TO_BRACKET = re.compile(rb'[^"{}\[\]]*+(?:"(?:[^"\\]++|\\.)*+"[^"{}\[\]]*+)*+', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|.)", re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_CUT_OFF = "does not end: the file was cut off"


class ExportError(TgworkerError):
    """An export that can't be served: which file, where in it, and why."""

    error_type = "export"


def decode(data: bytes) -> Any:
    r"""The value that stands there.

    Telegram Desktop writes control characters as ``\x0B``, which JSON does not know; they are read all the same.
    Source: ``SerializeString`` in its ``export_output_json.cpp``.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        mended = _ESCAPE.sub(lambda escape: rb"\u00" + escape[1] if escape[1] else escape[0], data)
        return orjson.loads(mended)


class Scanner:
    """Goes through one file from its beginning. Each method starts where the last one ended.

    `file` is what errors call it.

    Raises:
        ExportError: from every method, where something else stands there than was looked for.
    """

    def __init__(self, data: mmap | bytes, file: str) -> None:
        self.data = data
        self.file = file
        self._path = "$"
        self._place = len(_BOM) if data[: len(_BOM)] == _BOM else 0

    @property
    def path(self) -> str:
        """Where in the file this is: ``$.chats.list[3].messages[17]``."""
        return self._path

    def members(self) -> Iterator[str]:
        """The keys of an object, one by one. A value that was not read until the next key is passed over."""
        outer = self._path
        self._take(b"{")
        ended = self._took(b"}")
        while not ended:
            key = self.value()
            if not isinstance(key, str):
                raise self.error("has a key that is no text")
            self._take(b":")
            self._path = f"{outer}.{key}"
            yield from self._one(key)
            self._path = outer
            ended = self._ended(b"}")

    def elements(self) -> Iterator[int]:
        """The numbers of an array's elements, one by one, in the same way."""
        outer = self._path
        number = 0
        self._take(b"[")
        ended = self._took(b"]")
        while not ended:
            self._path = f"{outer}[{number}]"
            yield from self._one(number)
            self._path = outer
            ended = self._ended(b"]")
            number += 1

    def skip(self) -> tuple[int, int]:
        """Pass over one value; gives its first byte's place, and that behind its last."""
        start = self._skip_space()
        first = self.data[start : start + 1]
        if first in (b"{", b"["):
            self._skip_brackets()
        elif found := (_STRING if first == b'"' else _SCALAR).match(self.data, start):
            self._place = found.end()
        else:
            raise self.error(_CUT_OFF if first == b'"' else self._found("a value"))
        return start, self._place

    def value(self) -> Any:
        """One value, decoded."""
        start, end = self.skip()
        try:
            return decode(self.data[start:end])
        except ValueError as error:
            raise self.error(f"is not JSON: {error}") from error

    def finish(self) -> None:
        """Nothing may follow."""
        if self._skip_space() < len(self.data):
            raise self.error("is followed by something else")

    def error(self, reason: str) -> ExportError:
        return ExportError(f"{self.file}: {self._path} {reason}")

    def _one(self, name: Any) -> Iterator[Any]:
        start = self._skip_space()
        yield name
        if self._place == start:
            self.skip()

    def _skip_space(self) -> int:
        found = _SPACE.match(self.data, self._place)
        assert found is not None, "it matches nothing as well"
        self._place = found.end()
        return self._place

    def _skip_brackets(self) -> None:
        depth = 0
        while True:
            found = _TO_BRACKET.match(self.data, self._place)
            assert found is not None, "it matches nothing as well"
            bracket = self.data[found.end() : found.end() + 1]
            if bracket in (b"", b'"'):
                raise self.error(_CUT_OFF)
            self._place = found.end() + 1
            depth += 1 if bracket in b"{[" else -1
            if depth == 0:
                return

    def _took(self, sign: bytes) -> bool:
        place = self._skip_space()
        taken = self.data[place : place + 1] == sign
        self._place += taken
        return taken

    def _take(self, sign: bytes) -> None:
        if not self._took(sign):
            raise self.error(self._found(sign.decode()))

    def _ended(self, close: bytes) -> bool:
        if self._took(close):
            return True
        if not self._took(b","):
            raise self.error(self._found(f"a comma or {close.decode()}"))
        return False

    def _found(self, wanted: str) -> str:
        there = self.data[self._place : self._place + 1]
        if not there:
            return _CUT_OFF
        return f"has {there.decode(errors='replace')!r} where {wanted} should be"
