"""A webhook gets a digest as chat programs and programs read it; one that is slow, broken or absent is told as such."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import trio

from tests.telemetry.store import Store, open_store
from tgworker.core.facts import CommandEnded
from tgworker.core.notices import Failure, Identity, digest_of, digest_text
from tgworker.errors import NoticeRefusedError, TransientError
from tgworker.instruments import open_instruments
from tgworker.service import notices
from tgworker.service.outage import Outage
from tgworker.settings import load_settings
from tgworker.telemetry import webhook
from tgworker.telemetry.webhook import open_webhook

WHO = Identity("fetcher-1", "telegram-fetcher", "production")
DIGEST = digest_of(
    Failure("c1", "@ru_python", "storage", "The disk is full."), datetime(2025, 11, 9, tzinfo=UTC)
)
TOKEN = "T0/B0/verysecret"


@pytest.fixture
def receiver() -> Iterator[Store]:
    with open_store() as server:
        server.answers = [200]
        yield server


async def test_it_gets_a_text_for_people_and_fields_for_programs(receiver: Store) -> None:
    async with open_webhook(f"{receiver.url}/services/{TOKEN}", WHO) as hook:
        await hook.open()
        await hook.tell(DIGEST)

    (body,) = map(json.loads, receiver.bodies)
    assert [f"/services/{TOKEN}"] == receiver.paths
    assert ["application/json"] == receiver.types
    assert digest_text(DIGEST, "fetcher-1") == body["text"]
    assert [("c1", "storage")] == [(c["command_id"], c["error_type"]) for c in body["commands"]]


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (500, TransientError, "HTTP 500 from the webhook at 127.0.0.1."),
        (429, TransientError, "HTTP 429 from the webhook at 127.0.0.1."),
        (404, NoticeRefusedError, "HTTP 404 from .* Check NOTIFY_WEBHOOK_URL."),
        (302, NoticeRefusedError, "HTTP 302 from .* Check NOTIFY_WEBHOOK_URL."),
    ],
)
async def test_what_it_answers_says_whether_to_try_again(
    receiver: Store, status: int, error: type[Exception], words: str
) -> None:
    receiver.answers = [status]
    async with open_webhook(f"{receiver.url}/{TOKEN}", WHO) as hook:
        with pytest.raises(error, match=words) as caught:
            await hook.tell(DIGEST)

    assert TOKEN not in f"{caught.value} {hook!r} {hook.name}"


async def test_one_that_does_not_answer_or_is_not_there_may_be_told_later(
    receiver: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "REQUEST_SECONDS", 0.05)
    receiver.hold.clear()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        nobody = f"http://127.0.0.1:{listening.getsockname()[1]}"
    for url, words in ((receiver.url, "ReadTimeout"), (nobody, "ConnectError")):
        async with open_webhook(f"{url}/{TOKEN}", WHO) as hook:
            with pytest.raises(TransientError, match=words) as caught:
                await hook.tell(DIGEST)
        assert TOKEN not in str(caught.value)
        assert caught.value.__cause__ is None


async def test_one_that_never_answers_holds_up_the_end_for_a_moment_only(
    receiver: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "LAST_WORDS_SECONDS", 0.05)
    receiver.hold.clear()
    settings = load_settings({"METRICS_MODE": "off", "NOTIFY_WEBHOOK_URL": receiver.url})
    with trio.fail_after(webhook.REQUEST_SECONDS):
        async with open_instruments(settings, Outage(0), []) as instruments:
            instruments.observer.note(CommandEnded("@c", 1.0, "storage", "c1", "Why."))

    assert [] == receiver.bodies


async def test_a_run_without_a_queue_tells_nobody(receiver: Store) -> None:
    settings = load_settings(
        {"METRICS_MODE": "off", "NOTIFY_WEBHOOK_URL": receiver.url, "NOTIFY_CHAT": "@ops_room"}
    )
    async with open_instruments(settings, Outage(0), [], serve=False) as instruments:
        instruments.observer.note(CommandEnded("@c", 1.0, "storage", "c1", "Why."))

    assert (None, []) == (instruments.chat_notices, receiver.bodies)
