"""What folders and artifacts are called."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.layout import artifact_path, folder_name, is_folder_name, label_of_folder
from tgworker.core.model import ArtifactFormat, Chat, ChatType
from tgworker.errors import StorageError

CHATS = st.one_of(
    st.builds(Chat, st.just(5), st.sampled_from(ChatType), st.just(""), st.text(max_size=9)),
    st.builds(Chat, st.integers(1, 2**40), st.just(ChatType.USER), st.just("")),
    st.builds(Chat, st.integers(-(2**40), -1), st.just(ChatType.GROUP), st.just("")),
    st.builds(
        Chat,
        st.integers(1, 2**31).map(lambda bare: -(10**12) - bare),
        st.sampled_from([ChatType.CHANNEL, ChatType.SUPERGROUP, ChatType.FORUM]),
        st.just(""),
    ),
)


@given(CHATS)
def test_a_folder_is_one_plain_name_that_tells_the_chat(chat):
    """Or there is no folder at all."""
    try:
        name = folder_name(chat)
    except StorageError:
        assert not is_folder_name((chat.username or "").lower())
    else:
        assert not {"/", "\\", "\0"} & set(name)
        assert not name.startswith(".")
        assert chat.label.lower() == label_of_folder(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "A", "a b", "x.1", "user.", "user.x", "a\n"]
)
def test_other_names_are_no_folders(name):
    """Nothing that could lead elsewhere, or that this program would not make."""
    assert not is_folder_name(name)


def test_artifacts_lie_in_folders_by_year():
    """With four digits whatever the year."""
    assert "a/2025/discussions_2025-11-07.json" == artifact_path(
        "a", date(2025, 11, 7), ArtifactFormat.JSON
    )
    assert "a/0001/discussions_0001-01-01.jsonl" == artifact_path(
        "a", date(1, 1, 1), ArtifactFormat.JSONL
    )
