"""`finlink-server` by a clock that runs, but ahead by what a file says.

The product has no such switch, nor passwords that cost next to nothing: this composes the
same server with another clock and another hasher, in a process of its own. Tests move the
clock of all processes that look at the file.
"""

from __future__ import annotations

import mmap
import os
from functools import partial
from pathlib import Path
from unittest import mock

FILE = "CLOCK_FILE"  # in the environment
_BYTES = 8


class SharedClock:
    """Microseconds since 1970, as `finlink_server.env.system_clock`, plus the file's."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_BYTES))
        with path.open("r+b") as file:
            self._ahead = mmap.mmap(file.fileno(), _BYTES)

    def __call__(self) -> int:
        from finlink_server.env import system_clock  # noqa: PLC0415 - GRPC_VERBOSITY comes first

        return system_clock() + int.from_bytes(self._ahead[:_BYTES])

    def advance(self, *, seconds: float) -> None:
        ahead = int.from_bytes(self._ahead[:_BYTES]) + round(seconds * 1_000_000)
        self._ahead[:_BYTES] = ahead.to_bytes(_BYTES)


def serve() -> None:
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from finlink_server import bootstrap, commands, hashing  # noqa: PLC0415 - the line above first

    clock = SharedClock(Path(os.environ[FILE]))
    hasher = hashing.Hasher(4, threads=2, queue=64)
    opening = partial(bootstrap.open_env, now=clock, hasher=hasher)
    with mock.patch.object(bootstrap, "open_env", opening):
        commands.main()


if __name__ == "__main__":
    serve()
