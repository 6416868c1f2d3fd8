"""`finlink-server` for faults, forked from a process that has most of it in memory already.

Hundreds of starts would take longer than all that is to be tested. It forks before grpc
is imported, so what it forks is as good as a fresh interpreter. What the product has no
switch for stands here: cheap passwords, a clock that tests move, a disk that is full.
"""

from __future__ import annotations

import importlib
import json
import mmap
import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from finlink_server.config import Config
    from finlink_server.hashing import Hasher

SWITCHES = "FAULT_SWITCHES"  # in the environment: a file
_FULL, _READ_ONLY, _LOG = range(3)  # places in it
_PAGES = 1_000_000  # room enough


class Switches:
    """Faults of the disk, switched on and off while a server serves."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(3))
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), 3)
        self._log = os.dup(2)

    def full(self, *, on: bool) -> None:
        self._bytes[_FULL] = on

    def read_only(self, *, on: bool) -> None:
        self._bytes[_READ_ONLY] = on

    def full_log(self, *, on: bool) -> None:
        self._bytes[_LOG] = on

    def apply(self, connection: Any) -> None:
        """Let a connection of SQLite's, and the log, fail as the disk would."""
        # A limit below what the database has is a limit to what it has.
        limit = 1 if self._bytes[_FULL] else _PAGES
        connection.execute(f"PRAGMA max_page_count = {limit}")
        connection.execute(f"PRAGMA query_only = {self._bytes[_READ_ONLY]}")
        if self._bytes[_LOG]:
            with Path("/dev/full").open("wb") as full:
                os.dup2(full.fileno(), 2)
        else:
            os.dup2(self._log, 2)


def serve() -> None:
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from tests.clocked_server import FILE, SharedClock  # noqa: PLC0415 - the line above first

    from finlink_server import bootstrap, commands, hashing  # noqa: PLC0415
    from finlink_server.storage.writer import Writer  # noqa: PLC0415

    def new_hasher(config: Config) -> Hasher:
        return hashing.Hasher(4, threads=2, queue=config.limit_hash_queue)

    start_as_ever = subprocess.Popen

    def start_worker(arguments: list[str], **options: Any) -> Any:
        ours = ["tests.faults.server" if one == "finlink_server" else one for one in arguments]
        return start_as_ever(ours, **options)

    def begin(writer: Any) -> Any:
        switches.apply(writer._connection)
        return begin_as_ever(writer)

    patches: list[Any] = [mock.patch.object(bootstrap, "new_hasher", new_hasher)]
    if FILE in os.environ:
        clock = SharedClock(Path(os.environ[FILE]))
        patches.append(
            mock.patch.object(bootstrap, "open_env", partial(bootstrap.open_env, now=clock))
        )
    if SWITCHES in os.environ:
        switches, begin_as_ever = Switches(Path(os.environ[SWITCHES])), Writer._begin
        patches.append(mock.patch.object(Writer, "_begin", begin))
    patches.append(mock.patch("finlink_server.supervisor.subprocess.Popen", start_worker))
    for patch in patches:
        patch.start()
    commands.main()


def fork_on_demand(orders: socket.socket) -> None:
    """Fork a server for each order: arguments and environment, with two pipes."""
    for name in ("finlink_server.bootstrap", "finlink_server.domain.present_settings"):
        importlib.import_module(name)  # this is what takes so long

    assert "grpc" not in sys.modules
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here waits for them
    while True:
        text, pipes, _, _ = socket.recv_fds(orders, 1 << 20, 2)
        if not text:
            return
        pid = os.fork()
        if pid == 0:
            orders.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for pipe, number in zip(pipes, (1, 2), strict=True):
                os.dup2(pipe, number)
                os.close(pipe)
            arguments, environment = json.loads(text)
            os.environ.clear()
            os.environ.update(environment)
            sys.argv = ["finlink-server", *arguments]
            serve()
        for pipe in pipes:
            os.close(pipe)
        orders.send(str(pid).encode())


if __name__ == "__main__":
    if sys.argv[1].isdigit():
        fork_on_demand(socket.socket(fileno=int(sys.argv[1])))
    else:
        serve()
