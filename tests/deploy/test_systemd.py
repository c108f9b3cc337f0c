"""The units: what systemd says of them, and the rules that hold even where there is no systemd to ask."""

import re
import shlex
import subprocess
from pathlib import Path

import attrs
import pytest

from tgworker.errors import ExitCode
from tgworker.settings import Settings
from tgworker.telemetry.pulse import BEAT_SECONDS

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy" / "systemd"
SERVICES = ["tgworker.service", "tgworker@.service", "tgworker-fetch.service"]
WORKERS = SERVICES[:2]
ONESHOT = SERVICES[2]
MOST_EXPOSED = 15
"""In tenths, as `systemd-analyze security --threshold` counts."""

DEFAULTS = {field.metadata["key"]: field.default for field in attrs.fields(Settings)}
SECRETS = {f.metadata["key"] for f in attrs.fields(Settings) if f.metadata["secret"]}

NO_MORE_THAN_NEEDED = {
    "DynamicUser": "yes",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "PrivateUsers": "yes",
    "MemoryDenyWriteExecute": "yes",
    "RestrictNamespaces": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "SystemCallFilter": "~@privileged @resources",
}


def lines_of(name):
    """(section, key, value) of each line; a key may come several times."""
    section = None
    for line in (UNITS / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            yield section, key, value


def values_of(name, key):
    return [value for _, found, value in lines_of(name) if found == key]


def value_of(name, key):
    """What holds in the end: the last one."""
    return values_of(name, key)[-1]


def test_these_are_all_the_units():
    assert {*SERVICES, "tgworker-fetch.timer"} == {path.name for path in UNITS.iterdir()}


def test_systemd_finds_nothing_wrong_with_the_units(program, tmp_path):
    """Installed into a folder of the test, where there is a program to start."""
    stub = tmp_path / "bin" / "tgworker"
    stub.parent.mkdir()
    stub.touch(mode=0o755)
    for path in UNITS.iterdir():
        text = path.read_text(encoding="utf-8").replace("/opt/tgworker/bin", str(stub.parent))
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    names = sorted(str(path) for path in tmp_path.glob("tgworker*"))

    done = subprocess.run(
        [program("systemd-analyze", "systemd"), "verify", "--man=no", *names],
        capture_output=True,
        text=True,
    )

    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize("name", SERVICES)
def test_systemd_calls_a_service_little_exposed(program, name):
    done = subprocess.run(
        [
            *(program("systemd-analyze", "systemd"), "security", "--no-pager", "--offline=true"),
            *(f"--threshold={MOST_EXPOSED}", UNITS / name),
        ],
        capture_output=True,
        text=True,
    )

    assert 0 == done.returncode, done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_no_more_than_it_needs(name):
    found = {key: value_of(name, key) for key in NO_MORE_THAN_NEEDED}

    assert NO_MORE_THAN_NEEDED == found
    assert "root" != value_of(name, "User")
    assert [] == values_of(name, "ReadWritePaths")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_sees_what_the_metrics_of_its_process_are_read_from(name):
    """Other processes stay hidden; but when the host started stands in /proc/stat, which ProcSubset=pid hides."""
    assert [] == values_of(name, "ProcSubset")
    assert "invisible" == value_of(name, "ProtectProc")


def test_all_services_live_in_the_same_sandbox():
    """As one user with one folder, so that a worker finds what another one has archived."""

    def sandbox(name):
        lines = list(lines_of(name))
        first = lines.index(("Service", "DynamicUser", "yes"))
        return [line for line in lines[first:] if line[0] == "Service"]

    assert sandbox(WORKERS[0]) == sandbox(WORKERS[1]) == sandbox(ONESHOT)


@pytest.mark.parametrize("name", SERVICES)
def test_a_failure_that_no_restart_mends_is_not_restarted(name):
    never = {int(code) for code in value_of(name, "RestartPreventExitStatus").split()}

    assert {ExitCode.BAD_SETTINGS, ExitCode.ACCOUNT_UNUSABLE} == never
    assert "on-failure" == value_of(name, "Restart")


def test_a_night_of_failures_takes_no_start_from_the_next_one():
    """Starts are counted from the first one on; that of the next night may come a little sooner than a day later."""
    hours = float(value_of(ONESHOT, "StartLimitIntervalSec").removesuffix("h"))
    minutes = float(value_of(ONESHOT, "RestartSec").removesuffix("min"))
    rests = int(value_of(ONESHOT, "StartLimitBurst")) * minutes / 60

    assert 60 >= float(value_of("tgworker-fetch.timer", "RandomizedDelaySec"))
    # Time for the runs themselves, too; and a night that is made up for in the morning comes closer to the next one.
    assert 2 * rests <= hours <= 12


@pytest.mark.parametrize("name", SERVICES)
def test_a_secret_comes_as_a_credential_and_never_by_the_environment(name):
    credentials = dict(value.split(":", 1) for value in values_of(name, "LoadCredential"))

    needless = set() if name in WORKERS else {"REDIS_URL", "REDIS_PASSWORD", "NOTIFY_WEBHOOK_URL"}
    assert (SECRETS | {"REDIS_PASSWORD"}) - needless == set(credentials)
    for key, source in credentials.items():
        # A bare name, which is looked for in the credential stores: an absolute path would have to be there.
        assert source.startswith("tgworker.") and source.endswith(f".{key}")
    assert not any(key in line for line in values_of(name, "Environment") for key in SECRETS)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_sets_only_settings_that_exist(name):
    words = " ".join(values_of(name, "Environment")).split()

    assert set() == {word.partition("=")[0] for word in words} - set(DEFAULTS)
    assert "/etc/tgworker/tgworker.env" == values_of(name, "EnvironmentFile")[0]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_gets_more_time_to_stop_than_it_gives_itself(name):
    assert float(value_of(name, "TimeoutStopSec")) > DEFAULTS["SHUTDOWN_TIMEOUT_SECONDS"]
    assert "SIGTERM" == value_of(name, "KillSignal")


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_tells_systemd_itself_when_it_is_ready_and_that_it_lives(name):
    assert ("notify", "main") == (value_of(name, "Type"), value_of(name, "NotifyAccess"))
    assert value_of(name, "ExecStart").endswith("/tgworker run")
    for patience in ("WatchdogSec", "TimeoutStartSec"):
        assert 3 * BEAT_SECONDS < float(value_of(name, patience)) <= 60


def test_a_worker_of_many_has_a_name_a_session_and_secrets_of_its_own():
    _, own_environment = values_of("tgworker@.service", "EnvironmentFile")

    assert "/etc/tgworker/%i.env" == own_environment
    assert "WORKER_ID=%H-%i" in value_of("tgworker@.service", "Environment")
    assert "TELEGRAM_SESSION=sessions/%i.session" in value_of("tgworker@.service", "Environment")
    assert "TELEGRAM_API_HASH:tgworker.%i.TELEGRAM_API_HASH" in values_of(
        "tgworker@.service", "LoadCredential"
    )


def test_the_daily_run_starts_at_one_and_is_made_up_for():
    timer = "tgworker-fetch.timer"

    assert "oneshot" == value_of(ONESHOT, "Type")
    assert value_of(ONESHOT, "ExecStart").endswith("/tgworker fetch --json")
    assert "*-*-* 01:00:00 UTC" == value_of(timer, "OnCalendar")
    assert "true" == value_of(timer, "Persistent")
    assert 0 < float(value_of(timer, "RandomizedDelaySec")) <= 300


@pytest.mark.parametrize("name", SERVICES)
def test_how_a_worker_is_can_be_read_from_outside_of_its_sandbox(name):
    """Its own /tmp is nobody else's. The folder goes with the unit, so that each needs one of its own."""
    words = " ".join(values_of(name, "Environment")).split()

    assert ["%N"] == values_of(name, "RuntimeDirectory")
    assert ["0750"] == values_of(name, "RuntimeDirectoryMode")
    assert "HEALTH_FILE=%t/%N/health.json" in words


def test_the_page_lets_the_doctor_ask_the_worker_of_the_unit():
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    call = re.search(r"^cd /var/lib/tgworker && (?:.*\\\n)*.* doctor$", page, re.MULTILINE)
    (file,) = (w for w in values_of(WORKERS[0], "Environment")[0].split() if "HEALTH_FILE" in w)

    assert file.replace("%t", "/run").replace("%N", "tgworker") in shlex.split(call[0])


@pytest.mark.parametrize("name", WORKERS)
def test_the_page_signs_in_with_what_the_unit_runs_with(name):
    """As its user, in its folder, with the session, the settings and the secret that the worker will have."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    calls = re.findall(r"^systemd-run (?:.*\\\n)+.* login$", page, re.MULTILINE)
    words = shlex.split(calls[WORKERS.index(name)])
    given = {word for flag, word in zip(words, words[1:], strict=False) if flag == "-p"}
    keys = ("DynamicUser", "User", "StateDirectory", "WorkingDirectory", "EnvironmentFile")
    needed = {f"{key}={value}" for key in keys for value in values_of(name, key)}
    needed |= {
        f"Environment={word}"
        for line in values_of(name, "Environment")
        for word in line.split()
        if word.startswith("TELEGRAM_SESSION=")
    }
    needed |= {
        f"LoadCredential={value}"
        for value in values_of(name, "LoadCredential")
        if value.startswith("TELEGRAM_API_HASH:")
    }

    assert {word.replace("%i", "alice") for word in needed} == given
