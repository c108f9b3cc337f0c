"""A real Prometheus and a real Pushgateway, as Debian's packages bring them."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.stage import PATIENCE

SCRAPE_SECONDS = 0.25

_CONFIG = """
scrape_configs:
  - job_name: tgworker
    scrape_interval: {interval}ms
    scrape_timeout: {interval}ms
    static_configs: [{{targets: ["{target}"]}}]
"""

Sample = tuple[str, ...]


class Prometheus:
    """One that scrapes one worker."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, query: str) -> dict[Sample, float]:
        """Each sample by its name and its labels' values (by the order of the labels' names)."""
        asked = urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(f"{self._url}/api/v1/query?{asked}", timeout=10) as answer:
            found = json.load(answer)["data"]["result"]
        return {_key(each["metric"]): float(each["value"][1]) for each in found}

    def wait_for(self, query: str) -> dict[Sample, float]:
        """What the query gives, as soon as it gives something."""
        deadline = time.monotonic() + PATIENCE
        while not (found := self.query(query)):
            assert time.monotonic() < deadline, query
            time.sleep(SCRAPE_SECONDS)
        return found


def _key(metric: dict[str, str]) -> Sample:
    name = metric.pop("__name__", "")
    return (name, *(metric[key] for key in sorted(metric) if key not in ("job", "instance")))


@contextmanager
def open_prometheus(folder: Path, target: str) -> Iterator[Prometheus]:
    """`target`: host and port of who is scraped. Skips the test where there is none."""
    config = folder / "prometheus.yml"
    config.write_text(_CONFIG.format(interval=round(SCRAPE_SECONDS * 1000), target=target))
    address = _free_address()
    options = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    with _running("prometheus", [*options, f"--web.listen-address={address}"], address) as url:
        yield Prometheus(url)


@contextmanager
def open_pushgateway() -> Iterator[str]:
    """Its URL. Skips the test where there is none."""
    address = _free_address()
    with _running("prometheus-pushgateway", [f"--web.listen-address={address}"], address) as url:
        yield url


@contextmanager
def _running(program: str, options: Sequence[str], address: str) -> Iterator[str]:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    process = subprocess.Popen([program, *options], stderr=subprocess.DEVNULL)
    try:
        url = f"http://{address}"
        _wait_until_ready(process, f"{url}/-/ready")
        yield url
    finally:
        process.kill()
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(url, timeout=10).close()
            return
        except urllib.error.URLError as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            assert process.poll() is None and time.monotonic() < deadline, error
        time.sleep(0.05)


def _free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"127.0.0.1:{listening.getsockname()[1]}"
