"""The wheel, built as a release is: through the source distribution, from what git would hold."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import tgworker
from tgworker.core.schemas import NAMES

ROOT = Path(__file__).parents[1]


def run(*command, **options):
    """What a command prints; its errors are shown if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def python(*arguments, **options):
    return run(sys.executable, *arguments, **options)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packaging")
    source = folder / "source"
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if os.path.lexists(ROOT / name):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    python("-m", "build", "--no-isolation", "--outdir", folder / "dist", source)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel):
    """A folder with the wheel's contents, as pip lays them out, and an environment that imports from there."""
    folder = wheel.parent / "installed"
    python("-m", "pip", "install", "--no-deps", "--quiet", "--target", folder, wheel)
    return folder, {**os.environ, "PYTHONPATH": str(folder)}


def test_the_wheel_holds_every_module_and_every_file_that_modules_read(wheel):
    packed = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "tgworker"
    needed = {
        str(path.relative_to(ROOT))
        for pattern in ("*.py", "*.lua", "py.typed")
        for path in package.rglob(pattern)
    } | {f"tgworker/schemas/{name}.schema.json" for name in NAMES}

    assert set() == needed - packed


def test_the_wheel_holds_nothing_but_the_package(wheel):
    folders = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert {"tgworker", f"tgworker-{tgworker.__version__}.dist-info"} == folders


def test_the_wheel_holds_no_tests_and_nothing_that_could_be_a_secret(wheel):
    names = [Path(name) for name in zipfile.ZipFile(wheel).namelist()]

    assert [] == [name for name in names if "tests" in name.parts or name.name == "conftest.py"]
    kinds = {name.suffix for name in names if "dist-info" not in name.parts[0]}
    assert {".py", ".lua", ".json", ".typed"} >= kinds


def test_schemas_are_read_from_an_installed_wheel(installed, tmp_path):
    folder, environment = installed
    script = (
        "import json, tgworker, tgworker.schemas\n"
        "from tgworker.core.schemas import NAMES, schema, validator\n"
        "command = {'command': 'fetch', 'chat': '@ru_python', 'mode': 'full'}\n"
        "valid = validator('command').is_valid(command)\n"
        "print(json.dumps([tgworker.__file__, valid, {name: schema(name) for name in NAMES}]))\n"
    )

    where, valid, documents = json.loads(python("-c", script, env=environment, cwd=tmp_path))

    assert Path(where).is_relative_to(folder)
    assert valid
    for name in NAMES:
        source = ROOT / "schemas" / f"{name}.schema.json"
        assert json.loads(source.read_text(encoding="utf-8")) == documents[name]


def test_the_commands_of_an_installed_wheel_answer(installed, tmp_path):
    folder, environment = installed

    for name in ("tgworker", "tgworker-submit"):
        answer = python(folder / "bin" / name, "--help", env=environment, cwd=tmp_path)

        assert "Usage:" in answer


def test_the_version_is_said_once():
    declared = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)

    assert declared is None, "pyproject.toml takes it from the package"
    assert re.fullmatch(r"\d+\.\d+\.\d+", tgworker.__version__)
