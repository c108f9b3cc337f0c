"""Files that are deployed, read as the programs read them that they are for."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def deploy():
    return ROOT / "deploy"


@pytest.fixture(scope="session")
def program():
    """A function that finds a program, or skips the test, naming the package that has it."""

    def find(name, package):
        path = shutil.which(name)
        if path is None:
            pytest.skip(f"{name} is missing (apt install {package})")
        return path

    return find
