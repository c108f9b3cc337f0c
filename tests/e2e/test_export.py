"""An exported chat goes through a real worker and comes out as it was exported, compared by hand, field by field."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from tests.e2e.conftest import MakeStage

EXPORT = r"""
{
 "name": "Питон 🐍",
 "type": "public_supergroup",
 "id": 1234567890,
 "messages": [
  {
   "id": -999999988,
   "type": "message",
   "date": "2025-11-05T15:00:00",
   "date_unixtime": "1762344000",
   "from": "Боб",
   "from_id": "user43",
   "text": "раньше",
   "text_entities": [{"type": "plain", "text": "раньше"}]
  },
  {
   "id": -999999983,
   "type": "service",
   "date": "2025-11-07T02:59:57",
   "date_unixtime": "1762473597",
   "actor": "Аня Б",
   "actor_id": "user42",
   "action": "migrate_to_supergroup",
   "text": "",
   "text_entities": []
  },
  {
   "id": 1,
   "type": "service",
   "date": "2025-11-07T02:59:58",
   "date_unixtime": "1762473598",
   "actor": "Питон 🐍",
   "actor_id": "channel1234567890",
   "action": "migrate_from_group",
   "title": "Питон 🐍",
   "text": "",
   "text_entities": []
  },
  {
   "id": 5,
   "type": "message",
   "date": "2025-11-07T02:59:59",
   "date_unixtime": "1762473599",
   "edited": "2025-11-07T03:10:00",
   "edited_unixtime": "1762474200",
   "from": "Боб",
   "from_id": "user43",
   "text": [
    "😀 смотри\x0B: ",
    {"type": "text_link", "text": "тут", "href": "https://example.org/ё"}
   ],
   "text_entities": [
    {"type": "plain", "text": "😀 смотри\x0B: "},
    {"type": "text_link", "text": "тут", "href": "https://example.org/ё"}
   ],
   "reactions": [
    {"type": "emoji", "count": 2, "emoji": "👍", "recent": [{"from": "Аня Б", "from_id": "user42"}]}
   ]
  },
  {
   "id": 8,
   "type": "message",
   "date": "2025-11-07T03:00:00",
   "date_unixtime": "1762473600",
   "from": "Аня Б",
   "from_id": "user42",
   "forwarded_from": "Новости",
   "forwarded_from_id": "channel77",
   "photo": "photos/photo_1@07-11-2025_03-00-00.jpg",
   "photo_file_size": 12345,
   "width": 1280,
   "height": 960,
   "text": "фото",
   "text_entities": [{"type": "plain", "text": "фото"}]
  },
  {
   "id": 9,
   "type": "message",
   "date": "2025-11-07T03:00:01",
   "date_unixtime": "1762473601",
   "from": null,
   "from_id": "user44",
   "reply_to_message_id": 8,
   "file": "(File not included. Change data exporting settings to download.)",
   "file_name": "отчёт.pdf",
   "file_size": 777,
   "mime_type": "application/pdf",
   "text": "",
   "text_entities": []
  }
 ]
}
"""
EMPTY = (None, False, "", [])
AS_A_GROUP = [
    {"id": 12, "date": "2025-11-05T12:00:00Z", "from_id": 43, "text": "раньше"},
    {
        **{"id": 17, "date": "2025-11-06T23:59:57Z", "from_id": 42},
        "service": {"action": "chat_migrate_to", "channel_id": -1001234567890},
    },
]
BEFORE_MIDNIGHT = [
    {
        **{"id": 1, "date": "2025-11-06T23:59:58Z", "from_id": -1001234567890},
        "service": {
            **{"action": "channel_migrate_from", "title": "Питон 🐍"},
            "chat_id": -1234567890,
        },
    },
    {
        **{"id": 5, "date": "2025-11-06T23:59:59Z", "from_id": 43},
        "text": "😀 смотри\x0b: тут",
        "entities": [
            {"type": "text_url", "offset": 12, "length": 3, "url": "https://example.org/ё"}
        ],
        **{"edited": True, "edit_date": "2025-11-07T00:10:00Z"},
        "reactions": [{"count": 2, "emoji": "👍"}],
    },
]
AFTER_MIDNIGHT = [
    {
        **{"id": 8, "date": "2025-11-07T00:00:00Z", "from_id": 42, "text": "фото"},
        "media": {"type": "photo", "width": 1280, "height": 960, "size": 12345},
        "forward_from": {"from_id": -1000000000077, "date": "2025-11-07T00:00:00Z"},
    },
    {
        **{"id": 9, "date": "2025-11-07T00:00:01Z", "from_id": 44},
        **{"reply_to": 8, "thread_id": 8},
        "media": {
            **{"type": "document", "file_name": "отчёт.pdf", "mime_type": "application/pdf"},
            "size": 777,
        },
    },
]


def told(artifact: dict[str, Any], chat: str) -> list[dict[str, Any]]:
    """What there is to say of each message, all of that chat: its fields without the empty ones."""
    assert {chat} == {message.pop("chat") for message in artifact["messages"]}
    return [
        {key: value for key, value in message.items() if value not in EMPTY}
        for message in artifact["messages"]
    ]


def person(id: int, name: str, username: str | None = None) -> dict[str, Any]:
    return {"id": id, "username": username, "name": name, "bot": False, "messages": 1}


def test_an_exported_chat_is_archived_as_it_was_exported(
    make_stage: MakeStage, tmp_path: Path
) -> None:
    (tmp_path / "result.json").write_text(EXPORT, encoding="utf-8")
    stage = make_stage({"chats": []}, "--export", "@Py_chat=result.json")
    stage.worker()

    done = stage.fetch(chat="@py_chat", mode="range", **{"from": "2025-11-05", "to": "2025-11-07"})

    assert ("completed", 6) == (done["event"], done["processed"])
    group = [stage.artifact("group.1234567890", date(2025, 11, day)) for day in (5, 6)]
    before, after = (stage.artifact("py_chat", date(2025, 11, day)) for day in (6, 7))
    assert AS_A_GROUP == [each for artifact in group for each in told(artifact, "-1234567890")]
    assert BEFORE_MIDNIGHT == told(before, "@py_chat")
    assert AFTER_MIDNIGHT == told(after, "@py_chat")
    chat = person(-1001234567890, "Питон 🐍", "Py_chat")
    assert [chat, person(43, "Боб")] == before["participants"]
    assert [person(42, "Аня Б"), person(44, "")] == after["participants"]
    assert -1001234567890 == after["chat_id"]
