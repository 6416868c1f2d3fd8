"""Tells of streams that have closed, in a thread of its own.

That one has closed is heard in grpc's poller thread, which waits for nobody: not for the
log either, whose reader may be slow.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue


class StreamEnds:
    """What is yet to be told."""

    def __init__(self) -> None:
        """Wait for the first."""
        self._waiting: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="stream-ends", daemon=True)
        self._thread.start()

    def put(self, tell: Callable[[], None]) -> None:
        """Tell of one soon."""
        self._waiting.put(tell)

    def close(self) -> None:
        """Tell of all that have closed."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (tell := self._waiting.get()) is not None:
            tell()
