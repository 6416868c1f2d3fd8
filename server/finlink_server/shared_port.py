"""A port for several processes of ours, and for nobody else.

SO_REUSEPORT lets any number of processes of one user listen on a port: two servers would
each get half of the calls, and no word of it. So the port is claimed without it first: of
all who listen, one succeeds. Then the socket is told to share and to listen no longer. It
gets no connection from then on, and still keeps the port from everybody who does not
share: also while all workers are down, and from another supervisor, who claims it like this.
"""

import errno
import socket
from typing import Any, Final

from finlink_server.app import ListenError
from finlink_server.config_values import split_listen

_MOST_TRIES: Final = 16
# Of an address that a name has and this machine has not, such as ::1 without IPv6.
_NOT_HERE: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def claim(listen: str) -> list[socket.socket]:
    """Claim every address of `host:port`, until the sockets are closed; port 0 is any that is free.

    Raises ListenError.
    """
    host, port = split_listen(listen)
    tries = 1 if port else _MOST_TRIES
    while True:
        tries -= 1
        try:
            return _claim_all(host, port or _free_port(host))
        except OSError as error:
            if tries and error.errno == errno.EADDRINUSE:
                continue  # it was free a moment ago, or on one of two addresses only
            raise ListenError(_sentence(listen, error)) from error


def _claim_all(host: str, port: int) -> list[socket.socket]:
    claimed: list[socket.socket] = []
    missing: OSError | None = None
    for family, kind, protocol, _, address in _addresses(host, port):
        one = socket.socket(family, kind, protocol)
        try:
            _claim(one, address)
            claimed.append(one)
        except OSError as error:
            one.close()
            if error.errno not in _NOT_HERE:
                for other in claimed:
                    other.close()
                raise
            missing = error
    if missing is not None and not claimed:
        raise missing
    return claimed


def _claim(one: socket.socket, address: tuple[Any, ...]) -> None:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of before may linger
    one.bind(address)
    one.listen()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    one.shutdown(socket.SHUT_RD)


def _free_port(host: str) -> int:
    family, kind, protocol, _, address = _addresses(host, 0)[0]
    with socket.socket(family, kind, protocol) as found:
        found.bind(address)
        return int(found.getsockname()[1])


def _addresses(host: str, port: int) -> list[tuple[int, int, int, str, tuple[Any, ...]]]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


def _sentence(listen: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{listen} cannot be served on: another process has the port. Stop that process, or"
            " set FINLINK_LISTEN to something else."
        )
    return f"{listen} cannot be served on: {error.strerror}. Set FINLINK_LISTEN to something else."
