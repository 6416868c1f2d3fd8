"""The door of the server: who is inside finishes, and from some moment on nobody enters.

grpc cancels calls that arrive between its shutdown and the client's notice of it. So
the door closes first: those who come then are told UNAVAILABLE, which invites them to
go elsewhere, and grpc is shut down when it is quiet.
"""

import threading

from finlink_server.errors import ShuttingDown


class Door:
    """Counts the calls at work."""

    def __init__(self) -> None:
        """Open the door."""
        self._changed = threading.Condition()
        self._inside = 0
        self._closed = False

    def enter(self) -> None:
        """Begin a call, or refuse it because the server is stopping."""
        with self._changed:
            if self._closed:
                raise ShuttingDown
            self._inside += 1

    def leave(self) -> None:
        """End a call that has entered."""
        with self._changed:
            self._inside -= 1
            if self._closed and not self._inside:
                self._changed.notify_all()

    def close(self, longest: float) -> bool:
        """Let nobody in, and wait for those inside; whether all are out in `longest` seconds."""
        with self._changed:
            self._closed = True
            return self._changed.wait_for(lambda: not self._inside, longest)
