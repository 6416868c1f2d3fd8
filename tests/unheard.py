"""Ports of this machine where nobody is."""

import contextlib
import socket
from collections.abc import Iterator


def dead_port() -> int:
    """Give a port that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """Give a port that takes connections, and that is all."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]
