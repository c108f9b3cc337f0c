"""What is read quickly is what Telethon reads: the same objects, and the same refusal of what is none."""

import struct

import pytest
from telethon.errors import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.tl import functions, types

from tests.adapters.telegram.test_mapping_properties import ACTIONS, ANSWERS, MEDIA, draw
from tgworker.adapters.telegram.reading import QuickReader, QuietRequest

DRAWS = 300


def both(data):
    """What is in it, read quickly, and as Telethon reads."""
    quick, slow = QuickReader(data), BinaryReader(data)
    found = quick.tgread_object(), slow.tgread_object()
    assert slow.tell_position() == quick.tell_position()
    return found


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (types.Message, {"media": MEDIA}),
        (types.MessageService, {"action": ACTIONS}),
        *((kind, {}) for kind in ANSWERS),
    ],
)
def test_nothing_of_an_answer_is_lost(kind, given):
    """What was read is written again by Telethon, and has to be what was there."""
    read = 0
    for seed in range(0, 2 * DRAWS, 2):
        chosen = {name: kinds[seed // 2 % len(kinds)] for name, kinds in given.items()}
        try:
            raw = bytes(draw(kind, seed, **chosen))
        except (AssertionError, struct.error):
            continue  # fields that go together do not, or a number is too big for its place
        quick, _ = both(raw)

        assert raw == bytes(quick), f"seed {seed}"
        read += 1
    assert read > DRAWS / 20


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 252, 253, 254, 255, 256, 65537])
def test_texts_of_any_length(length):
    raw = types.PeerUser(5), types.TextWithEntities("я" * (length // 2) + "x" * (length % 2), [])
    quick, _ = both(bytes(raw[1]))
    reader = QuickReader(bytes(raw[1]) + bytes(raw[0]))
    reader.tgread_object()

    assert raw[1].text == quick.text
    assert raw[0] == reader.tgread_object()


def test_bytes_that_are_no_text_are_replaced():
    raw = bytes(types.TextWithEntities("abc", [])).replace(b"abc", b"a\xffc")

    quick, slow = both(raw)

    assert slow.text == quick.text == "a\ufffdc"


@pytest.mark.parametrize("data", [b"\x15\xc4\xb5\x1c" + b"\0" * 4, b"\xb5\x75\x72\x99"])
def test_what_is_no_object_is_read_too(data):
    quick, slow = both(data)

    assert slow == quick


def test_a_constructor_that_nobody_knows_is_named():
    with pytest.raises(TypeNotFoundError):
        QuickReader(b"\x01\x02\x03\x04").tgread_object()


def test_an_answer_that_ends_too_early_is_refused():
    whole = bytes(types.MessageMediaVenue(types.GeoPoint(1.0, 2.0, 3), "a", "b", "c", "d", "e"))
    for end in range(len(whole)):
        with pytest.raises((BufferError, struct.error)):
            QuickReader(whole[:end]).tgread_object()


def test_a_request_reads_its_answer_quickly():
    peer = types.PeerUser(5)
    request = QuietRequest(functions.help.GetConfigRequest())

    assert peer == request.read_result(BinaryReader(bytes(peer)))
