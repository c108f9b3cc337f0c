"""The seam between wire and methods."""

from __future__ import annotations

import pytest
from telethon.extensions import BinaryReader
from telethon.tl import functions, types

from tgworker.simulator.rpc import (
    Caller,
    Encoded,
    Methods,
    RpcFault,
    encode_answer,
    method_name,
)

METHODS = Methods(
    {
        functions.help.GetConfigRequest: lambda caller, request: b"config",
        functions.account.GetPasswordRequest: lambda caller, request: b"password",
        functions.updates.GetStateRequest: lambda caller, request: b"state",
        functions.users.GetUsersRequest: lambda caller, request: b"users",
    },
    public=[functions.users.GetUsersRequest],
)


@pytest.mark.parametrize(
    ("expected", "request_kind"),
    [
        ("messages.getHistory", functions.messages.GetHistoryRequest),
        ("help.getConfig", functions.help.GetConfigRequest),
        ("ping", functions.PingRequest),
    ],
)
def test_methods_are_called_as_telegram_calls_them(expected: str, request_kind: type) -> None:
    assert expected == method_name(request_kind.__new__(request_kind))


def test_what_nobody_handles_is_an_invalid_method() -> None:
    with pytest.raises(RpcFault, match="400 INPUT_METHOD_INVALID"):
        METHODS.dispatch(Caller(1, user_id=7), functions.help.GetNearestDcRequest())


def test_without_a_sign_in_only_public_methods_answer() -> None:
    stranger = Caller(1)

    assert b"config" == METHODS.dispatch(stranger, functions.help.GetConfigRequest())
    assert b"password" == METHODS.dispatch(stranger, functions.account.GetPasswordRequest())
    assert b"users" == METHODS.dispatch(stranger, functions.users.GetUsersRequest([]))
    with pytest.raises(RpcFault, match="401 AUTH_KEY_UNREGISTERED"):
        METHODS.dispatch(stranger, functions.updates.GetStateRequest())


def test_a_sign_in_opens_the_others_until_the_sign_out() -> None:
    caller = Caller(1)
    caller.sign_in(7)

    assert b"state" == METHODS.dispatch(caller, functions.updates.GetStateRequest())

    caller.sign_out()
    assert caller.user_id is None


def test_answers_of_every_kind_are_serialised() -> None:
    user = types.UserEmpty(5)

    assert bytes(user) == encode_answer(user)
    assert b"as it is" == encode_answer(b"as it is")
    assert b"as it is" == encode_answer(Encoded(b"as it is"))
    assert [user, user] == BinaryReader(encode_answer([user, user])).tgread_object()
    assert [] == BinaryReader(encode_answer([])).tgread_object()
    assert [True, False] == [
        BinaryReader(encode_answer(value)).tgread_object() for value in (True, False)
    ]
