"""Redis goes away in every way it can, under a real worker: no command is lost, no event, no message."""

from __future__ import annotations

import json
import re
import shutil
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import redis
from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.e2e.proxy import Proxy
from tests.e2e.stage import Process, Stage
from tests.e2e.supervisor import open_supervisor
from tgworker.adapters.redis.server import RedisServer

DAYS = [f"2025-11-{day:02}" for day in range(1, 9)]
RANGE = {"mode": "range", "from": DAYS[0], "to": DAYS[-1], "strategy": "per_day"}
PER_DAY = 30
COUNT = PER_DAY * len(DAYS)
DOCS = Path(__file__).parents[2] / "docs" / "operations.md"
PASSWORD = "s3cr3t-of-the-guest"
AWAY = "Redis does not answer"


def world(*names: str) -> dict[str, Any]:
    """Chats of eight days each."""
    chat = {"type": "channel", "from": DAYS[0], "to": DAYS[-1], "per_day": [PER_DAY]}
    return {
        "seed": 11,
        "chats": [{**chat, "username": name, "title": name} for name in names],
        "faults": [{"method": "messages.getHistory", "delay_ms": 50}],
    }


@contextmanager
def open_stage(folder: Path, *names: str, **options: str) -> Iterator[tuple[Stage, RedisServer]]:
    """A stage on a Redis of its own, which keeps what it confirmed."""
    server = RedisServer(folder, appendonly="yes", **options)
    server.start()
    stage = Stage(folder, server.url, world(*names))
    try:
        stage.open()
        yield stage, server
    finally:
        stage.close()
        server.stop()


def told(stage: Stage, command_id: str) -> list[dict[str, Any]]:
    """What the log holds of a command, repetitions left out."""
    entries = [fields[b"event"] for _, fields in stage.redis.xrange("tg_events:log")]
    events = [json.loads(entry) for entry, _ in groupby(entries)]
    return [event for event in events if event["command_id"] == command_id]


def wait_for_a_day(stage: Stage, command_id: str) -> None:
    """The command is under way."""
    for event in stage.events():
        if event["command_id"] == command_id and event["event"] == "progress":
            return


def expire_leases(stage: Stage) -> None:
    """As if the lease of a worker that is gone had ended by now."""
    for member in stage.redis.zrange("{tg_commands}:lease", 0, -1):
        stage.redis.zadd("{tg_commands}:lease", {member: 1})


@frozen
class Yard:
    """A worker that reaches its Redis through a wire."""

    stage: Stage
    server: RedisServer
    wire: Proxy
    worker: Process

    @contextmanager
    def noticed(self) -> Iterator[None]:
        """Returns when the worker has seen that something is wrong."""
        count = len(self.worker.lines("redis.away"))
        yield
        self.worker.wait_line("redis.away", count + 1)


def kill_and_restart(yard: Yard) -> None:
    with yard.noticed():
        yard.server.kill()
    yard.server.start()


def cut_connections(yard: Yard) -> None:
    assert yard.stage.redis.client_kill_filter(_type="normal", skipme=True)


def pause(yard: Yard) -> None:
    yard.stage.redis.client_pause(1500)


def go_dead(yard: Yard) -> None:
    yard.wire.swallow()


def become_a_replica(yard: Yard) -> None:
    with yard.noticed():
        yard.stage.redis.replicaof("127.0.0.1", "1")
    yard.stage.redis.replicaof("NO", "ONE")


def run_out_of_memory(yard: Yard) -> None:
    with yard.noticed():
        yard.stage.redis.config_set("maxmemory", 1)
    yard.stage.redis.config_set("maxmemory", 0)


OUTAGES: dict[str, Callable[[Yard], None]] = {
    "killed": kill_and_restart,
    "cut_off": cut_connections,
    "paused": pause,
    "half_open": go_dead,
    "read_only": become_a_replica,
    "no_memory": run_out_of_memory,
}


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with open_stage(tmp_path_factory.mktemp("yard"), *OUTAGES) as (stage, server):
        wire = Proxy(server.port)
        worker = stage.worker(
            REDIS_URL=f"redis://127.0.0.1:{wire.port}/0?socket_timeout=1",
            REDIS_BLOCK_SECONDS="1",
            PROGRESS_INTERVAL_SECONDS="60",
        )
        yield Yard(stage, server, wire, worker)
        wire.close()
        assert not worker.errors()


@pytest.mark.parametrize("name", OUTAGES)
def test_a_short_outage_loses_nothing(yard: Yard, name: str) -> None:
    stage = yard.stage
    command_id = stage.push(chat=f"@{name}", **RANGE)
    wait_for_a_day(stage, command_id)

    OUTAGES[name](yard)
    end = stage.final(command_id)

    assert ("completed", COUNT) == (end["event"], end["processed"])
    assert COUNT == stage.check_against_truth(name)
    events = told(stage, command_id)
    assert ["started", *["progress"] * len(DAYS), "completed"] == [e["event"] for e in events]
    assert DAYS == [e["day"]["date"] for e in events[1:-1]]
    again = stage.fetch(chat=f"@{name}", **RANGE)
    assert ("completed", 0) == (again["event"], again["processed"])
    assert yard.worker.process.poll() is None


def test_a_wrong_password_is_told_but_not_shown(yard: Yard) -> None:
    yard.stage.redis.execute_command("ACL", "SETUSER", "guest", "reset", "on", f">{PASSWORD}")
    refused = yard.stage.run(
        "run", REDIS_URL=f"redis://guest:wr0ng-secret@127.0.0.1:{yard.server.port}/0"
    )

    assert 2 == refused.wait()
    (failure,) = refused.lines("worker.failed")
    assert "refused the user or password" in failure["error"]
    assert "wr0ng-secret" not in str(refused.lines()) + refused.stderr.read_text()


def test_a_long_outage_ends_the_worker_and_the_next_one_waits_for_redis(tmp_path: Path) -> None:
    """Until then both of them show systemd that they live, so that it leaves the end to them."""
    with (
        open_stage(tmp_path, "long_outage") as (stage, server),
        open_supervisor(tmp_path / "first", watchdog_seconds=1.5) as first,
        open_supervisor(tmp_path / "second", watchdog_seconds=1.5) as second,
    ):
        worker = stage.worker(REDIS_MAX_OUTAGE_SECONDS="4", **first.environ)
        command_id = stage.push(chat="@long_outage", **RANGE)
        wait_for_a_day(stage, command_id)

        server.kill()
        first.follow(lambda: AWAY == first.status)
        pings = first.pings
        first.follow(lambda: first.pings > pings + 2)
        assert AWAY == first.status
        assert 4 == worker.wait()
        assert worker.lines("redis.given_up")
        assert not worker.stderr.read_text().count("Traceback")

        worker = stage.run("run", **second.environ)
        assert "can't be reached" in worker.wait_line("redis.away")["error"]
        second.follow(lambda: second.pings > 2)
        assert (False, AWAY) == (second.ready, second.status)
        assert "EXTEND_TIMEOUT_USEC=1500000" in second.heard
        server.start()
        expire_leases(stage)
        worker.wait_line("worker.ready")
        assert "completed" == stage.final(command_id)["event"]
        assert COUNT == stage.check_against_truth("long_outage")
        assert not worker.errors()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A key, and a certificate for this machine that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "key.pem", folder / "cert.pem"


def test_a_user_of_few_rights_over_tls_will_do(tmp_path: Path) -> None:
    """The rights are those that the docs name."""
    (rule,) = re.findall(r"^ACL SETUSER (.+)$", DOCS.read_text(), re.MULTILINE)
    user, *rights = rule.replace("PASSWORD", PASSWORD).split()
    key, certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with open_stage(tmp_path, "few_rights") as (stage, server):
        stage.redis.execute_command("ACL", "SETUSER", user, *rights)
        wire = Proxy(server.port, context)
        place = f"{user}:{PASSWORD}@127.0.0.1:{wire.port}/0"

        stranger = stage.run("run", REDIS_URL=f"rediss://{place}", REDIS_MAX_OUTAGE_SECONDS="0")
        assert 4 == stranger.wait()
        assert "certificate" in stranger.lines("worker.failed")[0]["error"].lower()

        with redis.Redis(port=server.port, username=user, password=PASSWORD) as guest:
            for forbidden in (guest.flushall, guest.config_get, guest.keys):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    forbidden()
            with pytest.raises(redis.exceptions.NoPermissionError):
                guest.get("of_somebody_else")

        worker = stage.worker(REDIS_URL=f"rediss://{place}?ssl_ca_certs={certificate}")
        end = stage.fetch(chat="@few_rights", **RANGE)
        worker.signal(15)
        assert 0 == worker.wait()
        wire.close()

        assert ("completed", COUNT) == (end["event"], end["processed"])
        assert not worker.errors()


def test_two_workers_share_the_work_and_never_a_chat(tmp_path: Path) -> None:
    """As on two hosts: each has a data folder and an account's session of its own, so only Redis is between them."""
    names = [f"shared_{n}" for n in range(8)]
    day = {"mode": "date", "date": DAYS[0]}
    with open_stage(tmp_path, *names) as (stage, _):
        session = tmp_path / "second.session"
        shutil.copy(stage.env["TELEGRAM_SESSION"], session)
        workers = [
            stage.worker(FETCH_CONCURRENCY="1"),
            stage.worker(
                FETCH_CONCURRENCY="1",
                WORKER_ID="fetcher-2",
                DATA_DIR=str(tmp_path / "elsewhere"),
                TELEGRAM_SESSION=str(session),
            ),
        ]
        ids = [stage.push(chat=f"@{name}", **day) for name in names]
        ends = [stage.final(command_id) for command_id in ids]

        assert {"completed"} == {end["event"] for end in ends}
        assert min(Counter(end["worker_id"] for end in ends).values()) >= 3

        force = {"options": {"force": True}, **RANGE}
        pair = [stage.push(chat=chat, **force) for chat in ("@shared_0", "https://t.me/shared_0")]
        both = [stage.final(command_id) for command_id in pair]
        assert ["completed"] * 2 == [end["event"] for end in both]
        waits = [e for c in pair for e in told(stage, c) if e["status"] == "waiting"]
        assert waits and {"chat_busy"} == {e["error_type"] for e in waits}
        assert not [error for worker in workers for error in worker.errors()]
        assert not stage.redis.keys("{tg_commands}:chat:*")
