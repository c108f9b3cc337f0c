"""What Telethon says of its errors. What it makes of garbage on a line is up to chance: here it is told directly."""

import logging

import pytest
from telethon.errors import InvalidBufferError

from tgworker.adapters.telegram.quiet import Loggers

NAME = "telethon.network.mtprotosender"


@pytest.fixture
def fail():
    def log_it(text, *args):
        try:
            raise InvalidBufferError(b"100 % \x00")
        except InvalidBufferError:
            Loggers()[NAME].exception(text, *args)

    return log_it


def test_an_error_is_one_line_without_a_traceback(fail, caplog):
    fail("Server sent invalid buffer")
    fail("Attempt %d at %s failed", 1, "reconnecting")

    brief = "InvalidBufferError: Invalid response buffer (too short b'100 % \\x00')"
    assert [
        (NAME, logging.WARNING, f"Server sent invalid buffer: {brief}"),
        (NAME, logging.WARNING, f"Attempt 1 at reconnecting failed: {brief}"),
    ] == caplog.record_tuples
    assert [None, None] == [record.exc_info for record in caplog.records]


def test_at_debug_it_says_where_the_error_arose(fail, caplog):
    caplog.set_level("DEBUG")

    fail("Server sent invalid buffer")

    [record] = caplog.records
    assert (logging.WARNING, InvalidBufferError) == (record.levelno, record.exc_info[0])
