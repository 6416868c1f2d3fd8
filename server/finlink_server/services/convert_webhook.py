"""Between the domain's words about webhooks and the protos' messages."""

import json

from google.protobuf.duration_pb2 import Duration

from finlink.config import v1
from finlink_server.domain import deliveries, endpoints, event_types, events, signing_secrets
from finlink_server.domain.event_types import EventType
from finlink_server.env import MICROSECONDS, Env
from finlink_server.services.convert import enum, time
from finlink_server.storage.models import Journal
from finlink_server.storage.webhook_models import Attempt, Delivery, Endpoint

_SAMPLE_ID = "evt_01kb0m1q2wfv8s6x4d9r3t7z5h"
_SAMPLE_APP = "app_01kb0kz7h4e9n2v5c8x1t6q3m0"
_SAMPLE_TIME = "2026-11-22T03:14:15.926535Z"


def endpoint(env: Env, row: Endpoint) -> v1.Endpoint:
    """Pack an endpoint."""
    return v1.Endpoint(
        id=row.id,
        app_id=row.app_id,
        uri=row.uri,
        event_types=row.event_types.split(),
        display_name=row.display_name,
        disabled=row.disable_time is not None,
        disabled_reason=enum(v1.DisabledReason, "DISABLED_REASON", row.disabled_reason),
        disable_time=time(row.disable_time),
        failing_since_time=time(row.failing_since_time),
        create_time=time(row.create_time),
        update_time=time(row.update_time),
        signing_secrets=[
            v1.SigningSecret(
                hint=one.hint,
                create_time=time(one.create_time),
                expire_time=time(one.expire_time),
            )
            for one in signing_secrets.live(env, row.id)
        ],
        etag=endpoints.endpoint_etag(row),
    )


def event(row: Journal, body: bytes) -> v1.Event:
    """Pack an event with the body that is sent."""
    return v1.Event(
        id=events.public_id(row),
        app_id=row.app_id,
        type=row.event,
        event_time=time(row.time),
        payload_json=body.decode(),
    )


def delivery(row: Delivery) -> v1.Delivery:
    """Pack a delivery, without its attempts."""
    return v1.Delivery(
        id=row.id,
        endpoint_id=row.endpoint_id,
        event_id=row.event_id,
        event_type=row.event_type,
        state=enum(v1.DeliveryState, "DELIVERY_STATE", row.state),
        cancel_reason=enum(v1.CancelReason, "CANCEL_REASON", row.cancel_reason),
        cause=enum(v1.DeliveryCause, "DELIVERY_CAUSE", row.cause),
        attempt_count=row.attempt_count,
        next_attempt_time=time(row.next_attempt_time),
        create_time=time(row.create_time),
        end_time=time(row.end_time),
    )


def attempt(env: Env, row: Attempt) -> v1.Attempt:
    """Pack an attempt."""
    seconds, rest = divmod(row.latency, MICROSECONDS)
    return v1.Attempt(
        number=row.number,
        start_time=time(row.start_time),
        latency=Duration(seconds=seconds, nanos=rest * 1000),
        status=row.status or 0,
        problem=row.problem,
        response=deliveries.response(env, row),
        truncated=bool(row.truncated),
    )


def event_type(kind: EventType) -> v1.EventType:
    """Pack a type of events with a sample of what is sent."""
    sample = {
        "type": kind.name,
        "id": _SAMPLE_ID,
        "timestamp": _SAMPLE_TIME,
        "app_id": _SAMPLE_APP,
        "data": kind.sample,
    }
    return v1.EventType(
        name=kind.name,
        description=kind.description,
        sample_json=json.dumps(sample, separators=(",", ":"), ensure_ascii=False),
    )


def event_types_known() -> list[v1.EventType]:
    """Pack every type of events, by name."""
    return [event_type(kind) for kind in sorted(event_types.TYPES, key=lambda kind: kind.name)]
