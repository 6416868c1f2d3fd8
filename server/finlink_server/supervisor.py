"""Several processes on one port: started, watched, restarted and stopped together.

The workers are fresh interpreters, because nothing may fork once grpc is imported. They
share the port by SO_REUSEPORT, of which this process holds a socket that never listens:
so the port is ours while a worker is restarted, and a port that somebody else has is an
error instead of two servers that each get half of the calls.
"""

import errno
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from finlink_server.app import ListenError
from finlink_server.config import Config, split_listen

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_LONGEST_START: Final = 60.0  # seconds
_LONGEST_STOP: Final = 10.0  # seconds, beyond the drain
# A worker that ends at once is started again ever more slowly.
_FIRST_PAUSE: Final = 0.1  # seconds
_LONGEST_PAUSE: Final = 30.0  # seconds
_STEADY: Final = 60.0  # seconds after which a worker counts as well


class WorkerError(Exception):
    """The workers did not start; the text says so."""


@dataclass
class _Worker:
    """A place for a process, and the process in it."""

    index: int
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    pause: float = 0.0
    start_at: float = 0.0


class Supervisor:
    """Keeps the workers of one server running."""

    def __init__(
        self, config: Config, say: Callable[[str], None], arguments: Sequence[str] = ()
    ) -> None:
        """Take the port. Workers get these arguments more."""
        self._arguments = arguments
        self._config = config
        self._say = say
        host, port = split_listen(config.listen)
        self._reserved = list(_reserve(host, port, config.listen))
        self.port = int(self._reserved[0].getsockname()[1])
        self._workers = [_Worker(index) for index in range(config.workers)]
        # Nobody ever writes to it: workers see its end when this process is gone.
        self._lifeline, self._held = os.pipe()

    def start(self) -> None:
        """Start the workers, and wait until each takes calls."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        with ExitStack() as stack:
            ready = [self._start(worker) for worker in self._workers]
            for fd in ready:
                stack.callback(os.close, fd)
            until = time.monotonic() + _LONGEST_START
            for fd in ready:
                left = max(0.0, until - time.monotonic())
                if not (select.select([fd], [], [], left)[0] and os.read(fd, 1)):
                    self._stop_all()
                    message = "A worker did not start; what it said stands above."
                    raise WorkerError(message)

    def run(self) -> None:
        """Keep the workers running until SIGTERM or SIGINT, and stop them."""
        while True:
            got = signal.sigtimedwait(_SIGNALS, self._next_start())
            if got is not None and got.si_signo != signal.SIGCHLD:
                break
            self._restart()
        self._say("Stopping: running calls may finish.")
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
        self._stop_all()

    def _start(self, worker: _Worker) -> int:
        """Start one worker; the end of a pipe that tells when it takes calls."""
        ready, said = os.pipe()
        listen = f"{self._config.listen.rpartition(':')[0]}:{self.port}"
        arguments = ["worker", "--listen", listen, "--lifeline", str(self._lifeline)]
        arguments += ["--ready", str(said), *self._arguments]
        arguments += ["--background"] if worker.index == 0 else []
        worker.began = time.monotonic()
        worker.process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "finlink_server", *arguments],
            pass_fds=(self._lifeline, said),
            stdin=subprocess.DEVNULL,
        )
        os.close(said)
        return ready

    def _restart(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.process is not None and worker.process.poll() is not None:
                code, worker.process = worker.process.returncode, None
                lasted = now - worker.began
                worker.pause = (
                    _FIRST_PAUSE if lasted > _STEADY else min(2 * worker.pause, _LONGEST_PAUSE)
                ) or _FIRST_PAUSE
                worker.start_at = now + worker.pause
                self._say(f"Worker {worker.index} ended ({_words(code)}) and is started again.")
            if worker.process is None and worker.start_at <= now:
                os.close(self._start(worker))

    def _next_start(self) -> float:
        """Seconds until a worker is to be started again; long if none is."""
        times = [worker.start_at for worker in self._workers if worker.process is None]
        return max(0.0, min(times) - time.monotonic()) if times else 3600.0

    def _stop_all(self) -> None:
        running = [worker.process for worker in self._workers if worker.process is not None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        until = time.monotonic() + self._config.drain_seconds + _LONGEST_STOP
        for process in running:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for reserved in self._reserved:
            reserved.close()


def _reserve(host: str, port: int, listen: str) -> Iterator[socket.socket]:
    """Bind every address of a name, after finding that nobody listens there."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in addresses:
        here: tuple[Any, ...] = (address[0], port, *address[2:])
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(here)
            reserved = socket.socket(family, kind, protocol)
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            reserved.bind(here)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                message = (
                    f"{listen} cannot be served on: another process has the port. Stop that"
                    " process, or set FINLINK_LISTEN to something else."
                )
                raise ListenError(message) from error
            if len(addresses) == 1:
                message = f"{listen} cannot be served on: {error.strerror}."
                raise ListenError(message) from error
            continue  # such as ::1 on a machine without IPv6
        port = port or int(reserved.getsockname()[1])
        yield reserved


def _words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
