"""The server and its commands in processes of their own: `python -m finlink_server …`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from signal import SIGKILL, Signals
from typing import IO
from urllib.parse import urlsplit

import grpc
from tests import forks, people
from tests.canaries import SHORTEST
from tests.databases import Place
from tests.gates import until

_PATIENCE = 30  # seconds; what is waited for takes one, unless the machine is busy
_EXPORT = re.compile(r"^export (\w+)='(.*)'$", re.MULTILINE)
_SERVING = re.compile(r"[Ss]erving on \S+:(?P<port>\d+)[.;]")


@dataclass(frozen=True)
class Home:
    """A data directory, and the key of an operator if one was made there."""

    path: Path
    operator_key: str = ""
    program: tuple[str, ...] = ("-m", "finlink_server")  # for Python
    place: Place = field(default_factory=Place)
    settings: Mapping[str, str] = field(default_factory=dict)  # of its database

    def on(self, place: Place, template: str = "template0") -> Home:
        """Let the database be elsewhere."""
        return replace(self, place=place, settings=place.settings(self.path, template))

    @property
    def database(self) -> Path:
        return self.path / "finlink.db"

    @property
    def master_key(self) -> Path:
        return self.path / "master.key"

    def copy_to(self, path: Path) -> Home:
        """Copy it whole. No process may have its database open."""
        copy = replace(self, path=shutil.copytree(self.path, path))
        url = self.settings.get("DATABASE_URL", "")
        return copy.on(self.place, urlsplit(url).path[1:]) if url else copy

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run one command of the server to its end; settings without FINLINK_."""
        environment = self.environment(settings)
        if arguments[0] == "serve":  # as people start it: it may start workers of its own
            return run("-m", "finlink_server", *arguments, env=environment)
        return forks.run("finlink-server", arguments, environment, _PATIENCE)

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        """Start a command, and leave it running."""
        return subprocess.Popen(
            [sys.executable, *self.program, *arguments],
            env=self.environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def serving(self, *arguments: str, **settings: str) -> Iterator[Process]:
        """Serve from it. However the test ends, the process ends too.

        What it leaves is searched for the credentials that came into use meanwhile.
        """
        known = set(people.CANARIES)
        process = Process(self.start("serve", *arguments, **settings))
        try:
            process.wait_until_serving()
            yield process
        finally:
            process.end()
        shown = "--demo" in arguments  # they stand on stdout, and nowhere else
        self.search(people.CANARIES - known, process.err if shown else process.err + process.out)

    def search(self, credentials: set[str], said: str) -> None:
        """Find none of these credentials in what a server said, or in any file of its folder."""
        texts = {"what it said": said.encode()}
        texts |= {str(one): one.read_bytes() for one in self.path.rglob("*") if one.is_file()}
        wanted = [one.encode() for one in credentials if len(one) >= SHORTEST]
        assert [place for place, text in texts.items() if any(one in text for one in wanted)] == []

    def environment(self, settings: dict[str, str]) -> dict[str, str]:
        """Tell a process these settings, and no others."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("FINLINK_")}
        told = {"DATA_DIR": str(self.path), "LISTEN": "127.0.0.1:0", "BCRYPT_COST": "10"}
        told |= {**self.settings, **settings}
        return inherited | {f"FINLINK_{name}": value for name, value in told.items()}


def new_home(path: Path, place: Place) -> Home:
    """Make a data directory, the database and an operator's key."""
    home = Home(path).on(place)
    migrated = home.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    made = home.run("service-key", "create", "--name", "tests", "--role", "OPERATOR")
    assert made.returncode == 0, made.stderr
    return replace(home, operator_key=made.stdout.strip())


class Process:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: dict[IO[str], list[str]] = {
            _pipe(process.stdout): [],
            _pipe(process.stderr): [],
        }
        self._address: Future[int] = Future()
        self._readers = [threading.Thread(target=self._read, args=(pipe,)) for pipe in self._lines]
        for reader in self._readers:
            reader.start()

    def wait_until_serving(self) -> None:
        self._address.result(_PATIENCE)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def port(self) -> int:
        return self._address.result()

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    @cached_property
    def channel(self) -> grpc.Channel:
        return grpc.insecure_channel(self.target)

    def caller(self, credential: str = "") -> people.Caller:
        return people.Caller(self.channel, credential)

    @property
    def id(self) -> int:
        return self._process.pid

    def signal(self, number: Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end, and give its exit code."""
        code = self._process.wait(_PATIENCE)
        for reader in self._readers:
            reader.join(_PATIENCE)
            assert not reader.is_alive(), "somebody whom it started is still there"
        return code

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.signal(SIGKILL)
        self.wait()

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def out(self) -> str:
        return "".join(self._lines[_pipe(self._process.stdout)])

    @property
    def err(self) -> str:
        return "".join(self._lines[_pipe(self._process.stderr)])

    def exported(self) -> dict[str, str]:
        """What the demo prints for a shell to take over; waits for the last of it."""
        until(lambda: "\ngrpcurl" in self.out or not self.is_running)
        return dict(_EXPORT.findall(self.out))

    def end(self) -> None:
        if "channel" in self.__dict__:
            self.channel.close()
        if self.is_running:
            self._process.kill()
        self.wait()

    def _read(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self._lines[pipe].append(line)
                found = _SERVING.search(line)
                if found:
                    self._address.set_result(int(found["port"]))
        with suppress(InvalidStateError):  # the address came: it ended in its time
            self._address.set_exception(AssertionError(f"it ended: {self.out}{self.err}"))


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe
    return pipe


def run(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments to its end."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
