"""The compose files: by their schema, what they lock down, and what they mount, name and promise to each other."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import pytest
import redis
import yaml
from redis.backoff import ConstantBackoff, NoBackoff
from redis.retry import Retry

from tests.deploy.conftest import ROOT
from tgworker.adapters.redis.server import _find_program
from tgworker.settings import Settings

COMPOSE = ROOT / "deploy" / "compose"
DOCS = ROOT / "docs"
FILES = {file.stem: yaml.safe_load(file.read_text("utf-8")) for file in COMPOSE.glob("*.yaml")}
SERVICES = [
    pytest.param(name, service, id=f"{file}-{name}")
    for file, content in FILES.items()
    for name, service in content["services"].items()
]
OURS = [FILES["fetcher"]["services"]["fetcher"], FILES["once"]["services"]["once"]]
SETTINGS = {field.metadata["key"]: field for field in attrs.fields(Settings)}
SECRETS = {key for key, field in SETTINGS.items() if field.metadata["secret"]} | {"REDIS_PASSWORD"}

STARTING = {
    "retry": Retry(ConstantBackoff(0.02), 500),
    "retry_on_error": [redis.ConnectionError],
}
"""Waits for a server that is just starting."""

every_service = pytest.mark.parametrize("name, service", SERVICES)


def test_these_are_all_the_files():
    assert {"fetcher", "once", "victoria", "monitoring"} == set(FILES)
    for content in FILES.values():
        assert "tgworker" == content["name"]


def test_they_are_what_the_compose_specification_says():
    """By its schema, as check-jsonschema brings it."""
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [checker, "--builtin-schema", "vendor.compose-spec", *COMPOSE.glob("*.yaml")]

    done = subprocess.run(command, capture_output=True, text=True)

    assert 0 == done.returncode, done.stdout


@every_service
def test_a_service_can_do_no_more_than_it_needs(name, service):
    limits = service["deploy"]["resources"]["limits"]

    assert service["read_only"] is True
    assert ["ALL"] == service["cap_drop"]
    assert "cap_add" not in service and "privileged" not in service
    assert ["no-new-privileges:true"] == service["security_opt"]
    assert {"cpus", "memory", "pids"} == set(limits)
    assert {"max-size", "max-file"} == set(service["logging"]["options"])


@every_service
def test_an_image_is_built_here_or_pinned_by_its_version(name, service):
    if "build" in service:
        assert (ROOT, "tgworker:local") == (
            (COMPOSE / service["build"]).resolve(),
            service["image"],
        )
    else:
        assert re.search(r":v?\d+\.\d+\.\d+(-alpine)?$", service["image"])


@every_service
def test_a_service_can_be_reached_from_this_host_only_if_at_all(name, service):
    assert [] == [port for port in service.get("ports", ()) if not port.startswith("127.0.0.1:")]
    assert "tg-infrastructure" in service["networks"]
    assert "network_mode" not in service


@every_service
def test_a_service_says_how_it_is(name, service):
    """The image of the worker brings its own check, which does not fit a run that ends."""
    if name == "fetcher":
        assert "healthcheck" not in service
    elif name == "once":
        assert {"disable": True} == service["healthcheck"]
    else:
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    conditions = {need["condition"] for need in service.get("depends_on", {}).values()}
    assert conditions <= {"service_healthy"}


@every_service
def test_what_a_service_mounts_from_here_is_there_and_read_only(name, service):
    for volume in service.get("volumes", ()):
        source, target, *mode = volume.split(":")
        if source.startswith("."):
            assert (COMPOSE / source).exists(), source
            assert ["ro"] == mode
        else:
            assert any(source in content["volumes"] for content in FILES.values())


def test_the_network_between_them_has_no_way_out_and_is_the_same_in_each_file():
    networks = [content["networks"]["tg-infrastructure"] for content in FILES.values()]

    assert [{"name": "tg-infrastructure", "internal": True}] * len(FILES) == networks


def test_they_can_be_given_together():
    """compose merges what has the same name, and a merged service would be neither."""
    names = [name for content in FILES.values() for name in content["services"]]

    assert len(names) == len(set(names))


def test_secrets_are_files_that_neither_git_nor_docker_takes():
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()

    assert "secrets/" in ignored
    for content in FILES.values():
        wanted = {n for service in content["services"].values() for n in service.get("secrets", ())}
        assert {name: {"file": f"secrets/{name}"} for name in wanted} == content["secrets"]


@pytest.mark.parametrize(
    "service, needless",
    [(OURS[0], set()), (OURS[1], {"REDIS_PASSWORD", "NOTIFY_WEBHOOK_URL"})],
    ids=["fetcher", "once"],
)
def test_the_worker_is_given_settings_that_exist_and_every_secret_as_a_file(service, needless):
    """But for Redis' address, which holds none here."""
    environment = service["environment"]
    files = {k.removesuffix("_FILE"): v for k, v in environment.items() if k.endswith("_FILE")}
    plain = {key for key in environment if not key.endswith("_FILE")}

    assert set() == plain - set(SETTINGS)
    assert {"REDIS_URL"} >= plain & SECRETS
    assert SECRETS - {"REDIS_URL"} - needless == set(files)
    assert {key: f"/run/secrets/{key.lower()}" for key in files} == files
    assert [key.lower() for key in files] == service["secrets"]


def test_the_page_makes_a_file_for_each_secret():
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    block = page[page.index("mkdir -m 700 deploy/compose/secrets") :].partition("```")[0]
    wanted = {name for content in FILES.values() for name in content["secrets"]}

    assert set() == {name for name in wanted if not re.search(rf"\b{name}\b", block)}


@pytest.mark.parametrize("service", OURS, ids=["fetcher", "once"])
def test_the_worker_keeps_what_counts_and_gets_time_to_stop(service):
    assert {"data:/app/data", "sessions:/app/sessions"} == set(service["volumes"])
    assert [entry for entry in service["tmpfs"] if entry.startswith("/tmp:")]
    seconds = float(service["stop_grace_period"].removesuffix("s"))
    assert seconds > SETTINGS["SHUTDOWN_TIMEOUT_SECONDS"].default


def test_the_daily_run_is_the_one_that_needs_no_redis():
    assert ["fetch", "--json"] == FILES["once"]["services"]["once"]["command"]
    assert "no" == FILES["once"]["services"]["once"]["restart"]
    assert not any("REDIS" in key for key in OURS[1]["environment"])


@pytest.mark.parametrize("page", ["README.md", *sorted(p.name for p in DOCS.glob("*.md"))])
def test_commands_of_docker_compose_name_their_file(page):
    """There is none where it would look by itself."""
    text = (ROOT / page if page == "README.md" else DOCS / page).read_text("utf-8")
    named = re.findall(r"docker compose (?:-f (\S+) )?(?:[a-z]|$)", text)

    assert set() == set(named) - {f"deploy/compose/{file}.yaml" for file in FILES}


def test_whoever_is_asked_for_something_is_there():
    """Prometheus' targets and Grafana's sources, by the names of the services."""
    services = {name for content in FILES.values() for name in content["services"]}
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))
    groups = [job["static_configs"] for job in prometheus["scrape_configs"]]
    groups += [manager["static_configs"] for manager in prometheus["alerting"]["alertmanagers"]]
    asked = {urlsplit(f"//{t}").hostname for g in groups for config in g for t in config["targets"]}
    for file in (ROOT / "deploy/grafana/datasources").glob("*.yaml"):
        sources = yaml.safe_load(file.read_text("utf-8"))["datasources"]
        asked |= {urlsplit(source["url"]).hostname for source in sources}
    loki = yaml.safe_load((ROOT / "deploy/loki/loki.yaml").read_text("utf-8"))
    asked.add(urlsplit(loki["ruler"]["alertmanager_url"]).hostname)

    assert set() == asked - services - {"localhost"}


def test_redis_starts_as_compose_starts_it_and_lets_in_only_who_knows_the_password(tmp_path):
    """A real one, by the command of the file, with the paths of the test and a socket instead of a port."""
    shell, flag, script = FILES["fetcher"]["services"]["redis"]["command"]
    socket = f"{tmp_path}/redis.sock"
    (tmp_path / "redis_password").write_text("pa55 word\n")
    conf = (COMPOSE / "redis.conf").read_text("utf-8").replace("dir /data", f"dir {tmp_path}")
    (tmp_path / "redis.conf").write_text(f"{conf}port 0\nunixsocket {socket}\n")
    for theirs, ours in (
        *(
            ("$$", "$"),
            ("/run/secrets", str(tmp_path)),
            ("/etc/redis.conf", f"{tmp_path}/redis.conf"),
        ),
        *(("redis-server", shlex.quote(_find_program())),),
    ):
        script = script.replace(theirs, ours)

    with subprocess.Popen([shell, flag, script], stdout=subprocess.DEVNULL) as server:
        try:
            with redis.Redis(unix_socket_path=socket, password="pa55 word", **STARTING) as client:
                wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction"}
                found = {key: client.config_get(key)[key] for key in wanted}
                shown = Path(f"/proc/{server.pid}/cmdline").read_text()
            with redis.Redis(unix_socket_path=socket, retry=Retry(NoBackoff(), 0)) as stranger:
                with pytest.raises(redis.AuthenticationError):
                    stranger.get("x")
        finally:
            server.terminate()

    assert wanted == found
    assert "redis-server" in shown
    assert "pa55" not in shown
