"""``help.*``: what a client asks before anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from telethon.tl import types
from telethon.tl.functions import help as functions

from tgworker.simulator.rpc import HOME_DC, Caller, Handler

_DCS = range(1, 6)
"""Those that don't exist are this server, too; clients that keep a session's number must find it among them."""

_FROZEN_SECONDS = 30 * 86_400

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


def handlers(clock: Callable[[], float], *, frozen: bool = False) -> Mapping[type, Handler]:
    """Requests this module answers."""
    return {
        functions.GetConfigRequest: partial(_get_config, clock),
        functions.GetNearestDcRequest: _get_nearest_dc,
        functions.GetAppConfigRequest: partial(_get_app_config, clock() if frozen else None),
    }


def _get_app_config(frozen_since: float | None, caller: Caller, request: Any) -> Any:
    """Of the many values that Telegram tells here, only those that are about this account.

    Source: https://core.telegram.org/api/auth#frozen-accounts
    """
    if frozen_since is None:
        return types.help.AppConfig(1, types.JsonObject([]))
    values = {
        "freeze_since_date": frozen_since,
        "freeze_until_date": frozen_since + _FROZEN_SECONDS,
    }
    told = [types.JsonObjectValue(key, types.JsonNumber(value)) for key, value in values.items()]
    return types.help.AppConfig(1, types.JsonObject(told))


def _get_nearest_dc(caller: Caller, request: Any) -> Any:
    return types.NearestDc("DE", caller.data_center.id, HOME_DC)


def _get_config(clock: Callable[[], float], caller: Caller, request: Any) -> Any:
    """With addresses of this server for every data centre, so that a client never strays to the real ones."""
    host, own_port = caller.server
    place = caller.data_center
    ports = {dc: place.ports.get(dc, own_port) for dc in _DCS}
    now = datetime.fromtimestamp(clock(), UTC)
    return types.Config(
        date=now,
        expires=now + timedelta(hours=1),
        test_mode=False,
        this_dc=place.id,
        dc_options=[
            types.DcOption(dc, host, port, ipv6=":" in host or None, static=True)
            for dc, port in ports.items()
        ],
        dc_txt_domain_name="localhost",
        me_url_prefix="https://t.me/",
        webfile_dc_id=HOME_DC,
        **_LIMITS,
    )
