"""The account's chats, page by page: what can be read of them, and where the next page begins."""

from datetime import UTC, datetime

from telethon.tl import types

from tgworker.adapters.telegram.dialogs import dialogs_request, map_dialogs
from tgworker.core.account import Dialog, DialogPlace
from tgworker.core.model import CHANNEL_MARK, Chat, ChatType

NOON = datetime(2025, 11, 7, 12, tzinfo=UTC)
PHOTO = types.ChatPhotoEmpty()


def channel(id, title, **more):
    return types.Channel(id, title, PHOTO, NOON, access_hash=id * 10, **more)


def dialog(peer, top=1):
    return types.Dialog(peer, top, 0, 0, 0, 0, 0, 0, types.PeerNotifySettings())


def message(id, peer):
    return types.Message(id=id, peer_id=peer, date=NOON, message="x")


def page(dialogs, messages=(), chats=(), users=(), count=500):
    return types.messages.DialogsSlice(
        count, list(dialogs), list(messages), list(chats), list(users)
    )


def test_members_may_read_and_who_has_left_only_what_is_public():
    chats = [
        channel(1, "Mine", megagroup=True),
        channel(2, "Public", left=True, username="Pub_Lic", broadcast=True),
        channel(3, "Left", left=True, megagroup=True),
        types.ChannelForbidden(4, 40, "Thrown out", megagroup=True),
        types.ChatForbidden(5, "Gone"),
        types.Chat(6, "Friends", PHOTO, 3, NOON, 1),
        types.ChatEmpty(8),
    ]
    user = types.User(7, first_name="Anna", access_hash=70)
    peers = [*map(types.PeerChannel, (1, 2, 3, 4)), types.PeerChat(5), types.PeerChat(6)]
    peers += [types.PeerChat(8), types.PeerUser(7), types.PeerUser(9)]

    mapped = map_dialogs(page(map(dialog, peers), chats=chats, users=[user]))

    assert [
        (CHANNEL_MARK - 1, "supergroup", "Mine", None, True),
        (CHANNEL_MARK - 2, "channel", "Public", "pub_lic", True),
        (CHANNEL_MARK - 3, "supergroup", "Left", None, False),
        (CHANNEL_MARK - 4, "supergroup", "Thrown out", None, False),
        (-5, "group", "Gone", None, False),
        (-6, "group", "Friends", None, True),
        (7, "user", "Anna", None, True),
    ] == [
        (d.chat.id, d.chat.type, d.chat.title, d.chat.username, d.readable) for d in mapped.dialogs
    ]


def test_the_next_page_begins_behind_the_last_dialog_that_has_a_message():
    peers = [types.PeerChannel(1), types.PeerUser(7), types.PeerChat(6)]
    answer = page(
        [dialog(peers[0], 11), dialog(peers[1], 12), dialog(peers[2], 13)],
        [message(11, peers[0]), message(12, peers[1]), types.MessageEmpty(13, peers[2])],
        [channel(1, "A")],
        [types.User(7, access_hash=70)],
    )

    mapped = map_dialogs(answer)

    assert (DialogPlace(NOON, 12, 7, 70), 500) == (mapped.next, mapped.total)


def test_a_place_is_asked_for_by_its_peer():
    first = dialogs_request(None)
    peers = [
        dialogs_request(DialogPlace(NOON, 12, id, 70)).offset_peer
        for id in (7, -6, CHANNEL_MARK - 1)
    ]

    assert (types.InputPeerEmpty(), None) == (first.offset_peer, first.exclude_pinned)
    assert [
        types.InputPeerUser(7, 70),
        types.InputPeerChat(6),
        types.InputPeerChannel(1, 70),
    ] == peers


def test_the_last_page_and_one_without_messages_have_none_behind_them():
    friends = types.Chat(6, "Friends", PHOTO, 3, NOON, 1)
    dialogs = [dialog(types.PeerChat(6))]

    whole = map_dialogs(types.messages.Dialogs(dialogs, [], [friends], []))

    assert None is whole.next
    assert (Dialog(Chat(-6, ChatType.GROUP, "Friends"), True),) == whole.dialogs
    assert None is map_dialogs(page(dialogs, chats=[friends])).next


def test_a_folder_is_no_dialog():
    friends = types.Chat(6, "Friends", PHOTO, 3, NOON, 1)
    archived = types.DialogFolder(types.Folder(1, "Archive"), types.PeerChat(6), 1, 0, 0, 0, 0)

    assert () == map_dialogs(page([archived], chats=[friends])).dialogs
