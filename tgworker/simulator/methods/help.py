"""``help.*``: what a client asks before anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from telethon.tl import types
from telethon.tl.functions import help as functions

from tgworker.simulator.rpc import Caller, Handler

THIS_DC = 2
"""Every data centre is this server; clients that keep a session's number must find it among them."""
_DCS = range(1, 6)

_LIMITS = {
    "chat_size_max": 200,
    "megagroup_size_max": 200_000,
    "forwarded_count_max": 100,
    "online_update_period_ms": 210_000,
    "offline_blur_timeout_ms": 5_000,
    "offline_idle_timeout_ms": 30_000,
    "online_cloud_timeout_ms": 300_000,
    "notify_cloud_delay_ms": 30_000,
    "notify_default_delay_ms": 1_500,
    "push_chat_period_ms": 60_000,
    "push_chat_limit": 2,
    "edit_time_limit": 172_800,
    "revoke_time_limit": 2_147_483_647,
    "revoke_pm_time_limit": 2_147_483_647,
    "rating_e_decay": 2_419_200,
    "stickers_recent_limit": 200,
    "channels_read_media_period": 604_800,
    "call_receive_timeout_ms": 20_000,
    "call_ring_timeout_ms": 90_000,
    "call_connect_timeout_ms": 30_000,
    "call_packet_timeout_ms": 10_000,
    "caption_length_max": 1_024,
    "message_length_max": 4_096,
}
"""As Telegram says them."""


def handlers(clock: Callable[[], float]) -> Mapping[type, Handler]:
    """Requests this module answers."""
    return {
        functions.GetConfigRequest: partial(_get_config, clock),
        functions.GetNearestDcRequest: lambda caller, request: types.NearestDc(
            "DE", THIS_DC, THIS_DC
        ),
        functions.GetAppConfigRequest: lambda caller, request: types.help.AppConfig(
            1, types.JsonObject([])
        ),
    }


def _get_config(clock: Callable[[], float], caller: Caller, request: Any) -> Any:
    """With this server's own address for every data centre, so that a client never strays to the real ones."""
    host, port = caller.server
    now = datetime.fromtimestamp(clock(), UTC)
    return types.Config(
        date=now,
        expires=now + timedelta(hours=1),
        test_mode=False,
        this_dc=THIS_DC,
        dc_options=[
            types.DcOption(dc, host, port, ipv6=":" in host or None, static=True) for dc in _DCS
        ],
        dc_txt_domain_name="localhost",
        me_url_prefix="https://t.me/",
        webfile_dc_id=THIS_DC,
        **_LIMITS,
    )
