"""Measures the whole service now and then, for one process of all that serve it.

In a thread of its own: to count what waits takes longer the more it is, and must hold up
nothing of it.
"""

import threading
from typing import Final

import structlog

from finlink_server import metrics
from finlink_server.domain import figures
from finlink_server.env import Env

_EVERY: Final = 10.0  # seconds
_log = structlog.get_logger("metrics")


class Measuring:
    """Sets the gauges that are about rows, while somebody collects."""

    def __init__(self, env: Env) -> None:
        """Start at once."""
        self._env = env
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="figures", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop measuring."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            if metrics.is_on():
                self._measure()
            self._closed.wait(_EVERY)
        self._env.database.close()  # this thread's connection

    def _measure(self) -> None:
        try:
            figures.measure(self._env)
        except Exception as error:  # noqa: BLE001 - the next time may do
            _log.warning("database", error=error)
