"""Signing in by a token that another client of the account accepts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import define
from telethon.extensions import BinaryReader
from telethon.tl import types
from telethon.tl.functions import auth

from tgworker.simulator.methods import make_methods
from tgworker.simulator.rpc import Caller, DataCenter, Methods, RpcFault, encode_answer
from tgworker.simulator.world import World

EXPORT = auth.ExportLoginTokenRequest(1, "hash", [])


@define
class House:
    """The methods, with a clock of its own; everybody who asks has a key."""

    methods: Methods
    account_id: int
    now: list[float]

    def ask(self, caller: Caller, request: Any) -> Any:
        answer = encode_answer(self.methods.dispatch(caller, request))
        return request.read_result(BinaryReader(answer))

    def refused(self, caller: Caller, request: Any) -> str:
        with pytest.raises(RpcFault) as caught:
            self.ask(caller, request)
        return caught.value.message


@pytest.fixture
def open_house(make_world: Callable[..., World]) -> Callable[..., House]:
    def make(**account: Any) -> House:
        now = [1000.0]
        world = make_world("channel", account=account)
        return House(make_methods(world, clock=lambda: now[0]), world.account.id, now)

    return make


@pytest.fixture
def guest() -> Caller:
    return Caller(auth_key_id=77)


@pytest.fixture
def phone() -> Caller:
    return Caller(auth_key_id=78, user_id=5_000_000_001)


def test_who_shows_an_accepted_token_is_told_and_let_in(
    open_house: Callable[..., House], guest: Caller, phone: Caller
) -> None:
    house, told = open_house(), []
    guest.listeners.add(told.append)
    shown = house.ask(guest, EXPORT)
    other = house.ask(guest, EXPORT)

    house.ask(phone, auth.AcceptLoginTokenRequest(shown.token))
    success = house.ask(guest, EXPORT)

    assert shown.token != other.token
    assert 1030 == shown.expires.timestamp()
    assert [types.UpdateLoginToken()] == [update.update for update in told]
    assert house.account_id == success.authorization.user.id == guest.user_id


def test_a_token_counts_once_for_its_time_and_for_who_is_signed_in(
    open_house: Callable[..., House], guest: Caller, phone: Caller
) -> None:
    house = open_house(token_seconds=30)
    accept = auth.AcceptLoginTokenRequest(house.ask(guest, EXPORT).token)

    assert "AUTH_KEY_UNREGISTERED" == house.refused(guest, accept)
    unknown = auth.AcceptLoginTokenRequest(b"none")
    assert "AUTH_TOKEN_INVALID" == house.refused(phone, unknown)
    not_yet = auth.ImportLoginTokenRequest(accept.token)
    assert "AUTH_TOKEN_INVALID" == house.refused(guest, not_yet)
    house.ask(phone, accept)
    assert "AUTH_TOKEN_ALREADY_ACCEPTED" == house.refused(phone, accept)
    late = auth.AcceptLoginTokenRequest(house.ask(Caller(79), EXPORT).token)
    house.now[0] += 31
    assert "AUTH_TOKEN_EXPIRED" == house.refused(phone, late)


def test_the_second_password_is_still_owed(
    open_house: Callable[..., House], guest: Caller, phone: Caller
) -> None:
    house = open_house(password="right")
    house.ask(phone, auth.AcceptLoginTokenRequest(house.ask(guest, EXPORT).token))

    assert "SESSION_PASSWORD_NEEDED" == house.refused(guest, EXPORT)
    assert guest.user_id is None


def test_a_token_is_taken_along_to_where_the_account_lives(
    open_house: Callable[..., House], guest: Caller, phone: Caller
) -> None:
    house = open_house(dc=4)
    house.ask(phone, auth.AcceptLoginTokenRequest(house.ask(guest, EXPORT).token))

    moved = house.ask(guest, EXPORT)
    there = Caller(80, data_center=DataCenter(4))
    success = house.ask(there, auth.ImportLoginTokenRequest(moved.token))

    assert (4, None) == (moved.dc_id, guest.user_id)
    assert house.account_id == success.authorization.user.id == there.user_id
