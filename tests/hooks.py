"""Webhook endpoints at the tests' receiver, and what becomes of their deliveries."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests import people
from tests.gates import until
from tests.receiver import Behaviour, Receiver, Request, answer, slow

from finlink.config import v1
from finlink_server.dispatcher import Dispatcher
from finlink_server.domain.caller import Role

_numbers = itertools.count(1)


def seconds(timestamp: Any) -> float:
    """A message's time as seconds since 1970."""
    return float(timestamp.ToMicroseconds()) / 1_000_000


@dataclass(frozen=True)
class Platform:
    """Those whose credentials outlive every account token, however far the clock is moved."""

    operator: people.Caller
    publisher: people.Caller

    def publish(self, app_id: str, event_id: str = "", **fields: str) -> str:
        """Publish an event of another service, and give its id."""
        asked = {"type": "connection.ready", "payload_json": "{}", **fields}
        answered = self.publisher.webhooks.PublishEvent(
            app_id=app_id, event_id=event_id or f"conn-{next(_numbers)}", **asked
        )
        return str(answered.event.id)


@dataclass(frozen=True)
class Hook:
    """An endpoint of an app, at a path of the receiver."""

    id: str
    path: str
    app_id: str
    platform: Platform
    receiver: Receiver

    def on(self, behaviour: Behaviour) -> None:
        self.receiver.on(self.path, behaviour)

    @property
    def requests(self) -> list[Request]:
        return self.receiver.to(self.path)

    @property
    def received(self) -> list[str]:
        """The ids of the events that arrived, in their order, repeats included."""
        return [request.headers["webhook-id"] for request in self.requests]

    def wait_for(self, number: int) -> list[Request]:
        return self.receiver.wait_for(number, self.path)

    def publish(self, event_id: str = "", **fields: str) -> str:
        return self.platform.publish(self.app_id, event_id, **fields)

    def deliveries(self, **filters: Any) -> list[v1.Delivery]:
        """Its deliveries, newest first."""
        webhooks = self.platform.operator.webhooks
        return list(
            webhooks.ListDeliveries(endpoint_id=self.id, page_size=500, **filters).deliveries
        )

    def delivery(self, event_id: str) -> v1.Delivery:
        """The newest delivery of an event, with its attempts; there must be one, or soon be."""
        return self._delivery(event_id, lambda _: True)

    def settled(self, event_id: str, attempts: int = 1) -> v1.Delivery:
        """Wait until so many attempts have come to their end, and give the delivery."""
        return self._delivery(
            event_id,
            lambda found: (
                found.state != v1.DELIVERY_STATE_SENDING
                and found.attempt_count == len(found.attempts) >= attempts
            ),
        )

    def ended(self, event_id: str) -> v1.Delivery:
        """Wait until a delivery has come to its end."""
        return self._delivery(event_id, lambda found: found.HasField("end_time"))

    def _delivery(self, event_id: str, wanted: Callable[[v1.Delivery], bool]) -> v1.Delivery:
        found: list[v1.Delivery] = []

        def is_as_wanted() -> bool:
            found[:] = found or self.deliveries(event_id=event_id)[:1]
            for one in found:
                webhooks = self.platform.operator.webhooks
                found[0] = webhooks.GetDelivery(delivery_id=one.id).delivery
            return bool(found) and wanted(found[0])

        until(is_as_wanted)
        return found[0]

    def endpoint(self) -> v1.Endpoint:
        endpoint: v1.Endpoint = self.platform.operator.webhooks.GetEndpoint(
            endpoint_id=self.id
        ).endpoint
        return endpoint

    def update(self, owner: people.Account, **fields: Any) -> None:
        owner.webhooks.UpdateEndpoint(
            endpoint={"id": self.id, **fields}, update_mask={"paths": list(fields)}
        )

    def look(self) -> None:
        """Go on when the server has looked for what is due at this time: it found this event."""
        assert self.settled(self.publish()).state == v1.DELIVERY_STATE_DELIVERED


NewHook = Callable[..., Hook]


@contextmanager
def stopped(server: Any) -> Iterator[None]:
    """Let nothing be sent meanwhile: the test works on the queue itself."""
    server.app.dispatcher.close(5)
    yield
    dispatcher = Dispatcher(server.env, server.config.limit_webhook_rate)
    server.app = replace(server.app, dispatcher=dispatcher)


@pytest.fixture(scope="session")
def platform(server: Any, operator: people.Caller) -> Platform:
    return Platform(operator, server.key(Role.PUBLISHER, prefixes=("connection.",)))


@pytest.fixture
def new_hook(
    account: people.Account, app: v1.App, platform: Platform, receiver: Receiver
) -> NewHook:
    """Make endpoints, of one app unless told otherwise."""

    def make(path: str, owner: people.Account = account, of: v1.App = app, **fields: Any) -> Hook:
        asked = {"uri": receiver.uri(path), **fields}
        answered = owner.webhooks.CreateEndpoint(app_id=of.id, **asked)
        return Hook(answered.endpoint.id, path, of.id, platform, receiver)

    return make


@pytest.fixture
def hook(new_hook: NewHook) -> Hook:
    return new_hook("/hook")


@pytest.fixture
def probe(new_hook: NewHook, stranger: people.Account) -> Hook:
    """An endpoint of somebody else, at which all is well."""
    return new_hook("/probe", stranger, people.new_app(stranger))


@pytest.fixture
def released(hook: Hook) -> Iterator[threading.Event]:
    """Lets the receiver answer the endpoint, which holds what comes until then."""
    event = threading.Event()
    hook.on(slow(event, answer(200)))
    yield event
    event.set()
