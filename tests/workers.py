"""A server of several processes: who they are, and whose connection is whose."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, Signals
from typing import NamedTuple

import grpc
from tests import people
from tests.gates import until
from tests.processes import Home, Process

# Channels to one address share a connection otherwise.
_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
_ESTABLISHED = "01"


class Connection(NamedTuple):
    """One of a process, by the ports of its two ends."""

    own: int
    other: int


@dataclass(frozen=True)
class Workers:
    """The workers of a supervisor that serves; the one in the background is among them."""

    supervisor: Process

    @property
    def pids(self) -> set[int]:
        return set(_children(self.supervisor.pid))

    @property
    def in_the_background(self) -> int:
        """The one that was told to send webhooks and to keep house."""
        (pid,) = [pid for pid in self.pids if "--background" in _arguments(pid)]
        return pid

    @property
    def in_front(self) -> int:
        """One of those that only answer calls."""
        return min(self.pids - {self.in_the_background})

    def connections(self) -> dict[int, set[Connection]]:
        """What each worker is connected to."""
        return {pid: _connections(pid) for pid in self.pids}

    def served(self) -> dict[int, int]:
        """How many connections of callers each worker has."""
        port = self.supervisor.port
        return {
            pid: sum(one.own == port for one in found) for pid, found in self.connections().items()
        }

    def end(self, pid: int, number: Signals = SIGKILL) -> None:
        """End one, and wait for its successor: a caller can reach each of them."""
        count = len(self.pids)
        os.kill(pid, number)
        until(lambda: pid not in self.pids and len(self.pids) == count)
        until(self._are_all_reached)

    def _are_all_reached(self) -> bool:
        with self.channels(8) as channels:
            for channel in channels:
                with suppress(grpc.RpcError):
                    people.Caller(channel).sessions.ListSigningKeys()
            return all(self.served().values())

    @contextmanager
    def channels(self, number: int) -> Iterator[list[grpc.Channel]]:
        """Open channels with a connection each; with many, every worker has some."""
        with ExitStack() as stack:
            target = self.supervisor.target
            yield [
                stack.enter_context(grpc.insecure_channel(target, _OWN_CONNECTION))
                for _ in range(number)
            ]


@contextmanager
def supervised(home: Home, *arguments: str, workers: int = 2, **settings: str) -> Iterator[Workers]:
    """Serve with workers. However the test ends, all end."""
    with home.serving(*arguments, WORKERS=str(workers), **settings) as process:
        yield Workers(process)


def is_alive(pid: int) -> bool:
    return _state(pid) not in {"", "Z", "X"}


def is_stopped(pid: int) -> bool:
    return _state(pid) == "T"


def open_files(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _children(pid: int) -> Iterator[int]:
    for one in Path("/proc").glob("[0-9]*"):
        child = int(one.name)
        if _stat(child)[1:2] == [str(pid)] and _state(child) != "Z":
            yield child


def _state(pid: int) -> str:
    return "".join(_stat(pid)[:1])


def _stat(pid: int) -> list[str]:
    """State, parent and so on, which follow the name (proc(5)); nothing of one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _arguments(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def _connections(pid: int) -> set[Connection]:
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # it was closed meanwhile
            sockets |= set(re.findall(r"socket:\[(\d+)\]", str(descriptor.readlink())))
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    ]
    return {
        Connection(*(int(end.rpartition(":")[2], 16) for end in line[1:3]))
        for line in lines
        if line[9] in sockets and line[3] == _ESTABLISHED
    }
