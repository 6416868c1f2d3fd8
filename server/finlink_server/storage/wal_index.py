"""The head of SQLite's WAL index, which every commit of every process changes.

SQLite compares these 48 bytes itself to tell whether anybody has committed since it
looked last (sqlite.org/walformat.html §2.1: iChange, mxFrame, checksums). They are
written before COMMIT returns, so whoever saw an answer to a committed call finds them
changed. `PRAGMA data_version` says the same, but lets go of Python's lock on the way,
which under load costs more than all else that surrounds a call.

Nothing here is ever closed: closing any descriptor of the file would drop the locks
that SQLite holds on it, for the whole process (sqlite.org/howtocorrupt.html §2.2). What
is mapped is 48 bytes for each database that a process opens.
"""

import mmap
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

_BYTES: Final = 48
_LOCK: Final = threading.Lock()
_mapped: dict[tuple[int, int], mmap.mmap] = {}
_descriptors: list[int] = []


def head_of(database: Path) -> Callable[[], bytes]:
    """Give what reads the head of a database that a connection has open in WAL mode."""
    with _LOCK:
        path = database.with_name(database.name + "-shm")
        found = path.stat()
        place = found.st_dev, found.st_ino
        if place not in _mapped:
            descriptor = os.open(path, os.O_RDONLY)
            _descriptors.append(descriptor)
            _mapped[place] = mmap.mmap(descriptor, _BYTES, mmap.MAP_SHARED, mmap.PROT_READ)
        mapped = _mapped[place]
    return lambda: mapped[:_BYTES]
