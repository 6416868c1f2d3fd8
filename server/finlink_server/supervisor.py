"""Several processes on one port: started, watched, restarted and stopped together.

The workers are fresh interpreters, because nothing may fork once grpc is imported. They
end when this process does, whatever ended it: each holds an end of a pipe of which only
this process has the other.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from finlink_server import shared_port
from finlink_server.config import Config

_STOPPING: Final = (signal.SIGTERM, signal.SIGINT)
_SIGNALS: Final = (*_STOPPING, signal.SIGCHLD)
_LONGEST_START: Final = 60.0  # seconds
_LONGEST_STOP: Final = 10.0  # seconds, beyond the drain
_LOOK_EVERY: Final = 0.05  # seconds; whether we are to stop before all have started
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
        self,
        config: Config,
        say: Callable[[str], None],
        arguments: Sequence[str] = (),
        tell_of_end: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Take the port. Workers get these arguments more; `tell_of_end` gets their pids."""
        self._arguments = arguments
        self._tell_of_end = tell_of_end
        self._config = config
        self._say = say
        self._claimed = shared_port.claim(config.listen)
        self.port = int(self._claimed[0].getsockname()[1])
        self._workers = [_Worker(index) for index in range(config.workers)]
        # Nobody ever writes to it: workers see its end when this process is gone.
        self._lifeline, self._held = os.pipe()

    def start(self) -> bool:
        """Start the workers and wait until each takes calls; False if a signal came first.

        Then, and when a WorkerError is raised, none is left.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        have_started = False
        try:
            with ExitStack() as stack:
                ready = []
                for worker in self._workers:
                    ready.append(self._start(worker))
                    stack.callback(os.close, ready[-1])
                have_started = self._wait_for(ready)
        except OSError as error:
            message = f"A worker could not be started: {error.strerror}."
            raise WorkerError(message) from error
        finally:
            if not have_started:
                self._stop()
        return have_started

    def run(self) -> None:
        """Keep the workers running until SIGTERM or SIGINT, and stop them."""
        while True:
            got = signal.sigtimedwait(_SIGNALS, self._next_start())
            if got is not None and got.si_signo != signal.SIGCHLD:
                break
            self._restart()
        self._say("Stopping: running calls may finish.")
        self._stop()

    def _start(self, worker: _Worker) -> int:
        """Start one worker; the end of a pipe that tells when it takes calls."""
        ready, said = os.pipe()
        listen = f"{self._config.listen.rpartition(':')[0]}:{self.port}"
        arguments = ["worker", "--listen", listen, "--lifeline", str(self._lifeline)]
        arguments += ["--ready", str(said), *self._arguments]
        arguments += ["--background"] if worker.index == 0 else []
        worker.began = time.monotonic()
        try:
            # -P: with -m alone, it would import what lies in the current folder.
            worker.process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-P", "-m", "finlink_server", *arguments],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
                pass_fds=(self._lifeline, said),
                stdin=subprocess.DEVNULL,
            )
        except OSError:
            os.close(ready)
            raise
        finally:
            os.close(said)
        return ready

    def _wait_for(self, ready: Sequence[int]) -> bool:
        waiting = set(ready)
        until = time.monotonic() + _LONGEST_START
        while waiting:
            if signal.sigtimedwait(_STOPPING, 0) is not None:
                return False
            for fd in select.select(waiting, [], [], _LOOK_EVERY)[0]:
                if not os.read(fd, 1):
                    message = "A worker did not start; what it said stands above."
                    raise WorkerError(message)
                waiting.remove(fd)
            if time.monotonic() > until:
                message = f"A worker took no calls within {_LONGEST_START:g} seconds."
                raise WorkerError(message)
        return True

    def _restart(self) -> None:
        """Start those again that have ended and paused."""
        for worker in self._workers:
            if worker.process is not None and worker.process.poll() is not None:
                self._tell_of_end(worker.process.pid)
                how, worker.process = _how_it_ended(worker.process.returncode), None
                self._pause(worker, f"ended ({how})")
            if worker.process is None and worker.start_at <= time.monotonic():
                try:
                    os.close(self._start(worker))
                except OSError as error:  # no memory, for one: the others serve on
                    self._pause(worker, f"could not be started ({error.strerror})")

    def _pause(self, worker: _Worker, what: str) -> None:
        now = time.monotonic()
        worker.pause = next_pause(worker.pause, now - worker.began)
        worker.start_at = now + worker.pause
        self._say(f"Worker {worker.index} {what} and is started again in {worker.pause:g} s.")

    def _next_start(self) -> float:
        """Seconds until a worker is to be started again; long if none is."""
        times = [worker.start_at for worker in self._workers if worker.process is None]
        return max(0.0, min(times) - time.monotonic()) if times else 3600.0

    def _stop(self) -> None:
        """Stop all together; at once when told so once more."""
        running = [worker.process for worker in self._workers if worker.process is not None]
        for process in running:
            process.terminate()
        until = time.monotonic() + self._config.drain_seconds + _LONGEST_STOP
        told: signal.struct_siginfo | None = None
        while running := [process for process in running if process.poll() is None]:
            told = signal.sigtimedwait(_SIGNALS, max(0.0, until - time.monotonic()))
            if told is None or told.si_signo != signal.SIGCHLD:
                for process in running:
                    process.kill()
                    process.wait()
        for claimed in self._claimed:
            claimed.close()
        if told is not None and told.si_signo != signal.SIGCHLD:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
            signal.raise_signal(told.si_signo)


def next_pause(pause: float, lasted: float) -> float:
    """Seconds before a worker that lasted so many is started again; `pause` is the one before."""
    if lasted > _STEADY or not pause:
        return _FIRST_PAUSE
    return min(2 * pause, _LONGEST_PAUSE)


def _how_it_ended(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
