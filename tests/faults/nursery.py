"""Servers that start at once: see `tests.faults.server`."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.processes import Home

_TOLD = {"WEBHOOK_ALLOW_CIDRS": "127.0.0.0/8", "LIMIT_WEBHOOK_RATE": "100"}


class Nursery:
    """A process that forks servers."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders

    def fork(self, arguments: tuple[str, ...], environment: dict[str, str]) -> Forked:
        outs = [os.pipe(), os.pipe()]
        text = json.dumps([arguments, environment]).encode()
        socket.send_fds(self._orders, [text], [writing for _, writing in outs])
        for _, writing in outs:
            os.close(writing)
        return Forked(int(self._orders.recv(16)), *(reading for reading, _ in outs))


class Forked:
    """As a Popen, of a process that is another's child."""

    def __init__(self, pid: int, out: int, err: int) -> None:
        self.pid = pid
        self._pidfd = os.pidfd_open(pid)
        self._ended = False
        self.stdout, self.stderr = os.fdopen(out), os.fdopen(err)

    def poll(self) -> int | None:
        return 0 if self._has_ended(0) else None

    def wait(self, timeout: float) -> int:
        assert self._has_ended(timeout), "it goes on"
        return 0

    def send_signal(self, number: int) -> None:
        if not self._ended:
            signal.pidfd_send_signal(self._pidfd, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _has_ended(self, timeout: float) -> bool:
        if not self._ended and select.select([self._pidfd], [], [], timeout)[0]:
            os.close(self._pidfd)
            self._ended = True
        return self._ended


@dataclass(frozen=True)
class QuickHome(Home):
    """A data directory whose servers start at once."""

    nursery: Nursery | None = None

    extras: Mapping[str, str] = field(default_factory=dict)  # of the environment

    def renewed(self, home: Home) -> QuickHome:
        """Another data directory for the same nursery."""
        fields = {one.name: getattr(home, one.name) for one in dataclasses.fields(home)}
        return replace(self, **fields)

    def with_extras(self, **extras: str) -> QuickHome:
        """Tell its servers more."""
        return replace(self, extras={**self.extras, **extras})

    def start(self, *arguments: str, **settings: str) -> Any:
        assert self.nursery
        return self.nursery.fork(arguments, {**self.environment(_TOLD | settings), **self.extras})


@contextmanager
def nursing(home: Home) -> Iterator[QuickHome]:
    """Give a home whose servers start at once, until the block ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.server", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=home.environment({}),
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        try:
            yield QuickHome(home.path, nursery=Nursery(ours)).renewed(home)
        finally:
            ours.close()
            process.wait(30)
