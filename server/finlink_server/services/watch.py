"""The methods that stream: WatchRevocations and WatchSettings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Final

from finlink.config import v1
from finlink_server.broadcast import Broadcast, Encode, Reading, Watcher
from finlink_server.calls import Opening, StreamBehaviour
from finlink_server.domain import (
    app_banks,
    apps,
    cursors,
    endpoints,
    revocations,
    settings,
    visible,
)
from finlink_server.domain.caller import Caller
from finlink_server.domain.revocations import Revocation
from finlink_server.env import Env
from finlink_server.errors import CursorTooOld, FieldInvalid, Overloaded, Refusal
from finlink_server.services import convert, convert_settings
from finlink_server.storage.feed import Row

_AT_ONCE: Final = 1000  # revocations in a message
_MOST_OF_ONE: Final = 100  # streams of one customer


class Watches:
    """Who watches, and what they are told."""

    def __init__(self, env: Env, most: int) -> None:
        """Allow so many watchers of each kind. Starts to follow the journal at once."""
        self.env = env
        self._revocations = Broadcast(
            "watch-revocations", env, revocations.TYPES, self._encode_revocations, most
        )
        self._settings = Broadcast(
            "watch-settings", env, frozenset({"settings.updated"}), self._encode_settings, most
        )

    def behaviours(self) -> Mapping[str, Mapping[str, StreamBehaviour]]:
        """Every method that streams, by the service's and the method's name."""
        return {
            "SessionService": {"WatchRevocations": self.WatchRevocations},
            "SettingsService": {"WatchSettings": self.WatchSettings},
        }

    def drain(self, refusal: Refusal) -> None:
        """End every stream with a reason."""
        self._revocations.drain(refusal)
        self._settings.drain(refusal)

    def close(self) -> None:
        """Stop telling."""
        self._revocations.close()
        self._settings.close()

    def WatchRevocations(
        self, request: v1.WatchRevocationsRequest, caller: Caller, opening: Opening
    ) -> None:
        env = self.env
        place = cursors.read(env, request.cursor) if request.cursor else env.feed.refresh()
        stream = self._revocations.streams.open(opening.context, opening.send, caller.call.id)
        watcher = Watcher(stream, place, opening.check)
        if not request.cursor:
            for piece in _pieces(revocations.of_living_tokens(env)):
                message = v1.WatchRevocationsResponse(revocations=map(_revocation, piece))
                self._revocations.greet(watcher, message.SerializeToString())
        self._revocations.join(watcher)

    def WatchSettings(
        self, request: v1.WatchSettingsRequest, caller: Caller, opening: Opening
    ) -> None:
        env = self.env
        if not request.app_ids and not caller.sees_everything:
            raise FieldInvalid.of("app_ids", "must name at least one app of the account")
        for app_id in request.app_ids:
            visible.app(caller, app_id, "app_ids")
        place, is_new = env.feed.refresh(), True
        if request.cursor:
            try:
                place, is_new = cursors.read(env, request.cursor), False
            except CursorTooOld:  # a snapshot says it all; of all apps there is none
                if not request.app_ids:
                    raise
        streams = self._settings.streams
        owner = "" if caller.sees_everything else caller.owner
        stream = streams.open(opening.context, opening.send, caller.call.id, owner)
        if owner and sum(one.subject == owner for one in streams) > _MOST_OF_ONE:
            stream.end(Overloaded())
            return
        watcher = Watcher(stream, place, opening.check, frozenset(request.app_ids))
        if is_new:
            for app_id in request.app_ids:
                message = v1.WatchSettingsResponse(settings=[self._present(app_id)])
                self._settings.greet(watcher, message.SerializeToString())
        self._settings.join(watcher)

    def _encode_revocations(self, rows: Sequence[Row], reading: Reading) -> Encode:
        message = v1.WatchRevocationsResponse(
            revocations=map(_revocation, revocations.of_rows(rows)),
            cursor=cursors.write(self.env, reading.place, reading.time),
            read_time=convert.time(reading.time),
            caught_up=reading.is_all,
        ).SerializeToString()
        return lambda _: message

    def _encode_settings(self, rows: Sequence[Row], reading: Reading) -> Encode:
        changed = {app_id: self._present(app_id) for app_id in _apps(rows)}
        cursor = cursors.write(self.env, reading.place, reading.time)

        @cache  # many watch for nothing of what changed, or for the same
        def message(changed_ids: tuple[str, ...]) -> bytes:
            return v1.WatchSettingsResponse(
                settings=[changed[app_id] for app_id in changed_ids],
                cursor=cursor,
                read_time=convert.time(reading.time),
                caught_up=reading.is_all,
            ).SerializeToString()

        def encode(watcher: Watcher) -> bytes:
            wanted = watcher.app_ids
            return message(tuple(one for one in changed if not wanted or one in wanted))

        return encode

    def _present(self, app_id: str) -> v1.Settings:
        version = settings.of_app(app_id)
        missing = app_banks.missing(self.env, version)
        return convert_settings.settings(self.env, version, missing, endpoints.of_app(app_id))


def _apps(rows: Sequence[Row]) -> list[str]:
    return apps.living({row.app_id for row in rows}) if rows else []


def _revocation(of: Revocation) -> v1.Revocation:
    packed = v1.Revocation(
        end_time=convert.time(of.time), reason=convert.inactive_reason(of.reason)
    )
    if of.session_id:
        packed.session_id = of.session_id
    else:
        packed.kid = of.kid
    return packed


def _pieces(all_of: Iterable[Revocation]) -> Iterator[list[Revocation]]:
    remaining = iter(all_of)
    while piece := list(islice(remaining, _AT_ONCE)):
        yield piece
