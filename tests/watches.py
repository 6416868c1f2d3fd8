"""Open streams of WatchRevocations and WatchSettings, read by a thread each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc
from tests.errors import Refused
from tests.gates import until


class Watch:
    """A stream, what came of it so far, and the refusal that it ended with."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self.messages: list[Any] = []
        self.refusal: Refused | None = None
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            for message in self._call:
                self.messages.append(message)
        except grpc.RpcError as error:
            status: Any = error
            if status.code() is grpc.StatusCode.CANCELLED:  # by us
                return
            refusal = Refused()
            refusal.read(error)
            self.refusal = refusal

    @property
    def told(self) -> list[Any]:
        """The revocations, or the settings, in order."""
        return [
            one
            for message in list(self.messages)
            for one in getattr(message, "revocations", ()) or getattr(message, "settings", ())
        ]

    @property
    def cursor(self) -> str:
        """The last message's."""
        return str(self.messages[-1].cursor)

    def until(self, is_there: Callable[[], object]) -> Watch:
        until(lambda: bool(is_there()) or self.refusal is not None)
        assert self.refusal is None, self.refusal.message
        return self

    def until_caught_up(self) -> Watch:
        return self.until(lambda: self.messages and self.messages[-1].caught_up)

    def until_heartbeat(self) -> Watch:
        """Go on when a message came that was made from now on."""
        seen = len(self.messages)
        return self.until(lambda: len(self.messages) >= seen + 2)

    def until_refused(self) -> Refused:
        until(lambda: self.refusal is not None)
        assert self.refusal is not None
        return self.refusal

    def close(self) -> Watch:
        self._call.cancel()
        self._reader.join()
        return self


class Watches:
    """Opens streams, and closes them when the test is over."""

    def __init__(self) -> None:
        self._open: list[Watch] = []

    def revocations(self, caller: Any, cursor: str = "") -> Watch:
        return self._add(caller.sessions.WatchRevocations(cursor=cursor))

    def settings(self, caller: Any, *app_ids: str, cursor: str = "") -> Watch:
        return self._add(caller.settings.WatchSettings(app_ids=app_ids, cursor=cursor))

    def close(self) -> None:
        for watch in self._open:
            watch.close()

    def _add(self, call: Any) -> Watch:
        watch = Watch(call)
        self._open.append(watch)
        return watch
