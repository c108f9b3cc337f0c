"""From an export's messages to the world's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tgworker.core.model import ChatType
from tgworker.simulator.exports.actions import read_action
from tgworker.simulator.exports.item import INT32, INT64, Item
from tgworker.simulator.exports.medias import read_media
from tgworker.simulator.exports.notes import Notes
from tgworker.simulator.exports.people import Directory, marked_id
from tgworker.simulator.exports.texts import read_text
from tgworker.simulator.world.media_model import Bare
from tgworker.simulator.world.model import Reply, WorldForward, WorldMessage, WorldReaction

_KNOWN = frozenset("""
    id type date date_unixtime edited edited_unixtime from from_id actor actor_id author text text_entities
    reply_to_message_id reply_to_peer_id forwarded_from forwarded_from_id saved_from via_bot
    photo photo_file_size width height media_spoiler self_destruct_period_seconds
    file file_name file_size thumbnail thumbnail_file_size media_type mime_type duration_seconds performer title
    sticker_emoji contact_information contact_vcard contact_vcard_file_size
    location_information live_location_period_seconds place_name address poll todo_list
    game_title game_description game_link invoice_information giveaway_information giveaway_results paid_stars_amount
    inline_bot_buttons reactions
    """.split())
"""Fields of messages that are no service messages; some of them Telegram's answers have no place for."""


class MessageReader:
    """Reads the messages of one chat.

    `number` is its bare id, `own_ids` are what the export calls it itself, marked.
    """

    def __init__(
        self,
        type: ChatType,
        number: int,
        own_ids: frozenset[int],
        directory: Directory,
        notes: Notes,
    ) -> None:
        self._type = type
        self._number = number
        self._own_ids = own_ids
        self._directory = directory
        self._notes = notes

    def message(
        self, data: Mapping[str, Any], id: int, date: int, reply: Reply | None
    ) -> WorldMessage:
        """The message, with the id, the date and the reply that were found out for it."""
        item = Item(data, self._notes)
        if item.text("type") == "service":
            return self._service(item, id, date)
        if unknown := data.keys() - _KNOWN:
            for key in unknown:
                self._notes.add(f"field {key!r}, not known")
        sender = self._sender(item, "from")
        if item.text("type") == "unsupported":
            return WorldMessage(id, date, sender, media=Bare("unsupported"))
        text, entities = read_text(item)
        return WorldMessage(
            id,
            date,
            sender,
            text,
            entities,
            reply=reply,
            edit_date=moment_of(item, "edited"),
            reactions=self._reactions(item) if item.has("reactions") else None,
            media=read_media(item),
            forward=self._forward(item, date),
            via_bot_id=self._directory.bot(bot) if (bot := item.text("via_bot")) else None,
            post_author=item.text("author") or None,
        )

    def answered(self, data: Mapping[str, Any]) -> tuple[int | None, int | None]:
        """The id of the message that this one answers, and the chat of that one, if it is another.

        Service messages answer nothing, though they may be about a message.
        """
        item = Item(data, self._notes)
        if item.text("type") == "service":
            return None, None
        return self._target(item, "reply_to_message_id")

    def _target(self, item: Item, *keys: str) -> tuple[int | None, int | None]:
        target = next((id for key in keys if (id := item.message_id(key))), None)
        peer = marked_id(item.data.get("reply_to_peer_id"))
        if target is None or peer is None or peer in self._own_ids:
            return target, None
        return target, self._directory.meet(item.data["reply_to_peer_id"], None)

    def _service(self, item: Item, id: int, date: int) -> WorldMessage:
        about, chat = self._target(item, "message_id", "game_message_id", "invoice_message_id")
        return WorldMessage(
            id,
            date,
            self._sender(item, "actor"),
            reply=None if about is None else Reply(msg_id=about, other_chat=chat),
            action=read_action(item, self._directory, self._number),
        )

    def _sender(self, item: Item, key: str) -> int | None:
        """Nobody for a channel's posts, which an export has the channel itself write."""
        name, peer = item.data.get(key), item.data.get(f"{key}_id")
        sender = self._directory.meet(peer, name)
        if sender is None and peer is not None:
            self._notes.add(f"{key}_id of an unknown form, left out")
        if self._type is ChatType.CHANNEL and sender in self._own_ids:
            return None
        return sender

    def _forward(self, item: Item, date: int) -> WorldForward | None:
        """When the message was first written, an export does not say: its own date stands in."""
        if "forwarded_from" not in item.data and "forwarded_from_id" not in item.data:
            return None
        name = item.text("forwarded_from")
        origin = self._directory.meet(item.data.get("forwarded_from_id"), name)
        return WorldForward(date, from_id=origin, from_name=None if origin else name or None)

    def _reactions(self, item: Item) -> tuple[WorldReaction, ...]:
        found = (self._reaction(each) for each in item.items("reactions"))
        return tuple(reaction for reaction in found if reaction is not None)

    def _reaction(self, item: Item) -> WorldReaction | None:
        count = item.whole("count") or 0
        if item.text("type") == "paid":
            return WorldReaction(count)
        if emoji := item.text("emoji"):
            return WorldReaction(count, emoji=emoji)
        if item.text("document_id").isdecimal():
            if document_id := item.whole("document_id", INT64):
                return WorldReaction(count, document_id=document_id)
        self._notes.add("reactions of an unknown form, left out")
        return None


def moment_of(item: Item, key: str) -> int | None:
    """A field's time in Unix seconds; None if there is none, as Telegram says with 0.

    Before 2022 an export had local times only: they are taken for UTC.
    """
    unix = f"{key}_unixtime"
    if item.has(unix):
        return item.whole(unix) or None
    if not (text := item.text(key)):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        item.notes.add(f"field {key} of an unknown form, left out")
        return None
    if moment.tzinfo is None:
        item.notes.add("local times, taken for UTC")
        moment = moment.replace(tzinfo=UTC)
    seconds = int(moment.timestamp())
    return seconds if 0 < seconds <= INT32 else None
