"""Signing in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from telethon.extensions import BinaryReader
from telethon.password import compute_check
from telethon.tl import types
from telethon.tl.functions import account, auth, users

from tgworker.simulator.methods import make_methods
from tgworker.simulator.rpc import Caller, DataCenter, Methods, RpcFault, encode_answer
from tgworker.simulator.world import World

PHONE = "+49 30 123"


class Client:
    """Somebody who has not signed in yet."""

    def __init__(self, methods: Methods) -> None:
        self.methods = methods
        self.caller = Caller(auth_key_id=77)

    def __call__(self, request: Any) -> Any:
        answer = encode_answer(self.methods.dispatch(self.caller, request))
        return request.read_result(BinaryReader(answer))

    def send_code(self, phone: str = PHONE) -> str:
        sent = self(auth.SendCodeRequest(phone, 1, "hash", types.CodeSettings()))
        return str(sent.phone_code_hash)

    def refused(self, request: Any) -> str:
        with pytest.raises(RpcFault) as caught:
            self(request)
        return caught.value.message


@pytest.fixture
def make_client(make_world: Callable[..., World]) -> Callable[..., Client]:
    def make(**account_fields: str) -> Client:
        world = make_world("channel", account={"phone": PHONE, "code": "54321", **account_fields})
        return Client(make_methods(world))

    return make


def test_the_code_lets_the_account_in_and_a_log_out_lets_it_out(
    make_client: Callable[..., Client],
) -> None:
    client = make_client()
    code_hash = client.send_code("4930123")

    signed_in = client(auth.SignInRequest("4930123", code_hash, "54321"))
    (me,) = client(users.GetUsersRequest([types.InputUserSelf()]))
    client(auth.LogOutRequest())

    assert signed_in.user.id == me.id
    assert client.caller.user_id is None
    assert "AUTH_KEY_UNREGISTERED" == client.refused(users.GetUsersRequest([types.InputUserSelf()]))


def test_wrong_numbers_and_codes_are_refused(make_client: Callable[..., Client]) -> None:
    client = make_client()
    code_hash = client.send_code()

    assert "PHONE_NUMBER_INVALID" == client.refused(
        auth.SendCodeRequest("1", 1, "hash", types.CodeSettings())
    )
    assert "PHONE_CODE_INVALID" == client.refused(auth.SignInRequest(PHONE, code_hash, "1"))
    assert "PHONE_CODE_EXPIRED" == client.refused(auth.SignInRequest(PHONE, "other", "54321"))
    assert client.caller.user_id is None


def test_an_account_without_a_password_says_so(make_client: Callable[..., Client]) -> None:
    assert not make_client()(account.GetPasswordRequest()).has_password


def test_the_second_password_is_proved_without_being_told(
    make_client: Callable[..., Client],
) -> None:
    client = make_client(password="пароль 🔑")
    code_hash = client.send_code()

    assert "SESSION_PASSWORD_NEEDED" == client.refused(
        auth.SignInRequest(PHONE, code_hash, "54321")
    )
    proof = compute_check(client(account.GetPasswordRequest()), "пароль 🔑")
    client(auth.CheckPasswordRequest(proof))

    assert client.caller.user_id is not None


def test_a_wrong_proof_lets_nobody_in(make_client: Callable[..., Client]) -> None:
    client = make_client(password="right")
    assert "SESSION_PASSWORD_NEEDED" == client.refused(
        auth.SignInRequest(PHONE, client.send_code(), "54321")
    )

    challenge = client(account.GetPasswordRequest())
    wrong = compute_check(challenge, "wrong")
    assert "PASSWORD_HASH_INVALID" == client.refused(auth.CheckPasswordRequest(wrong))
    assert "SRP_ID_INVALID" == client.refused(auth.CheckPasswordRequest(wrong))

    for changed in ({"srp_id": 1}, {"A": b""}):
        client(account.GetPasswordRequest())
        fields = {"srp_id": challenge.srp_id, "A": wrong.A, "M1": wrong.M1, **changed}
        forged = types.InputCheckPasswordSRP(**fields)
        assert "PASSWORD_HASH_INVALID" == client.refused(auth.CheckPasswordRequest(forged))
    assert client.caller.user_id is None


def test_the_password_alone_is_not_enough(make_client: Callable[..., Client]) -> None:
    client = make_client(password="right")
    proof = compute_check(client(account.GetPasswordRequest()), "right")

    assert "SRP_ID_INVALID" == client.refused(auth.CheckPasswordRequest(proof))


def test_only_the_last_code_counts_and_only_for_its_time(
    make_world: Callable[..., World],
) -> None:
    now = [1000.0]
    world = make_world("channel", account={"phone": PHONE, "code": "54321", "code_seconds": 60})
    client = Client(make_methods(world, clock=lambda: now[0]))
    first, second = client.send_code(), client.send_code()

    assert "PHONE_CODE_EXPIRED" == client.refused(auth.SignInRequest(PHONE, first, "54321"))
    assert "PHONE_CODE_EMPTY" == client.refused(auth.SignInRequest(PHONE, second, ""))
    now[0] += 61
    assert "PHONE_CODE_EXPIRED" == client.refused(auth.SignInRequest(PHONE, second, "54321"))
    client(auth.SignInRequest(PHONE, client.send_code(), "54321"))


def test_a_code_is_sent_again_in_other_ways_until_there_are_none(
    make_client: Callable[..., Client],
) -> None:
    client = make_client()
    by_app = client(auth.SendCodeRequest(PHONE, 1, "hash", types.CodeSettings()))
    by_sms = client(auth.ResendCodeRequest(PHONE, by_app.phone_code_hash))
    by_call = client(auth.ResendCodeRequest(PHONE, by_sms.phone_code_hash))

    assert types.auth.CodeTypeSms() == by_app.next_type
    assert (types.auth.SentCodeTypeSms(5), 60) == (by_sms.type, by_sms.timeout)
    assert (types.auth.SentCodeTypeCall(5), None) == (by_call.type, by_call.next_type)
    again = auth.ResendCodeRequest(PHONE, by_call.phone_code_hash)
    assert "SEND_CODE_UNAVAILABLE" == client.refused(again)


def test_a_program_without_a_hash_is_refused(make_client: Callable[..., Client]) -> None:
    client = make_client()

    for request in (
        auth.SendCodeRequest(PHONE, 1, "", types.CodeSettings()),
        auth.ExportLoginTokenRequest(1, "", []),
    ):
        assert "API_ID_INVALID" == client.refused(request)


def test_the_hint_comes_with_the_challenge(make_client: Callable[..., Client]) -> None:
    client = make_client(password="right", hint="as ever")

    assert "as ever" == client(account.GetPasswordRequest()).hint


def test_the_account_is_signed_in_to_where_it_lives(make_world: Callable[..., World]) -> None:
    world = make_world("channel", account={"phone": PHONE, "dc": 4})
    client = Client(make_methods(world))

    request = auth.SendCodeRequest(PHONE, 1, "hash", types.CodeSettings())
    assert "PHONE_MIGRATE_4" == client.refused(request)
    client.caller.data_center = DataCenter(4)
    assert client(request).phone_code_hash
