"""Settings: where they come from, what is wrong with them, and that no secret shows."""

import os
import traceback
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.model import ArtifactFormat, Strategy
from tgworker.errors import SettingsError
from tgworker.settings import (
    EventContract,
    LogFormat,
    MetricsMode,
    Secret,
    Settings,
    example_env,
    load_settings,
)

ROOT = Path(__file__).parents[1]
KEYS = [field.metadata["key"] for field in attrs.fields(Settings)]
SECRETS = [f.metadata["key"] for f in attrs.fields(Settings) if f.metadata["secret"]]
PASSWORD = "hunter2-verysecret"
FORMS = {
    "REDIS_URL": f"redis://:{PASSWORD}@localhost",
    "NOTIFY_WEBHOOK_URL": f"https://hooks.example/{PASSWORD}",
    "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Basic%20{PASSWORD}",
}
"""How a secret must look, if not any text will do."""


def problems(environ, **more):
    with pytest.raises(SettingsError) as caught:
        load_settings(environ, **more)
    return caught.value.problems


def test_everything_has_the_default_of_the_contract():
    settings = load_settings({})

    assert settings.telegram_api_id is None
    assert Path("sessions/tgworker.session") == settings.telegram_session
    assert "redis://localhost:6379/0" == settings.redis_url.reveal()
    assert ("tg_commands", "tg_events", 10_000) == (
        settings.command_queue,
        settings.event_channel,
        settings.event_log_maxlen,
    )
    assert EventContract.BOTH is settings.event_contract
    assert (60, 3, 2) == (
        settings.lease_seconds,
        settings.max_deliveries,
        settings.fetch_concurrency,
    )
    assert (5, 120, 0.5, 10) == (
        settings.retry_max_attempts,
        settings.retry_max_elapsed_seconds,
        settings.backoff_base_seconds,
        settings.backoff_max_seconds,
    )
    assert (Path("data"), ArtifactFormat.JSON, "1.0.0") == (
        settings.data_dir,
        settings.artifact_format,
        settings.schema_version,
    )
    assert (MetricsMode.SCRAPE, "127.0.0.1", 9108) == (
        settings.metrics_mode,
        settings.http_host,
        settings.http_port,
    )


def test_values_are_parsed_and_choices_are_taken_in_any_case():
    settings = load_settings(
        {
            "TELEGRAM_API_ID": "12345",
            "LOG_LEVEL": "debug",
            "LOG_FORMAT": "Console",
            "FETCH_STRATEGY": "PER_DAY",
            "FETCH_CHATS": "@ru_python, t.me/c/123  golang",
            "REQUESTS_PER_SECOND": "0.25",
            "DATA_DIR": "/srv/archive",
            "TELEGRAM_SERVER": "127.0.0.1:4430",
        }
    )

    assert 12345 == settings.telegram_api_id
    assert ("DEBUG", LogFormat.CONSOLE) == (settings.log_level, settings.log_format)
    assert Strategy.PER_DAY is settings.fetch_strategy
    assert ("@ru_python", "t.me/c/123", "golang") == settings.fetch_chats
    assert 0.25 == settings.requests_per_second
    assert Path("/srv/archive") == settings.data_dir
    assert "127.0.0.1:4430" == settings.telegram_server


def test_the_command_line_goes_before_the_environment_and_that_before_the_file(tmp_path):
    file = tmp_path / ".env"
    file.write_text("COMMAND_QUEUE=file\nEVENT_CHANNEL=file\nDATA_DIR=file\n")

    settings = load_settings(
        {"COMMAND_QUEUE": "environment", "EVENT_CHANNEL": "environment"},
        dotenv=file,
        overrides={"COMMAND_QUEUE": "option"},
    )

    assert ("option", "environment", Path("file")) == (
        settings.command_queue,
        settings.event_channel,
        settings.data_dir,
    )


def test_an_empty_value_means_unset_even_where_the_file_has_one(tmp_path):
    file = tmp_path / ".env"
    file.write_text("COMMAND_QUEUE=file\nLEASE_SECONDS=\nMAX_DELIVERIES\n")

    settings = load_settings({"COMMAND_QUEUE": ""}, dotenv=file)

    assert ("tg_commands", 60, 3) == (
        settings.command_queue,
        settings.lease_seconds,
        settings.max_deliveries,
    )


def test_a_missing_file_is_no_problem(tmp_path):
    assert load_settings({}, dotenv=tmp_path / ".env") == load_settings({})


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin1").write_bytes(b"COMMAND_QUEUE=\xe4")

    assert "Is a directory" in problems({}, dotenv=tmp_path / "folder")[0]
    assert "not UTF-8" in problems({}, dotenv=tmp_path / "latin1")[0]


def test_a_dollar_sign_in_the_file_is_what_it_is(tmp_path):
    file = tmp_path / ".env"
    file.write_text("TELEGRAM_PASSWORD=a${HOME}b\n")

    assert Secret("a${HOME}b") == load_settings({}, dotenv=file).telegram_password


@pytest.mark.parametrize(
    ("alias", "text", "name", "value"),
    [
        ("HOSTNAME", "fetcher-1", "worker_id", "fetcher-1"),
        ("PARALLELISM_MAX", "3", "fetch_concurrency", 3),
        ("MAX_RETRIES", "7", "retry_max_attempts", 7),
        ("MIN_RETRY_WAIT", "1", "backoff_base_seconds", 1.0),
        ("MAX_RETRY_WAIT", "60", "backoff_max_seconds", 60.0),
    ],
)
def test_older_names_are_understood(alias, text, name, value):
    assert value == getattr(load_settings({alias: text}), name)


def test_a_name_goes_before_its_alias_and_a_bad_alias_is_named_itself():
    assert "one" == load_settings({"WORKER_ID": "one", "HOSTNAME": "two"}).worker_id
    assert ("MAX_RETRIES must be a whole number of at least 1 (it is 'x')",) == problems(
        {"MAX_RETRIES": "x"}
    )


def test_a_worker_is_named_after_its_host_if_nobody_names_it():
    assert os.uname().nodename == load_settings({}).worker_id


@pytest.mark.parametrize(
    ("environ", "mode"),
    [
        ({}, MetricsMode.SCRAPE),
        ({"ENVIRONMENT": "production"}, MetricsMode.BOTH),
        ({"ENVIRONMENT": "production", "METRICS_MODE": "off"}, MetricsMode.OFF),
    ],
)
def test_production_scrapes_and_pushes(environ, mode):
    assert mode is load_settings(environ).metrics_mode


@pytest.mark.parametrize("key", SECRETS)
def test_a_secret_may_lie_in_a_file(key, tmp_path):
    value = FORMS.get(key, PASSWORD)
    file = tmp_path / "named"
    file.write_text(f"{value}\n")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / key).write_text(value)
    name = key.lower()

    named = load_settings({f"{key}_FILE": str(file)})
    from_systemd = load_settings({"CREDENTIALS_DIRECTORY": str(credentials)})

    assert Secret(value) == getattr(named, name) == getattr(from_systemd, name)


def test_a_secret_itself_goes_before_its_file_and_that_before_systemd(tmp_path):
    for name in ("file", "TELEGRAM_PHONE"):
        (tmp_path / name).write_text(f"from {name}")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    assert Secret("from TELEGRAM_PHONE") == load_settings(environ).telegram_phone
    environ["TELEGRAM_PHONE_FILE"] = str(tmp_path / "file")
    assert Secret("from file") == load_settings(environ).telegram_phone
    environ["TELEGRAM_PHONE"] = "itself"
    assert Secret("itself") == load_settings(environ).telegram_phone


def test_a_secrets_file_that_is_not_there_is_a_problem_and_a_credential_is_not(tmp_path):
    assert (
        f"TELEGRAM_PHONE_FILE names {tmp_path / 'gone'}, which can't be read: "
        "No such file or directory",
    ) == problems({"TELEGRAM_PHONE_FILE": str(tmp_path / "gone")})
    assert load_settings({"CREDENTIALS_DIRECTORY": str(tmp_path)}).telegram_phone is None


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"REDIS_HOST": "tg-redis"}, "redis://tg-redis:6379/0"),
        ({"REDIS_PORT": "6380", "REDIS_DB": "2"}, "redis://localhost:6380/2"),
        ({"REDIS_HOST": "::1"}, "redis://[::1]:6379/0"),
        ({"REDIS_PASSWORD": "p@ss/wörd"}, "redis://:p%40ss%2Fw%C3%B6rd@localhost:6379/0"),
        (
            {"REDIS_URL": "redis://tg-redis:6379", "REDIS_PASSWORD": "pw"},
            "redis://:pw@tg-redis:6379",
        ),
        (
            {"REDIS_URL": "rediss://user@tg-redis/1", "REDIS_PASSWORD": "pw"},
            "rediss://user:pw@tg-redis/1",
        ),
        ({"REDIS_URL": "redis://:own@tg-redis", "REDIS_PASSWORD": "pw"}, "redis://:own@tg-redis"),
        ({"REDIS_URL": "redis://one", "REDIS_HOST": "two"}, "redis://one"),
        ({"REDIS_URL": "unix:///run/redis.sock"}, "unix:///run/redis.sock"),
    ],
)
def test_redis_may_be_named_by_a_url_or_by_its_parts(environ, url):
    assert url == load_settings(environ).redis_url.reveal()


@pytest.mark.parametrize(
    ("key", "text", "right"),
    [
        ("TELEGRAM_API_ID", "abc", "must be a whole number of at least 1"),
        ("TELEGRAM_API_ID", "+-5", "must be a whole number of at least 1"),
        ("TELEGRAM_API_ID", "٥", "must be a whole number of at least 1"),
        ("TELEGRAM_API_ID", "9" * 5000, "must be a whole number of at least 1"),
        ("FETCH_CONCURRENCY", "65", "must be a whole number from 1 to 64"),
        ("LEASE_SECONDS", "14", "must be a whole number of at least 15"),
        ("HTTP_PORT", "65536", "must be a whole number from 0 to 65535"),
        ("REQUESTS_PER_SECOND", "0", "must be a number above 0"),
        ("REQUESTS_PER_SECOND", "nan", "must be a number above 0"),
        ("BACKOFF_MAX_SECONDS", "inf", "must be a number of at least 0"),
        ("BACKOFF_MAX_SECONDS", "fast", "must be a number of at least 0"),
        ("LOG_LEVEL", "loud", "must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("EVENT_CONTRACT", "v3", "must be one of both, v2, legacy"),
        ("LOKI_URL", "loki:3100", "must be a URL that begins with http:// or https://"),
        ("LOKI_URL", "http://[loki", "must be a URL"),
        ("LOKI_URL", "http://loki:99999", "must have a port from 0 to 65535"),
        ("REDIS_URL", "localhost:6379", "must be a URL that begins with redis:// or rediss://"),
        ("REDIS_URL", "redis://localhost:port", "must have a port from 0 to 65535"),
        ("REDIS_HOST", "redis://tg-redis", "must be a host name or an address"),
        ("REDIS_HOST", ":", "must be a host name or an address"),
        ("REDIS_HOST", "tg-redis:6379", "must be a host name or an address"),
        ("REDIS_PORT", "0", "must be a whole number from 1 to 65535"),
        ("REDIS_DB", "one", "must be a whole number of at least 0"),
        ("TELEGRAM_SERVER", "localhost", "must be host:port"),
        ("TELEGRAM_SERVER", "localhost:65536", "must be host:port"),
        ("NOTIFY_CHAT", "../ops", "must be @name, name"),
        ("NOTIFY_WEBHOOK_URL", "hooks.example", "must be a URL that begins with http:// or"),
        ("NOTIFY_WEBHOOK_URL", "https:///path", "must be a URL with a host"),
        ("OTEL_TRACES_SAMPLER", "some", "must be one of always_on, always_off, traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5", "must be a number of at least 0 and at most 1"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team", "must be key=value, several of them separated"),
        ("OTEL_RESOURCE_ATTRIBUTES", "=blue", "must be key=value, several of them separated"),
        ("FETCH_CHATS", "ru_python ../x", "names a chat, '../x', that must be @name, name"),
    ],
)
def test_a_bad_value_is_told_with_its_key_and_what_would_be_right(key, text, right):
    (problem,) = problems({key: text})

    assert problem.startswith(f"{key} {right}")


def test_attributes_are_read_as_opentelemetry_writes_them():
    settings = load_settings({"OTEL_RESOURCE_ATTRIBUTES": "team=blue, host.name=a%2Cb,,"})

    assert (("team", "blue"), ("host.name", "a,b")) == settings.otel_resource_attributes


def test_every_problem_is_told_at_once(tmp_path):
    found = problems(
        {
            "TELEGRAM_API_ID": "x",
            "TELEGRAM_PHONE_FILE": str(tmp_path / "gone"),
            "REDIS_PORT": "x",
            "METRICS_MODE": "x",
            "HTTP_PORT": "-1",
        }
    )

    assert [
        *("TELEGRAM_API_ID", "TELEGRAM_PHONE_FILE", "METRICS_MODE", "HTTP_PORT", "REDIS_PORT")
    ] == [problem.split()[0] for problem in found]


@pytest.mark.parametrize("key", SECRETS)
def test_a_secret_shows_in_no_repr_and_no_text(key):
    value = FORMS.get(key, PASSWORD)
    settings = load_settings({key: value})

    shown = f"{settings!r} {settings} {getattr(settings, key.lower())}"

    assert PASSWORD not in shown
    assert PASSWORD in getattr(settings, key.lower()).reveal()


@pytest.mark.parametrize(
    "key", ["LOKI_URL", "VICTORIA_LOGS_URL", "PUSHGATEWAY_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"]
)
def test_a_password_in_any_other_url_does_not_show_either(key):
    settings = load_settings({key: f"https://me:{PASSWORD}@logs.example/push"})

    assert PASSWORD not in repr(settings)
    assert "logs.example/push" in repr(settings)


@pytest.mark.parametrize(
    "environ",
    [
        {"REDIS_URL": f"http://:{PASSWORD}@localhost"},
        {"REDIS_URL": f"redis://:{PASSWORD}@localhost:port"},
        {"REDIS_URL": f"redis://:{PASSWORD}@[localhost"},
        {"REDIS_URL": f"redis://:{PASSWORD}@loc\u2100alhost"},
        {"REDIS_URL": PASSWORD},
        {"LOKI_URL": f"https://me:{PASSWORD}@loki:port"},
        {"TELEGRAM_API_HASH": PASSWORD, "HTTP_PORT": "x"},
        {"OTEL_EXPORTER_OTLP_HEADERS": PASSWORD},
        {"NOTIFY_WEBHOOK_URL": PASSWORD},
        {"NOTIFY_WEBHOOK_URL": f"https://hooks.example:port/{PASSWORD}"},
    ],
)
def test_a_secret_shows_in_no_error_and_no_traceback(environ):
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)

    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_secrets_are_equal_by_what_they_hold():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert {Secret("a")} == {Secret("a"), Secret("a")}


@given(st.dictionaries(st.sampled_from([*KEYS, "REDIS_HOST", "REDIS_PORT"]), st.text(max_size=20)))
def test_whatever_the_environment_holds_it_is_read_or_refused_with_reasons(environ):
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        assert error.problems
    else:
        assert settings.worker_id


def test_the_example_in_the_repository_is_what_the_settings_say():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert example_env() == example, "write it anew: see tgworker/settings/example.py"


def test_the_example_as_it_stands_is_the_defaults_and_so_it_is_with_every_line_in_force():
    example = ROOT / ".env.example"
    lines = example.read_text(encoding="utf-8").splitlines()
    settings = [line.removeprefix("#") for line in lines if not line.startswith(("# ", "##"))]
    in_force = dict(line.split("=", 1) for line in settings if "=" in line)

    assert load_settings({}) == load_settings({}, dotenv=example)
    assert load_settings({}) == load_settings(in_force)
    assert set(KEYS) <= set(in_force)
