"""Another server than Telegram is named by its address and proves itself by its key."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from telethon import TelegramClient
from telethon.sessions import MemorySession
from trio_asyncio import aio_as_trio

from tgworker.adapters.telegram.server import Address, parse_address, trust_server_key
from tgworker.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:443", Address("localhost", 443)),
        ("127.0.0.1:9000", Address("127.0.0.1", 9000)),
        ("[::1]:443", Address("::1", 443)),
    ],
)
def test_an_address_is_a_host_and_a_port(text, address):
    assert address == parse_address(text)


@pytest.mark.parametrize("form", [PublicFormat.PKCS1, PublicFormat.SubjectPublicKeyInfo])
async def test_a_server_is_believed_once_its_key_is_trusted_in_either_form_of_pem(
    form, simulator, loop, tmp_path
):
    key = load_pem_public_key(simulator.public_key_pem.encode())
    path = tmp_path / "server.pem"
    path.write_bytes(key.public_bytes(Encoding.PEM, form))
    session = MemorySession()
    session.set_dc(2, *simulator.address)
    client = TelegramClient(session, 1, "hash", connection_retries=0, retry_delay=0)

    with pytest.raises(ConnectionError):
        await aio_as_trio(client.connect)()
    trust_server_key(path)
    await aio_as_trio(client.connect)()

    assert client.is_connected()
    await aio_as_trio(client.disconnect)()


def test_a_file_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "nothing.pem"

    with pytest.raises(SettingsError, match=f"TELEGRAM_SERVER_KEY cannot be read: {path}"):
        trust_server_key(path)


def test_a_file_without_a_key_is_named(tmp_path):
    path = tmp_path / "server.pem"
    path.write_text("-----BEGIN RSA PUBLIC KEY-----\nhello\n-----END RSA PUBLIC KEY-----\n")

    with pytest.raises(SettingsError, match=f"holds no key as PEM: {path}"):
        trust_server_key(path)


def test_a_key_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "server.pem"
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    path.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    with pytest.raises(SettingsError, match="holds no RSA key"):
        trust_server_key(path)
