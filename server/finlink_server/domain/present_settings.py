"""The settings of apps as they are now, kept in memory until the change feed tells of a change.

For those who only read: whoever decides about a change reads the row in its transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from finlink_server.domain import settings, visible
from finlink_server.domain.caller import Caller
from finlink_server.domain.settings import Settings
from finlink_server.env import Env
from finlink_server.errors import AppNotFound
from finlink_server.storage.feed import Row

_NAME: Final = "present settings"
_MOST: Final = 500  # of at most some 20 kB
_CHANGES: Final = {"settings.updated", "app.deleted"}


@dataclass(slots=True)
class Present:
    """The present settings of an app, and whose they are."""

    account_id: str
    settings: Settings
    packed: bytes = b""  # the answer as far as it depends on nothing else, once it was made


@dataclass
class _Memory:
    """Present settings by app. Written only while the feed holds its lock."""

    known: dict[str, Present] = field(default_factory=dict)

    def put(self, app_id: str, present: Present) -> None:
        while len(self.known) >= _MOST:
            del self.known[next(iter(self.known))]
        self.known[app_id] = present

    def clear(self) -> None:
        self.known.clear()

    def apply(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if row.type in _CHANGES:
                self.known.pop(row.app_id, None)


def begin(env: Env) -> None:
    """Let this process keep settings in memory."""
    memory = env.memory[_NAME] = _Memory()
    env.feed.follow(memory)


def get(env: Env, caller: Caller, app_id: str) -> Present:
    """Give the present settings of an app that the caller sees; empty: of its session's app."""
    place = env.feed.refresh()  # before anything is read that will be kept
    memory: _Memory = env.memory[_NAME]
    wanted = app_id or caller.app_id
    known = memory.known.get(wanted)
    if known is None:
        app = visible.app(caller, app_id)
        read = Present(app.account_id, settings.of_app(app.id))
        env.feed.unless_moved(place, lambda: memory.put(app.id, read))
        return read
    if not caller.sees(known.account_id, wanted):
        raise AppNotFound(app_id=wanted)
    return known
