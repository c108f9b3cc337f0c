"""What the demo shows in the end: the files, some messages, and how to go on."""

from __future__ import annotations

import shlex
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import click
import orjson

from tgworker.cli.demo_stage import Stage
from tgworker.cli.text import plural, printable

SHOWN_MESSAGES = 5
WIDTH = 100


def print_archive(data_dir: Path, requests: int) -> None:
    """The tree of files, and the first messages of the biggest of them."""
    click.echo(f"\nWritten, with {plural(requests, 'request')} to the simulated Telegram:\n")
    click.echo(f"{data_dir}/")
    _print_folder(data_dir, "  ")
    artifact = biggest(data_dir)
    day = orjson.loads(artifact.read_bytes())
    names = {person["id"]: person["name"] or "?" for person in day["participants"]}
    click.echo(f"\nThe first messages of {artifact.relative_to(data_dir)}:\n")
    spoken = (message for message in day["messages"] if message["text"])
    for message in islice(spoken, SHOWN_MESSAGES):
        click.echo(f"  {_message_line(message, names)}")


def biggest(data_dir: Path) -> Path:
    """The artifact that has most in it."""
    return max(data_dir.glob("*/*/discussions_*.json"), key=lambda path: path.stat().st_size)


def print_hints(stage: Stage, *, running: bool) -> None:
    """Commands to look further with, ready to be pasted."""
    artifact = shlex.quote(str(biggest(stage.data_dir)))
    lines = [
        f"jq -r '.messages[] | [.date, .text] | @tsv' {artifact} | head",
        f"jq . {shlex.quote(str(biggest(stage.data_dir).with_name('index.json')))}",
        f"jq -c . {shlex.quote(str(stage.worker_log))}      # the worker's log",
    ]
    if running:
        lines += [
            f"set -a; . {shlex.quote(str(stage.env_file))}; set +a       # then, in that shell:",
            f"{_tgworker()} status",
            f"{_tgworker()} submit @ru_python --days 10 --wait",
            f"curl -s {stage.simulator.control_url}/stats",
        ]
    else:
        lines.append(f"{_tgworker()} demo --keep      # leaves it running, to submit your own")
    click.echo("\nTo look further:\n")
    for line in lines:
        click.echo(f"  {line}")
    if running:
        click.echo("\nCtrl-C ends it.")


def _tgworker() -> str:
    beside = Path(sys.executable).with_name("tgworker")
    return shlex.quote(str(beside)) if beside.exists() else f"{sys.executable} -m tgworker"


def _print_folder(folder: Path, indent: str) -> None:
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            click.echo(f"{indent}{path.name}/")
            _print_folder(path, indent + "  ")
        else:
            click.echo(f"{indent}{path.name}  {path.stat().st_size:,} bytes")


def _message_line(message: dict[str, Any], names: dict[int, str]) -> str:
    author = names.get(message["from_id"], message["chat"])
    text = printable(" ".join(f"{message['date'][11:19]} {author}: {message['text']}".split()))
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
