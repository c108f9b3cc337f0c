"""The image: what its Dockerfile promises, what goes in, and its build carried out step by step without an engine."""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib import metadata
from io import BytesIO
from pathlib import Path

import pytest
from docker.utils.build import exclude_paths
from dockerfile_parse import DockerfileParser
from packaging.markers import default_environment
from packaging.utils import canonicalize_name

import tgworker
from tests.deploy.locks import LOCK, pins

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DOCKERFILE = ROOT / "Dockerfile"


def read_stages():
    """The instructions of each stage, (name, value)."""
    found = []
    for step in DockerfileParser(fileobj=BytesIO(DOCKERFILE.read_bytes())).structure:
        if step["instruction"] == "FROM":
            found.append([])
        if step["instruction"] != "COMMENT":
            found[-1].append((step["instruction"], step["value"]))
    return found


BUILD, FINAL = read_stages()
WHOLE = "CI" in os.environ
"""Build servers set it."""


def values(stage, instruction):
    return [value for name, value in stage if name == instruction]


def test_the_linter_finds_nothing_in_the_dockerfile():
    linter = Path(sys.executable).with_name("hadolint")

    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True)

    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_what_builds_stays_behind():
    assert ["--from=build /opt/tgworker /opt/tgworker"] == values(FINAL, "COPY")
    assert [] == values(BUILD, "ADD") + values(FINAL, "ADD")
    assert not any("pip" in command or "apt" in command for command in values(FINAL, "RUN"))


def test_both_stages_have_the_same_slim_python_that_the_tests_know():
    (image,) = values(FINAL, "FROM")
    name, tag = image.split(":")
    version, flavour, *_ = tag.split("-")

    assert [f"{image} AS build"] == values(BUILD, "FROM")
    assert ("python", "slim") == (name, flavour)
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


def test_everything_is_installed_by_its_hash_or_from_what_was():
    commands = [shlex.split(c) for run in values(BUILD, "RUN") for c in run.split("&&")]
    pip = [words for words in commands if words[0] == "pip"]

    assert len(pip) > 2
    for words in pip:
        assert "--require-hashes" in words or "--no-index" in words
        # In isolation pip would fetch the build system, without hashes.
        assert "wheel" not in words or "--no-build-isolation" in words


def test_it_runs_as_nobody_in_particular_and_stops_as_the_worker_expects():
    assert ["10001:10001"] == values(FINAL, "USER")
    assert ["SIGTERM"] == values(FINAL, "STOPSIGNAL")
    assert ['["tgworker"]'] == values(FINAL, "ENTRYPOINT")
    assert ['["run"]'] == values(FINAL, "CMD")
    assert ['["/app/data", "/app/sessions"]'] == values(FINAL, "VOLUME")


def test_a_container_is_asked_how_it_is_by_the_worker_s_own_command():
    (check,) = values(FINAL, "HEALTHCHECK")

    assert check.endswith('CMD ["tgworker", "health"]')


def test_the_image_says_what_it_is():
    words = shlex.split(values(FINAL, "LABEL")[0])
    labels = dict(word.removeprefix("org.opencontainers.image.").split("=", 1) for word in words)

    assert {"title", "description", "source", "documentation", "version", "revision"} < set(labels)
    assert PROJECT["license"] == labels["licenses"]
    assert [labels["base.name"].rpartition("/")[2]] == values(FINAL, "FROM")


def copied():
    """What the Dockerfile takes from the folder it is built in."""
    sources = [source for value in values(BUILD, "COPY") for source in value.split()[:-1]]
    return [os.path.normpath(source) for source in sources]


def sent(folder):
    """What is left of a folder by .dockerignore, as docker reads it."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    return exclude_paths(str(folder), patterns, dockerfile="Dockerfile")


def test_what_the_build_takes_is_sent_to_it_and_nothing_else():
    context = sent(ROOT)

    assert {*copied(), "tgworker/app.py", "schemas/command.schema.json"} <= context
    # docker itself adds these two.
    rest = context - {"Dockerfile", ".dockerignore"}
    tops = (*copied(), *{os.path.dirname(source) for source in copied()} - {""})
    assert [] == [path for path in rest if not path.startswith(tops)]


@pytest.mark.parametrize(
    "secret",
    [
        *(".env", ".env.production", "secrets/telegram_api_hash", "sessions/a.session"),
        *("data/ru_python/chat.json", "tests/conftest.py", "deploy/compose/.env"),
        *("tgworker/.env", "tgworker/my.session", "tgworker/my.session-journal"),
        *("tgworker/server.pem", "tgworker/core/__pycache__/model.cpython-313.pyc"),
    ],
)
def test_a_secret_or_leftover_stays_out_wherever_it_lies(secret, tmp_path):
    path = tmp_path / secret
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()

    assert secret not in sent(tmp_path)


def build(root):
    """Carry out the build stage as the Dockerfile has it, with `root` for the root; what it ends with.

    Fetching and installing what is locked takes longer than all other tests of this folder, so only a build server
    does that; elsewhere the packages at hand are lent to the program.
    """
    environ = make_python(root)
    folder = root
    for instruction, value in BUILD:
        if instruction == "WORKDIR":
            folder = inside(root, value)
            folder.mkdir()
        elif instruction == "COPY":
            copy(value.split(), folder)
        elif instruction == "RUN" and (WHOLE or LOCK.name not in value):
            carry_out(value, root, folder, environ)
    program = inside(root, "/opt/tgworker")
    if not WHOLE:
        lend_packages(program)
    return program


def lend_packages(venv):
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")


def make_python(root):
    """The base image's Python and pip. Compiling is left out: it takes longer than all the rest, and shows nothing."""
    (root / "bin").mkdir()
    (root / "opt").mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / "python"], check=True)
    if not WHOLE:
        lend_packages(root / "python")
    python = root / "python" / "bin" / "python"
    (root / "bin" / "python").symlink_to(python)
    pip = root / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nexec {sys.executable} -m pip --python {python} "$@"\n')
    pip.chmod(0o755)
    return {**os.environ, "PATH": f"{root}/bin:{os.environ['PATH']}", "PIP_NO_COMPILE": "1"}


def inside(root, path):
    return root / path.removeprefix("/")


def copy(words, folder):
    *sources, target = words
    for source in sources:
        place = folder / target / Path(source).name if target.endswith("/") else folder / target
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            left_out = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, place, symlinks=True, ignore=left_out)
        else:
            shutil.copy(ROOT / source, place)


def carry_out(command, root, folder, environ):
    for path in ("/wheels", "/opt/tgworker"):
        command = command.replace(f" {path}", f" {inside(root, path)}")
    done = subprocess.run(
        ["sh", "-ec", command], cwd=folder, env=environ, capture_output=True, text=True
    )
    if done.returncode and "NewConnectionError" in done.stderr:
        pytest.skip("no package index can be reached")
    assert 0 == done.returncode, done.stderr


def test_the_build_ends_with_a_program_that_answers_and_with_nothing_else(tmp_path):
    """On a build server with everything that is locked, at its pinned version."""
    program = build(tmp_path)
    environ = {"PATH": f"{program}/bin", "HEALTH_FILE": str(tmp_path / "health")}

    def answer(*arguments):
        command = [program / "bin" / "tgworker", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environ)
        return done.returncode, done.stdout

    assert (0, f"tgworker {tgworker.__version__}\n") == answer("--version")
    code, line = answer("health")
    assert 1 == code
    assert line.startswith("no worker: ")
    (packages,) = program.glob("lib/python*/site-packages")
    locked = pins(default_environment()) if WHOLE else {}
    assert locked | {"tgworker": tgworker.__version__} == installed(packages)
    tests = [p for pattern in ("*tests", "conftest.py") for p in packages.rglob(pattern)]
    assert [] == tests
    assert [] == [p for pattern in (".env*", "*.session*") for p in program.rglob(pattern)]


def installed(packages):
    """Name to version."""
    return {
        canonicalize_name(distribution.metadata["Name"]): distribution.version
        for distribution in metadata.distributions(path=[str(packages)])
    }
