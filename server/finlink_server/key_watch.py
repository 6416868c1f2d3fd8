"""Follows what becomes of the master key, and takes a server out that lacks the new one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import structlog

from finlink_server.domain import master_keys
from finlink_server.env import Env

_LOOK_EVERY: Final = 0.2  # seconds; on PostgreSQL a look is a query
_log = structlog.get_logger("master key")


class KeyWatch:
    """Looks from time to time, and says whether this process can work."""

    def __init__(self, env: Env, say: Callable[[bool], None]) -> None:
        """Start at once."""
        self._env = env
        self._say = say
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="master-key", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        is_able = True
        while not self._closed.wait(_LOOK_EVERY):
            try:
                was_able, is_able = is_able, not master_keys.problem(self._env)
                if is_able != was_able:
                    self._say(is_able)
            except Exception as error:  # noqa: BLE001 - without the database calls are refused anyway
                _log.debug("look", error=str(error))
        self._env.database.close()  # this thread's connection
