"""Streams that stay open, without a thread each.

A stream is sent to by whoever has news, one send at a time. The callback that
runs when a stream closes comes from grpc's own poller thread, which a blocked send
waits for: it takes no lock, or everything stops (the stock health servicer does).
"""

import threading
from collections.abc import Callable, Iterator
from typing import Final

import grpc

from finlink_server import status
from finlink_server.errors import Overloaded, Refusal

_PATIENCE: Final = 0.2  # seconds
Send = Callable[[bytes | None], None]


class Stream:
    """One open stream."""

    def __init__(
        self, context: grpc.ServicerContext, send: Send, call_id: str, subject: str
    ) -> None:
        """Take over the context and the send function of a non-blocking handler."""
        self.subject = subject
        self.context = context
        self.call_id = call_id
        self._send = send
        self._sending = threading.Lock()
        self._ended = False

    @property
    def is_open(self) -> bool:
        """Whether somebody may still be listening."""
        return not self._ended and self.context.is_active()

    def send(self, message: bytes) -> None:
        """Send a message; a stream that has ended takes none."""
        with self._sending:
            if not self._ended and self.context.is_active():
                self._send(message)

    def finish(self) -> None:
        """End the stream with OK."""
        with self._sending:
            if not self._ended:
                self._ended = True
                self._send(None)

    def cut_off(self, refusal: Refusal) -> None:
        """End a stream to which a send has blocked; its reader may see the reason."""
        outcome = status.of(refusal, self.call_id)
        self._ended = True
        self.context.set_code(outcome.code)
        self.context.set_details(outcome.details)
        self.context.set_trailing_metadata(outcome.trailing_metadata)
        self.context.cancel()

    def end(self, refusal: Refusal) -> None:
        """End the stream with the reason of a refusal."""
        outcome = status.of(refusal, self.call_id)
        if not self._sending.acquire(timeout=_PATIENCE):
            self.context.cancel()  # a reader that reads nothing blocks the send for good
            return
        try:
            if self._ended or not self.context.is_active():
                return
            self._ended = True
            self.context.set_code(outcome.code)
            self.context.set_details(outcome.details)
            self.context.set_trailing_metadata(outcome.trailing_metadata)
            self._send(None)
        finally:
            self._sending.release()


class Streams:
    """The open streams of a server."""

    def __init__(self, most: int) -> None:
        """Start with none, and allow so many."""
        self._most = most
        self._open: dict[int, Stream] = {}
        self._refusal: Refusal | None = None

    def open(
        self, context: grpc.ServicerContext, send: Send, call_id: str, subject: str = ""
    ) -> Stream:
        """Note a stream, and what it is about, until it closes."""
        stream = Stream(context, send, call_id, subject)
        self._open[id(stream)] = stream  # one step of the interpreter: no lock

        def forget() -> None:
            self._open.pop(id(stream), None)

        if not context.add_callback(forget):
            forget()
        if self._refusal is not None:
            stream.end(self._refusal)
        elif len(self._open) > self._most:
            stream.end(Overloaded())
        return stream

    def end_all(self, refusal: Refusal) -> None:
        """End every stream with a reason, and those that are opened from now on."""
        self._refusal = refusal
        for stream in self:
            stream.end(refusal)

    def __iter__(self) -> Iterator[Stream]:
        """Give the streams that are open now."""
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        """How many streams are open."""
        return len(self._open)
