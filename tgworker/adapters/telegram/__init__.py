"""The Gateway port, fulfilled by Telethon under trio-asyncio."""

from tgworker.adapters.telegram.gateway import TelegramGateway, open_gateway
from tgworker.adapters.telegram.server import parse_address, trust_server_key
from tgworker.adapters.telegram.session import TelegramSession
from tgworker.adapters.telegram.session_file import open_session

__all__ = [
    "TelegramGateway",
    "TelegramSession",
    "open_gateway",
    "open_session",
    "parse_address",
    "trust_server_key",
]
