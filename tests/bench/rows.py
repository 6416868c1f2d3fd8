"""The rows of the table: what is called, and how often it is to be compared with nothing."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.message import Message
from tests.bench import server as entry
from tests.bench.load import Call, Load, ask, repeat, send, take
from tests.bench.population import Population
from tests.bench.servers import Server

from finlink.config import v1
from finlink_server.domain.caller import Role

_PACKAGE = "finlink.config.v1"
_PROBES = 200
_MOST_OPENS = 100
_A_BATCH = 100
BARE, EMPTY = "bare", "empty"
VALIDATE_IN_TURN = "ValidateSession, tokens in turn"


@dataclass(frozen=True)
class Row:
    """One method under load. `bodies`: those that vary, in the order in which to send them."""

    name: str
    call: Call
    bodies: Iterator[Call] | None = None
    target: float | None = None  # of the throughput of `empty`; of `bare` for that itself
    things: int = 1  # that one call is about

    def measure(self, server: Server, seconds: float, in_flight: int) -> Load:
        """Put the server under this load for about so long."""
        probe = self._run(server, _PROBES, in_flight)
        return self._run(server, max(_PROBES, int(probe.rate * seconds)), in_flight)

    def _run(self, server: Server, calls: int, in_flight: int) -> Load:
        if self.bodies is None:
            return repeat(server, self.call, calls, in_flight)
        return send(server, self.call.method, take(self.bodies, calls), in_flight)


def references(who: Population) -> tuple[Row, Row]:
    """What every row is compared with: the framework alone, and what surrounds every call."""
    empty = Call(entry.METHOD, who.keys[Role.VERIFIER])
    return Row(BARE, empty), Row(EMPTY, empty, target=0.8)


def all_of(who: Population, server: Server) -> list[Row]:
    """The rows, for a server with these customers."""
    verifier = who.keys[Role.VERIFIER]
    validate = f"/{_PACKAGE}.SessionService/ValidateSession"
    batch = v1.BatchValidateSessionsRequest(access_tokens=who.session_tokens[:_A_BATCH])
    return [
        Row("ValidateSession", next(_validations(who, validate)), target=0.9),
        _varied(VALIDATE_IN_TURN, _validations(who, validate)),
        Row(
            f"BatchValidateSessions, {_A_BATCH} a call",
            _call("SessionService", "BatchValidateSessions", verifier, batch),
            things=_A_BATCH,
        ),
        _varied("StartSession", _logins(who), 0.4),
        _varied("CreateLinkToken", _link_tokens(who), 0.35),
        _varied("OpenLink, by auth token", _opens_by_token(who, server), 0.3),
        _varied("OpenLink, by URL", _opens_by_url(who), 0.3),
        _varied("PublishEvent", _events(who), 0.4),
        Row(
            "GetSettings",
            _call(
                "SettingsService", "GetSettings", verifier, v1.GetSettingsRequest(app_id=who.app_id)
            ),
            target=0.8,
        ),
    ]


def _varied(name: str, bodies: Iterator[Call], target: float | None = None) -> Row:
    return Row(name, next(bodies), bodies, target)


def _validations(who: Population, method: str) -> Iterator[Call]:
    for token in itertools.cycle(who.session_tokens):
        request = v1.ValidateSessionRequest(access_token=token)
        yield Call(method, who.keys[Role.VERIFIER], request.SerializeToString())


def _logins(who: Population) -> Iterator[Call]:
    for client_id, client_secret in itertools.cycle(who.client_secrets):
        request = v1.StartSessionRequest(client_id=client_id, client_secret=client_secret)
        yield _call("SessionService", "StartSession", "", request)


def _link_tokens(who: Population, max_opens: int = 1) -> Iterator[Call]:
    for index in itertools.count():
        request = v1.CreateLinkTokenRequest(
            parameters=v1.LinkParameters(
                redirect_id=who.redirect_id,
                product=v1.PRODUCT_TRANSACTIONS,
                external_id=f"customer-{index}",
            ),
            max_opens=max_opens,
        )
        yield _call("LinkService", "CreateLinkToken", who.session_tokens[0], request)


def _opens_by_token(who: Population, server: Server) -> Iterator[Call]:
    for create in _link_tokens(who, _MOST_OPENS):
        made = v1.CreateLinkTokenResponse.FromString(ask(server, create))
        request = v1.OpenLinkRequest(query=f"authToken={made.auth_token}")
        yield from itertools.repeat(_open(who, request), _MOST_OPENS)


def _opens_by_url(who: Population) -> Iterator[Call]:
    for index in itertools.count():
        query = f"id={who.redirect_id}&product=TRANSACTIONS&external_id=customer-{index}"
        yield _open(who, v1.OpenLinkRequest(query=query))


def _open(who: Population, request: v1.OpenLinkRequest) -> Call:
    return _call("LinkService", "OpenLink", who.keys[Role.LINK], request)


def _events(who: Population) -> Iterator[Call]:
    while True:
        request = v1.PublishEventRequest(
            app_id=who.app_id,
            event_id=str(uuid.uuid4()),
            type="connection.ready",
            payload_json='{"connection_id":"con_1","products":["TRANSACTIONS"]}',
        )
        yield _call("WebhookService", "PublishEvent", who.keys[Role.PUBLISHER], request)


def _call(service: str, method: str, credential: str, request: Message) -> Call:
    return Call(f"/{_PACKAGE}.{service}/{method}", credential, request.SerializeToString())
