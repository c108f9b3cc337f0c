"""A part file gives back what was written to it, in order, and notices who else wrote there."""

import json
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgworker.adapters.archive.part import PartFile
from tgworker.core.codec import to_json

PAGES = st.lists(st.lists(st.integers(1, 60), max_size=8, unique=True), max_size=8)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "part.jsonl"


@pytest.fixture
def part(path, quick_disk):
    with closing(PartFile(path, quick_disk)) as opened:
        yield opened


@contextmanager
def found(path, disk):
    """The part that is there, as another process finds it."""
    with closing(PartFile(path, disk)) as part:
        part.recover()
        yield part


@settings(max_examples=50)
@given(pages=PAGES, reopened=st.sets(st.integers(0, 8)))
def test_messages_come_back_in_order_however_they_came(pages, reopened, make, quick_disk):
    """Late ones too, with whom they name and answer; as values, and as the bytes that they would be."""
    with TemporaryDirectory() as folder:
        part = PartFile(Path(folder) / "part.jsonl", quick_disk)
        for number, page in enumerate(pages):
            if number in reopened:
                part.close()
                part = PartFile(Path(folder) / "part.jsonl", quick_disk)
                part.recover()
            part.append(make.messages(*(id for id in page if id not in part.ids)), make.people)
        lines, messages = list(part.lines()), list(part.messages())
        part.close()

    expected = [to_json(make.message(id)) for id in sorted(set().union(*pages))]
    assert part.is_fit_for(make.chat.label)
    assert expected == lines
    assert expected == [orjson.dumps(each) for each in messages]


def test_lines_under_another_name_are_not_copied(part, make):
    part.append(make.messages(1), ())
    part.append([make.message(2, chat="@old")], ())

    assert not part.is_fit_for(make.chat.label)


@pytest.mark.parametrize("spaced", [b'{"message": ', b'{ "message":', b'{\t"message" : '])
def test_lines_in_a_form_of_others_are_read_and_not_copied(part, path, make, quick_disk, spaced):
    part.append(make.messages(3, 1, 2), make.people)
    path.write_bytes(path.read_bytes().replace(b'{"message":', spaced))

    with found(path, quick_disk) as again:
        assert not again.is_fit_for(make.chat.label)
        assert [1, 2, 3] == [message["id"] for message in again.messages()]


@pytest.mark.parametrize("change", [{"reply_to": 1.5}, {"from_id": "5"}, {"id": 2**63}])
def test_a_line_whose_ids_are_none_is_cut(part, path, make, quick_disk, change):
    part.append(make.messages(1, 2), ())
    first, second = path.read_bytes().splitlines(keepends=True)
    entry = {"message": orjson.loads(second)["message"] | change}
    path.write_bytes(first + json.dumps(entry).encode() + b"\n")

    with found(path, quick_disk) as again:
        assert [1] == list(again.ids)
    assert first == path.read_bytes()


def test_a_file_that_somebody_changed_is_noticed(part, path, make):
    part.append(make.messages(1, 2), ())
    path.write_bytes(path.read_bytes().replace("Сообщение 2".encode(), "Сообщение 3".encode()))

    with pytest.raises(ValueError, match="not as it was written"):
        list(part.lines())
