"""Who answers a login's questions: somebody at a terminal, a pipe, a file with the code."""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click
import segno
import trio

from tgworker.adapters.telegram.login import NobodyAnswersError, SentCode, Token
from tgworker.cli.text import clock_text, printable
from tgworker.errors import LoginError, SettingsError

CODE_SECONDS = 600.0
"""So long a file with the code is waited for; no code of Telegram's lives longer."""
LOOK_SECONDS = 0.2
"""Between two looks at it."""

KeepSecret = Callable[[str], None]


class Lines:
    """Asks on stderr, and reads what is typed or piped in, without holding anything else up meanwhile."""

    def __init__(self, keep_secret: KeepSecret, descriptor: int = 0) -> None:
        """`keep_secret` is told each answer before anybody else has it."""
        self._keep_secret = keep_secret
        self._descriptor = descriptor
        self._buffer = b""

    async def ask(self, question: str, otherwise: str, *, hidden: bool = False) -> str:
        """The next line, without the spaces around it; `hidden`: a terminal does not show what is typed.

        Raises: NobodyAnswersError: it says what to do `otherwise`.
        """
        typed = os.isatty(self._descriptor)
        # Before the question is seen: who is quick may answer at once.
        with _no_echo(self._descriptor) if hidden and typed else nullcontext():
            click.echo(f"{printable(question)}: ", err=True, nl=False)
            line = await self._line()
        if hidden or not typed or line is None:
            click.echo(err=True)
        if line is None:
            raise NobodyAnswersError([f"Nobody answers: {otherwise}"])
        answer = line.decode("utf-8", "replace").strip()
        self._keep_secret(answer)
        return answer

    async def _line(self) -> bytes | None:
        """None: there are no more."""
        while b"\n" not in self._buffer:
            chunk = await self._read()
            if not chunk:
                rest, self._buffer = self._buffer, b""
                return rest or None
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    async def _read(self) -> bytes:
        try:
            await trio.lowlevel.wait_readable(self._descriptor)
        except PermissionError:  # an ordinary file can't be waited for, and need not be
            await trio.lowlevel.checkpoint()
        return os.read(self._descriptor, 4096)


@contextmanager
def _no_echo(terminal: int) -> Iterator[None]:
    before = termios.tcgetattr(terminal)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


class CodeFile:
    """A file that somebody writes the code into once it has come. It is removed when it was read."""

    def __init__(self, path: Path, keep_secret: KeepSecret) -> None:
        """Raises SettingsError: there is a file already: its code is of an earlier login."""
        self._path = path
        self._keep_secret = keep_secret
        if path.exists():
            raise SettingsError(
                [
                    f"{path} is there already: remove it, and write the new code into it when it has come"
                ]
            )

    async def read(self) -> str:
        """Wait until the file has been written whole.

        Raises:
            LoginError: it did not come in time.
            SettingsError: it can't be read or removed.
        """
        click.echo(f"Waiting for the code in {printable(str(self._path))} …", err=True)
        with trio.move_on_after(CODE_SECONDS):
            before = b""
            while True:
                text = self._look()
                # Who writes without an end of line may not be done yet.
                if text.endswith(b"\n") or (text and text == before):
                    break
                before = text
                await trio.sleep(LOOK_SECONDS)
            code = text.decode("utf-8", "replace").strip()
            self._keep_secret(code)
            self._path.unlink()
            return code
        raise LoginError(f"No code came in {CODE_SECONDS / 60:.0f} minutes.", error_type="no_code")

    def _look(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise SettingsError([f"{self._path} can't be read: {error.strerror}"]) from error


class Answers:
    """All questions of a login: see `tgworker.adapters.telegram.login.Questions`."""

    def __init__(self, lines: Lines, code_file: CodeFile | None = None) -> None:
        self._lines = lines
        self._code_file = code_file
        self._told: SentCode | None = None
        self._drawn = 0

    async def phone(self) -> str:
        question = "Phone number of the account, with the country's code (+49…)"
        return await self._lines.ask(question, "set TELEGRAM_PHONE")

    async def code(self, sent: SentCode) -> str:
        if sent is not self._told:
            self._told = sent
            self.tell(f"Telegram has sent a code {sent.way}.")
        if self._code_file is not None:
            return await self._code_file.read()
        question = f"Code (Enter: send it {sent.next_way})" if sent.next_way else "Code"
        code = await self._lines.ask(question, "pipe the code in, or use --code-file")
        return code.replace(" ", "").replace("-", "") if any(map(str.isdigit, code)) else code

    async def password(self, hint: str | None) -> str:
        question = f"Second password (hint: {hint})" if hint else "Second password"
        return await self._lines.ask(question, "set TELEGRAM_PASSWORD", hidden=True)

    def show(self, token: Token) -> None:
        """Draw it on a terminal, over the one before; elsewhere print what it says."""
        if not sys.stderr.isatty():
            click.echo(token.url)
            return
        code = segno.make(token.url, error="l", micro=False)
        lines = list(_draw(code))
        if self._drawn:
            click.echo(f"\x1b[{self._drawn}F\x1b[J", err=True, nl=False)
        lines += [
            "Scan it in Telegram on your phone: Settings, Devices, Link Desktop Device.",
            f"It is good until {clock_text(token.expires_at)}; then another one is drawn.",
        ]
        self._drawn = len(lines)
        click.echo("\n".join(lines), err=True)

    def tell(self, text: str) -> None:
        self._drawn = 0
        click.echo(printable(text), err=True)


def _draw(code: segno.QRCode) -> Iterator[str]:
    """Two rows of a code in one line, black on white whatever the terminal's colours are."""
    rows = [[bool(cell) for cell in row] for row in code.matrix_iter(border=2)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    signs = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        line = "".join(signs[pair] for pair in zip(upper, lower, strict=True))
        yield f"\x1b[30;107m{line}\x1b[0m"
