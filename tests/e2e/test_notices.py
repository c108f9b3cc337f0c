"""People hear of failed commands in a chat and by a webhook, and of the account's end by the webhook alone."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.e2e.conftest import MakeStage
from tests.telemetry.store import open_store

WORLD: dict[str, Any] = {
    "seed": 7,
    "chats": [
        {
            "username": name,
            "title": name,
            "type": "supergroup",
            "from": "2025-11-01",
            "to": "2025-11-01",
            "per_day": [3],
        }
        for name in ("ru_python", "ops_room")
    ],
}
DAY = {"chat": "@ru_python", "mode": "date", "date": "2025-11-01"}
TOKEN = "services/T0/verysecret"


@pytest.mark.expects_errors
def test_failures_are_told_in_one_message_and_the_last_ones_at_the_stop(
    make_stage: MakeStage,
) -> None:
    stage = make_stage(WORLD)
    with open_store() as receiver:
        receiver.answers = [200]
        worker = stage.worker(
            NOTIFY_CHAT="@ops_room", NOTIFY_WEBHOOK_URL=f"{receiver.url}/{TOKEN}", LOG_LEVEL="DEBUG"
        )
        rejected = stage.fetch(chat="../x")
        unknown = stage.fetch(**{**DAY, "chat": "@nobody_here"})
        assert "completed" == stage.fetch(**DAY)["event"]
        worker.wait_line("notify.told", count=2)
        late = stage.fetch(**{**DAY, "chat": "@nobody_there"})
        worker.signal(signal.SIGTERM)
        assert 0 == worker.wait()

    first, last = map(json.loads, receiver.bodies)
    assert {"invalid_command": 1, "username_not_occupied": 1} == first["error_types"]
    assert [rejected["command_id"], unknown["command_id"]] == [
        command["command_id"] for command in first["commands"]
    ]
    assert [late["command_id"]] == [command["command_id"] for command in last["commands"]]
    assert {"fetcher-1"} == {first["worker_id"], last["worker_id"]}
    said = stage.sent()
    assert {"@ops_room"} == {message["chat"] for message in said}
    assert [first["text"], last["text"]] == [message["text"] for message in said]
    assert "verysecret" not in json.dumps(worker.lines()) + worker.stderr.read_text()


@pytest.mark.expects_errors
def test_the_accounts_end_reaches_the_webhook_before_exit_3(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    stage.faults({"method": "messages.getHistory", "nth": 1, "error": "SESSION_REVOKED"})
    with open_store() as receiver:
        receiver.answers = [200]
        way = {"NOTIFY_CHAT": "@ops_room", "NOTIFY_WEBHOOK_URL": receiver.url}
        worker = stage.worker(**way)
        stage.push(**DAY)
        assert 3 == worker.wait()
        stage.faults({"method": "users.getUsers", "error": "SESSION_REVOKED"})
        restarted = stage.run("run", **way)
        assert 3 == restarted.wait()

    told = [json.loads(body) for body in receiver.bodies]
    assert ["session_revoked"] * 2 == [each["account"]["error_type"] for each in told]
    assert [] == stage.sent()
    assert 1 == len(worker.lines("notify.impossible")) == len(restarted.lines("notify.impossible"))
