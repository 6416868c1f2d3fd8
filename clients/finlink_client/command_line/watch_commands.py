"""`finlink watch`: what ends and what changes, as it happens."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Any, Final

import click
from rich.text import Text

from finlink_client.command_line import tables, values
from finlink_client.command_line.connecting import Line, connected, telling_mistakes
from finlink_client.command_line.screen import as_dict
from finlink_client.errors import FinlinkError

_KINDS: Final = ("revocations", "settings")
# What a new version has by being one.
_OF_EACH_VERSION: Final = {"version", "etag", "update_time"}


@click.command("watch")
@click.argument("kinds", nargs=-1, type=click.Choice(_KINDS), metavar="[revocations] [settings]")
@click.option("--app-ids", multiple=True, help="Settings of these apps; without it all of them.")
@connected
def watch(line: Line, kinds: Sequence[str], app_ids: Sequence[str]) -> None:
    """Show which sessions end and which settings change, until Ctrl-C.

    Both, or one of them. Begins with what is so already, and goes on by itself
    when the server was away. Needs a service key with the role OPERATOR or
    VERIFIER; a customer may watch the settings of own apps, with --app-ids.

    With --json each message of a stream that holds anything is a line.
    """
    watches: list[Any] = []
    with telling_mistakes():
        if not kinds or "revocations" in kinds:
            watches.append(line.client.sessions.watch_revocations())
        if not kinds or "settings" in kinds:
            watches.append(line.client.settings.watch(app_ids=list(app_ids)))
    follow(line, watches)


@click.command("watch-revocations")
@click.option("--cursor", default="", help="Go on after this message; else from the beginning.")
@connected
def watch_revocations(line: Line, cursor: str) -> None:
    """Show which sessions and signing keys end before their time, until Ctrl-C."""
    with telling_mistakes():
        stream = line.client.sessions.watch_revocations(cursor=cursor)
    follow(line, [stream])


@click.command("watch")
@click.option("--app-ids", multiple=True, help="Of these apps; without it of all.")
@click.option("--cursor", default="", help="Go on after this message; else from the beginning.")
@connected
def watch_settings(line: Line, app_ids: Sequence[str], cursor: str) -> None:
    """Show every new version of apps' settings, until Ctrl-C."""
    with telling_mistakes():
        stream = line.client.settings.watch(app_ids=list(app_ids), cursor=cursor)
    follow(line, [stream])


def follow(line: Line, watches: Sequence[Any]) -> None:
    """Show the messages of streams until one of them fails. Raises FinlinkError."""
    teller = teller_for(line)
    heard: SimpleQueue[Any] = SimpleQueue()
    with ExitStack() as stack:
        for one in watches:
            reader = threading.Thread(target=_read, args=(one, heard), daemon=True)
            reader.start()
            stack.callback(reader.join, 5)
            stack.callback(one.close)
        while True:
            message = heard.get()
            if isinstance(message, BaseException):
                raise message
            teller.tell(message)


def teller_for(line: Line) -> _JsonLines | _People:
    """Give what tells messages to people, or to programs."""
    return _JsonLines(line) if line.screen.is_json else _People(line)


def _read(stream: Any, heard: SimpleQueue[Any]) -> None:  # noqa: ANN401 - of either kind
    try:
        for message in stream:
            heard.put(message)
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        heard.put(error)


class _JsonLines:
    """For programs: each message that says something, a line."""

    def __init__(self, line: Line) -> None:
        self._screen = line.screen
        self._caught_up: set[str] = set()

    def tell(self, message: Any) -> None:  # noqa: ANN401 - of either kind
        kind = _kind(message)
        is_news = message.caught_up and kind not in self._caught_up
        if is_news:
            self._caught_up.add(kind)
        if is_news or getattr(message, kind):
            self._screen.json_line(as_dict(message))


class _People:
    """For people: each thing that ended or changed, a line."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._screen = line.screen
        self._caught_up: set[str] = set()
        self._shown: set[str] = set()
        self._known: dict[str, dict[str, Text]] = {}

    def tell(self, message: Any) -> None:  # noqa: ANN401 - of either kind
        kind = _kind(message)
        for one in getattr(message, kind):
            self._shown.add(kind)
            if kind == "settings":
                self._tell_settings(one)
            else:
                self._tell_revocation(one)
        if message.caught_up and kind not in self._caught_up:
            self._caught_up.add(kind)
            were = f"These were the {kind} of before" if kind in self._shown else f"Watching {kind}"
            self._screen.note(f"{were}; from here on as they happen.")

    def _tell_revocation(self, revocation: Any) -> None:  # noqa: ANN401 - a Revocation
        what, name = ("session", revocation.session_id)
        if revocation.kid:
            what, name = "signing key", revocation.kid
        self._screen.print(
            Text.assemble(
                values.cell(revocation, "end_time"),
                (f"  {what} ", ""),
                (name, "cyan"),
                " ended: ",
                (values.cell(revocation, "reason").plain, "red"),
            )
        )

    def _tell_settings(self, settings: Any) -> None:  # noqa: ANN401 - Settings
        rows = dict(tables.fields(settings))
        before = self._known.get(settings.app_id) or self._predecessor(settings)
        self._known[settings.app_id] = rows
        head = Text.assemble(
            values.cell(settings, "update_time"),
            "  settings of ",
            (settings.app_id, "cyan"),
            f" version {settings.version}",
        )
        self._screen.print(head)
        for name, old, new in _changes(before, rows):
            change = Text.assemble(f"{'':22}{name}: ", (old, "red"), " → ", (new, "green"))
            self._screen.print(change)

    def _predecessor(self, settings: Any) -> dict[str, Text] | None:  # noqa: ANN401 - Settings
        """Ask for the version before one that arrives without it; None where that is too much."""
        if "settings" not in self._caught_up or settings.version <= 1:
            return None
        try:
            return dict(
                tables.fields(
                    self._line.client.settings.get(settings.app_id, version=settings.version - 1)
                )
            )
        except FinlinkError:
            return None  # the news is there all the same


def _changes(
    before: dict[str, Text] | None, now: dict[str, Text]
) -> Iterator[tuple[str, str, str]]:
    if before is None:
        return
    for name in dict.fromkeys([*before, *now]):
        old, new = (rows[name].plain if name in rows else "" for rows in (before, now))
        if old != new and name not in _OF_EACH_VERSION:
            yield name, old or "unset", new or "unset"


def _kind(message: Any) -> str:  # noqa: ANN401 - of either kind
    return "settings" if message.DESCRIPTOR.name == "WatchSettingsResponse" else "revocations"
