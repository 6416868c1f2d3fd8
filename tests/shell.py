"""A shell for the command `finlink`: each command in a process of its own, as people start it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests import forks, people

_PATIENCE = 60  # seconds; what is waited for takes one, unless the machine is busy
# A shell's background jobs are started with SIGINT ignored, and their children with them.
_PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from finlink_client.cli import main; main()"
)
# A hidden prompt speaks to the terminal that controls the process, not to its stdin.
_CONTROLLED = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error that it told with --json."""
        [line] = self.err.splitlines()
        return json.loads(line)["error"]


@dataclass(frozen=True)
class Shell:
    """An environment to run commands in, with a configuration of its own."""

    config: Path
    variables: Mapping[str, str]

    def using(self, **variables: str) -> Shell:
        """Set more variables, FINLINK_ in front of each."""
        people.CANARIES.update(
            value for name, value in variables.items() if name in {"PASSWORD", "SERVICE_KEY"}
        )
        more = {f"FINLINK_{name}": value for name, value in variables.items()}
        return replace(self, variables={**self.variables, **more})

    def run(self, *arguments: str, pipe: str = "") -> Done:
        """Run a command with pipes in place of a terminal."""
        done = forks.run("finlink", arguments, self.environment, _PATIENCE, pipe)
        return Done(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str, pipe: str = "") -> Any:
        """Run a command that succeeds with --json, and read what it printed."""
        done = self.run(*arguments, "--json", pipe=pipe)
        assert done.code == 0, done.err
        return done.json

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command that goes on; however the test ends, it ends too."""
        with subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def terminal(self, *arguments: str, width: int = 80, **variables: str) -> Iterator[Terminal]:
        """Start a command on a terminal of a width; however the test ends, it ends too."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        environment = {**self.environment, "TERM": "xterm-256color", **variables}
        process = subprocess.Popen(
            [sys.executable, "-c", _CONTROLLED + _PROGRAM, *arguments],
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            process.wait(_PATIENCE)
            os.close(ours)

    def screen(self, *arguments: str, width: int = 80, **variables: str) -> str:
        """Run a command on a terminal to its end, and give what stands there."""
        with self.terminal(*arguments, width=width, **variables) as terminal:
            return terminal.end()[1]

    @property
    def profiles(self) -> Path:
        """The file with its profiles."""
        return self.config / "finlink" / "profiles.toml"

    def kept(self) -> Any:
        """What stands in it."""
        return tomllib.loads(self.profiles.read_text())

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-c", _PROGRAM, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("FINLINK_")}
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
            inherited.pop(name, None)
        own = {"XDG_CONFIG_HOME": str(self.config), "PYTHONIOENCODING": "utf-8"}
        return {**inherited, **own, **self.variables}


class Terminal:
    """The screen and the keyboard of a command."""

    def __init__(self, process: subprocess.Popen[bytes], ours: int) -> None:
        self.process = process
        self._ours = ours
        self._seen = b""

    @property
    def seen(self) -> str:
        """Everything that came, escapes included."""
        return self._seen.decode(errors="replace").replace("\r\n", "\n")

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._ours, text.encode())

    def until(self, text: str) -> None:
        """Wait until something stands there."""
        self._read(lambda: text in plain(self.seen))
        assert text in plain(self.seen), self.seen

    def end(self) -> tuple[int, str]:
        """Wait for its end; give exit code and everything that came."""
        self._read(lambda: False)
        return self.process.wait(_PATIENCE), self.seen

    def _read(self, is_enough: Callable[[], bool]) -> None:
        end = time.monotonic() + _PATIENCE
        while not is_enough() and time.monotonic() < end:
            ready, _, _ = select.select([self._ours], [], [], 0.5)
            if not ready:
                continue
            chunk = b""
            with suppress(OSError):  # EIO: nobody has the other end any more
                chunk = os.read(self._ours, 65_536)
            if not chunk:
                return
            self._seen += chunk


def plain(text: str) -> str:
    """Take the colours off."""
    return _ESCAPES.sub("", text)


@pytest.fixture
def anyone(server: Any, tmp_path: Path) -> Shell:
    """A shell whose commands go to the server, without a credential."""
    return Shell(tmp_path / "config", {"FINLINK_TARGET": server.target})


@pytest.fixture
def customer(anyone: Shell, account: people.Account) -> Shell:
    """The shell of a customer who is signed in."""
    return anyone.using(TOKEN=account.token)


@pytest.fixture
def as_operator(anyone: Shell, operator: people.Caller) -> Shell:
    """The shell of an operator."""
    return anyone.using(SERVICE_KEY=operator.credential)
