"""Of a phone number only as much is shown as its owner needs."""

import pytest

from tgworker.core.account import Account


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("4930901820", "+493•••••20"),
        ("79990000001", "+799••••••01"),
        ("493012", "+493•12"),
        ("4930", "+4930"),
        ("", None),
        (None, None),
    ],
)
def test_a_phone_number_is_partly_hidden(phone, shown):
    assert shown == Account(1, "Anna", phone=phone).hidden_phone


def test_an_account_is_called_by_name_username_and_id():
    assert "Anna B, @anna, id 7" == str(Account(7, "Anna B", "anna"))
    assert "id 7" == str(Account(7, ""))
