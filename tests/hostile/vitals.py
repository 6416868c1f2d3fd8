"""What a process takes: memory, threads, file descriptors."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LOOK_EVERY = 0.05  # seconds


@dataclass(frozen=True)
class Reading:
    """What it takes at one moment."""

    memory: float  # MB
    threads: int
    descriptors: int

    def __str__(self) -> str:
        return f"{self.memory:.0f} MB, {self.threads} threads, {self.descriptors} descriptors"


def read(pid: int) -> Reading:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return Reading(
        memory=int(fields["VmRSS"].split()[0]) / 1024,
        threads=int(fields["Threads"]),
        descriptors=sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
    )


class Vitals:
    """The highest memory of a process over some time."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.memory_before = self.highest_memory = read(pid).memory

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        over = threading.Event()

        def look() -> None:
            while not over.wait(_LOOK_EVERY):
                self.highest_memory = max(self.highest_memory, read(self._pid).memory)

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield
        finally:
            over.set()
            looking.join()
