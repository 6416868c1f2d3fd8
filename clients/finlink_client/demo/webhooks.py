"""The demo's last part: what happens to the app reaches the customer's own server."""

import json
import secrets
from http import HTTPStatus

from google.protobuf.duration_pb2 import Duration

from finlink.config import v1
from finlink_client.demo.cast import Cast, bare, clock, once
from finlink_client.demo.stage import Caller, SkippedError, veil
from finlink_client.errors import FinlinkError
from finlink_client.webhook_receiver import Arrival, Receiver
from finlink_client.webhooks import WebhookError, verify_webhook

EVENT_TYPES = ("secret.leaked", "secret.revoked", "connection.*")
PUBLISHED = {"connection_id": "con_42", "bank_id": "es-bbva"}
OVERLAP_SECONDS = 3600
NOT_FROM_HERE = (
    "The server may not send webhooks to this machine, so the story ends before they arrive. A"
    " server on this machine may with `serve --demo`, or with"
    " FINLINK_WEBHOOK_ALLOW_CIDRS=127.0.0.0/8."
)


def webhooks_arrive(cast: Cast) -> None:
    """Receive on this machine, verify, fail, recover; skip it if the server may not come here."""
    receiver = Receiver("127.0.0.1", 0, (), HTTPStatus.NO_CONTENT, None)
    with receiver.answering():
        cast.stage.chapter("Webhooks: a leak reaches the customer's server")
        try:
            endpoint = _an_endpoint(cast, receiver)
        except SkippedError:
            return
        _a_leak(cast, receiver)
        _a_revocation(cast, receiver)
        cast.stage.chapter("The receiver is down, and nothing is lost")
        event = _published_to_a_broken_receiver(cast, receiver)
        _what_went_wrong(cast, endpoint, event)
        _again(cast, receiver, endpoint, event)
        cast.stage.chapter("A new signing secret, with an overlap")
        _two_signatures(cast, receiver, endpoint)
        _deleted(cast, endpoint)


def _an_endpoint(cast: Cast, receiver: Receiver) -> v1.Endpoint:
    made = cast.stage.ask(
        cast.customer,
        cast.customer.webhooks.CreateEndpoint,
        v1.CreateEndpointRequest(
            app_id=cast.app.id,
            uri=receiver.uri,
            event_types=EVENT_TYPES,
            display_name="finlink demo",
            request_id=once(),
        ),
        asked=f"{receiver.uri}, for {', '.join(EVENT_TYPES)}",
        told=lambda a: f"{a.endpoint.id}, signing secret {_veiled(a.signing_secret)}",
        holds=lambda a: {"one signing secret": len(a.endpoint.signing_secrets) == 1},
        excuse=lambda error: NOT_FROM_HERE if _is_about_the_uri(error) else "",
    )
    receiver.signing_secrets = [made.signing_secret]
    return made.endpoint


def _is_about_the_uri(error: FinlinkError) -> bool:
    return error.reason == "FIELD_INVALID" and {v.field for v in error.field_violations} == {"uri"}


def _a_leak(cast: Cast, receiver: Receiver) -> None:
    leaked = cast.successor
    login, finder = Caller("server", cast.channel), Caller("finder", cast.channel)
    opened = cast.stage.ask(
        login,
        login.sessions.StartSession,
        v1.StartSessionRequest(client_id=cast.app.id, client_secret=leaked.client_secret),
        asked="with the new client secret",
        told=lambda a: f"{a.session.id}, token {veil(a.access_token)}",
    )
    cast.stage.ask(
        finder,
        finder.secrets.ReportLeakedSecret,
        v1.ReportLeakedSecretRequest(client_secret=leaked.client_secret),
        asked=f"{veil(leaked.client_secret)}, found in a public repository",
        told=lambda _: "an empty answer, as for any secret, there or not",
    )
    cast.stage.expect_webhook(
        receiver,
        "secret.leaked",
        told=lambda arrival: f"{arrival.id} verifies: the session {_ended(arrival)} has ended",
        holds=lambda arrival: {
            "that secret": _data(arrival).get("secret_id") == leaked.secret.id,
            "its session": _ended(arrival) == opened.session.id,
        },
    )
    cast.expect_inactive("its token?", opened, v1.INACTIVE_REASON_SECRET_REVOKED)


def _a_revocation(cast: Cast, receiver: Receiver) -> None:
    cast.secret = cast.stage.ask(
        cast.customer,
        cast.customer.secrets.CreateSecret,
        v1.CreateSecretRequest(app_id=cast.app.id, display_name="Demo server", request_id=once()),
        asked="in its place",
        told=lambda a: f"{a.secret.id}, shown once: {veil(a.client_secret)}",
    ).secret
    cast.stage.ask(
        cast.customer,
        cast.customer.secrets.RevokeSecret,
        cast.revocation(cast.password),
        asked="with the password",
        told=lambda a: f"{a.secret.id} is revoked",
        holds=lambda a: {"revoked": a.secret.state == v1.SECRET_STATE_REVOKED},
    )
    cast.stage.expect_webhook(
        receiver,
        "secret.revoked",
        told=lambda arrival: f"{arrival.id} verifies: {_data(arrival).get('secret_id')}",
        holds=lambda arrival: {"that secret": _data(arrival).get("secret_id") == cast.secret.id},
    )


def _published_to_a_broken_receiver(cast: Cast, receiver: Receiver) -> v1.Event:
    publisher = cast.service("publisher", v1.ROLE_PUBLISHER, ["connection."])
    cast.stage.expect_refusal(
        publisher,
        publisher.webhooks.PublishEvent,
        _to_publish(cast, "secret.revoked"),
        asked="secret.revoked, which never happened",
        reason="FIELD_INVALID",
        says=["type", "secret."],
    )
    receiver.status = HTTPStatus.INTERNAL_SERVER_ERROR
    event = cast.stage.ask(
        publisher,
        publisher.webhooks.PublishEvent,
        _to_publish(cast, "connection.ready"),
        asked="connection.ready; the receiver answers 500 by now",
        told=lambda a: a.event.id,
        holds=lambda a: {"as it was given": json.loads(a.event.payload_json)["data"] == PUBLISHED},
    ).event
    cast.stage.expect_webhook(
        receiver,
        event.type,
        told=lambda arrival: f"{arrival.id} verifies, and is answered {arrival.status}",
        holds=lambda arrival: {"that event": arrival.id == event.id},
    )
    return event


def _to_publish(cast: Cast, event_type: str) -> v1.PublishEventRequest:
    return v1.PublishEventRequest(
        app_id=cast.app.id,
        event_id=f"demo-{secrets.token_hex(6)}",
        type=event_type,
        payload_json=json.dumps(PUBLISHED),
    )


def _what_went_wrong(cast: Cast, endpoint: v1.Endpoint, event: v1.Event) -> None:
    listed = cast.stage.ask(
        cast.customer,
        cast.customer.webhooks.ListDeliveries,
        v1.ListDeliveriesRequest(endpoint_id=endpoint.id, event_id=event.id),
        asked=f"of {event.id}",
        told=lambda a: f"{a.deliveries[0].id} {_state(a.deliveries[0])}",
        # What the receiver has answered is known to the server a moment later.
        until=lambda a: (
            [_state(one) for one in a.deliveries] == ["PENDING"]
            and a.deliveries[0].attempt_count > 0
        ),
    )
    cast.stage.ask(
        cast.customer,
        cast.customer.webhooks.GetDelivery,
        v1.GetDeliveryRequest(delivery_id=listed.deliveries[0].id),
        asked="what went wrong?",
        told=lambda a: f"{a.delivery.attempts[0].problem}; next at {_next(a.delivery)}",
        holds=lambda a: {
            "the status": a.delivery.attempts[0].status == HTTPStatus.INTERNAL_SERVER_ERROR,
            "what it says, in words": "500" in a.delivery.attempts[0].problem,
        },
        rows=lambda a: [_attempt(one) for one in a.delivery.attempts],
    )


def _attempt(attempt: v1.Attempt) -> dict[str, str]:
    return {
        "attempt": str(attempt.number),
        "time (UTC)": attempt.start_time.ToDatetime().strftime("%H:%M:%S"),
        "status": str(attempt.status),
        "took": f"{attempt.latency.ToMilliseconds()} ms",
        "problem": attempt.problem,
    }


def _state(delivery: v1.Delivery) -> str:
    return bare(v1.DeliveryState.Name(delivery.state), "DELIVERY_STATE_")


def _next(delivery: v1.Delivery) -> str:
    return clock(delivery.next_attempt_time)


def _again(cast: Cast, receiver: Receiver, endpoint: v1.Endpoint, event: v1.Event) -> None:
    """Redeliver the window. By the schedule it would come too: by then it is no more missing."""
    window = v1.RedeliverEventsRequest(
        endpoint_id=endpoint.id, start_time=event.event_time, validate_only=True
    )
    cast.stage.ask(
        cast.customer,
        cast.customer.webhooks.RedeliverEvents,
        window,
        asked="all that is missing since then: how many?",
        told=lambda a: f"{a.event_count} would be sent again",
        until=lambda a: a.event_count == 1,
    )
    receiver.status = HTTPStatus.NO_CONTENT
    window.validate_only = False
    cast.stage.ask(
        cast.customer,
        cast.customer.webhooks.RedeliverEvents,
        window,
        asked="now; the receiver is well again",
        told=lambda a: f"{a.event_count} is sent again",
        holds=lambda a: {"no more than that": a.event_count <= 1},
    )
    cast.stage.expect_webhook(
        receiver,
        event.type,
        told=lambda arrival: f"{arrival.id} verifies: {_data(arrival).get('connection_id')}",
        holds=lambda arrival: {
            "the same event": arrival.id == event.id,
            "the data as it was given": _data(arrival) == PUBLISHED,
        },
    )


def _two_signatures(cast: Cast, receiver: Receiver, endpoint: v1.Endpoint) -> None:
    (old,) = receiver.signing_secrets
    new = cast.stage.ask(
        cast.customer,
        cast.customer.webhooks.RotateSigningSecret,
        v1.RotateSigningSecretRequest(
            endpoint_id=endpoint.id, overlap=Duration(seconds=OVERLAP_SECONDS), request_id=once()
        ),
        asked="an hour of overlap",
        told=lambda a: (
            f"new {_veiled(a.signing_secret)}; the old one, {_veiled(old)}, signs too until "
            f"{clock(a.endpoint.signing_secrets[1].expire_time)}"
        ),
        holds=lambda a: {"two that sign": len(a.endpoint.signing_secrets) == 2},  # noqa: PLR2004
    ).signing_secret
    test = cast.stage.ask(
        cast.customer,
        cast.customer.webhooks.SendTestEvent,
        v1.SendTestEventRequest(endpoint_id=endpoint.id),
        asked="now",
        told=lambda a: f"{a.event.id} is on its way",
    )
    cast.stage.expect_webhook(
        receiver,
        "webhook.test",
        told=lambda arrival: f"{arrival.id} verifies with the old secret and with the new one",
        holds=lambda arrival: {
            "that event": arrival.id == test.event.id,
            "signed with the old one": _is_signed(arrival, old),
            "signed with the new one": _is_signed(arrival, new),
        },
    )


def _deleted(cast: Cast, endpoint: v1.Endpoint) -> None:
    cast.stage.ask(
        cast.customer,
        cast.customer.webhooks.DeleteEndpoint,
        v1.DeleteEndpointRequest(endpoint_id=endpoint.id),
        asked=endpoint.id,
        told=lambda a: f"it is gone, with {a.cancelled_deliveries} deliveries that waited",
    )


def _data(arrival: Arrival) -> dict[str, object]:
    return arrival.event.data if arrival.event else {}


def _ended(arrival: Arrival) -> object:
    return _data(arrival).get("ended_session_id")


def _is_signed(arrival: Arrival, signing_secret: str) -> bool:
    try:
        verify_webhook(arrival.body, arrival.headers, signing_secret, now=arrival.time)
    except WebhookError:
        return False
    return True


def _veiled(signing_secret: str) -> str:
    return veil(signing_secret.rstrip("="))
