"""Webhook endpoints: where an app's events are sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from finlink_server.domain import (
    deliveries,
    event_types,
    idempotency,
    journal,
    paging,
    signing_secrets,
    uris,
    visible,
)
from finlink_server.domain.caller import Caller
from finlink_server.domain.etags import check_etag, revision_etag
from finlink_server.domain.idempotency import Once
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import EndpointAlreadyExists, EndpointLimitReached, FieldInvalid
from finlink_server.resolver import AddressRefused
from finlink_server.storage import rows
from finlink_server.storage.webhook_models import Delivery, Endpoint

MOST: Final = 10


@dataclass(frozen=True)
class Created:
    """An endpoint with a new signing secret, whose plaintext exists only in the answer."""

    endpoint: Endpoint
    signing_secret: str = field(repr=False)


@dataclass(frozen=True)
class Change:
    """New values for an endpoint, and which of them to take: paths of an update mask."""

    paths: frozenset[str]
    uri: str
    event_types: Sequence[str]
    display_name: str
    disabled: bool

    def names(self, path: str) -> bool:
        """Whether the mask names a path."""
        return not self.paths.isdisjoint({path, "*"})


def create(
    env: Env,
    caller: Caller,
    app_id: str,
    uri: str,
    wanted: Sequence[str],
    display_name: str,
    once: Once,
) -> Created:
    """Make an endpoint, which gets what happens from now on."""
    app = visible.app(caller, app_id)
    app_id, owner = app.id, app.account_id
    event_types.check_wanted("event_types", wanted)
    _refuse_repeat(env, caller, once)
    _check_uri(env, "uri", uri)  # may take seconds: before the transaction
    with env.transaction(app_id, once.lock, under=[owner]):
        app = visible.app(caller, app_id)
        _refuse_repeat(env, caller, once)
        if len(of_app(app.id)) >= MOST:
            raise EndpointLimitReached(app_id=app.id, limit=MOST)
        endpoint_id = env.new_id("whe")
        idempotency.remember(env, caller, once, endpoint_id)
        row = journal.write_now(
            env,
            caller,
            "endpoint.created",
            endpoint_id,
            account_id=app.account_id,
            app_id=app.id,
            uri=uri,
            event_types=list(wanted),
        )
        now = env.now()
        endpoint: Endpoint = Endpoint.create(
            id=endpoint_id,
            app=app.id,
            uri=uri,
            event_types=" ".join(wanted),
            display_name=display_name,
            from_seq=row.seq,
            create_time=now,
            update_time=now,
        )
        return Created(endpoint, signing_secrets.create(env, endpoint_id))


def page(env: Env, caller: Caller, app_id: str, size: int, token: str) -> paging.Page[Endpoint]:
    """List an app's endpoints, oldest first."""
    app = visible.app(caller, app_id)
    query = Endpoint.select().where(Endpoint.app == app.id, Endpoint.delete_time.is_null())
    return paging.page(env, caller, query, Endpoint.id, size=size, token=token, filters=app.id)


def of_app(app_id: str) -> list[Endpoint]:
    """All endpoints of an app, oldest first."""
    return rows.find_all(Endpoint, "app_id = ? AND delete_time IS NULL ORDER BY id", app_id)


def update(env: Env, caller: Caller, endpoint_id: str, etag: str, change: Change) -> Endpoint:
    """Take over the masked values; disabling cancels what waits."""
    present = visible.endpoint(caller, endpoint_id)
    if change.names("event_types"):
        event_types.check_wanted("endpoint.event_types", change.event_types)
    if change.names("uri") and change.uri != present.uri:
        _check_uri(env, "endpoint.uri", change.uri)  # may take seconds: before the transaction
    with env.transaction(present.app_id, under=[present.app.account_id]):
        endpoint = visible.endpoint(caller, endpoint_id)
        check_etag(etag, endpoint_etag(endpoint))
        facts = _take(env, endpoint, change)
        if facts:
            endpoint.revision += 1
            endpoint.update_time = env.now()
            endpoint.save()
            _journal(env, caller, "endpoint.updated", endpoint, **facts)
        return endpoint


def delete(env: Env, caller: Caller, endpoint_id: str) -> int:
    """Delete an endpoint for good; how many deliveries that cancelled."""
    app = visible.endpoint(caller, endpoint_id).app
    with env.transaction(app.id, under=[app.account_id]):
        endpoint = visible.endpoint(caller, endpoint_id)
        endpoint.delete_time = env.now()
        endpoint.save(only=[Endpoint.delete_time])
        count = deliveries.cancel(env, "ENDPOINT_DELETED", Delivery.endpoint == endpoint_id)
        _journal(env, caller, "endpoint.deleted", endpoint, cancelled_deliveries=count)
        return count


def rotate(env: Env, caller: Caller, endpoint_id: str, overlap: int, once: Once) -> Created:
    """Make a new signing secret; those before sign too for the overlap (microseconds)."""
    app_id = visible.endpoint(caller, endpoint_id).app_id
    with env.transaction(app_id, once.lock):
        endpoint = visible.endpoint(caller, endpoint_id)
        _refuse_repeat(env, caller, once)
        signing_secrets.retire(env, endpoint_id, overlap)
        plaintext = signing_secrets.create(env, endpoint_id)
        seconds = overlap // MICROSECONDS
        _journal(env, caller, "endpoint.signing_secret_rotated", endpoint, overlap_seconds=seconds)
        idempotency.remember(env, caller, once, endpoint_id)
        return Created(endpoint, plaintext)


def disable(env: Env, caller: Caller, endpoint: Endpoint, reason: str) -> None:
    """Stop sending to an endpoint that does not answer, in the caller's transaction."""
    _disable(env, endpoint, reason)
    endpoint.save()
    _journal(env, caller, "endpoint.disabled", endpoint, disabled_reason=reason)


def end_of_app(env: Env, app_id: str) -> None:
    """Delete the endpoints of an app that is being deleted, in the caller's transaction."""
    ids = [endpoint.id for endpoint in of_app(app_id)]
    (
        Endpoint.update(delete_time=env.now())
        .where(Endpoint.app == app_id, Endpoint.delete_time.is_null())
        .execute()
    )
    deliveries.cancel(env, "APP_DELETED", Delivery.endpoint.in_(ids))


def endpoint_etag(endpoint: Endpoint) -> str:
    """The etag of what a caller can change."""
    return revision_etag(endpoint.id, endpoint.revision)


def _take(env: Env, endpoint: Endpoint, change: Change) -> dict[str, object]:
    """Take over what changes, and give the facts for the journal."""
    wanted = " ".join(change.event_types)
    facts: dict[str, object] = {}
    for name, value in (
        ("uri", change.uri),
        ("event_types", wanted),
        ("display_name", change.display_name),
    ):
        old = getattr(endpoint, name)
        if change.names(name) and value != old:
            facts[name] = {"old": old, "new": value}
            setattr(endpoint, name, value)
    if "uri" in facts:
        endpoint.failing_since_time, endpoint.hold_until = None, 0
    if change.names("disabled") and change.disabled != (endpoint.disable_time is not None):
        facts["disabled"] = change.disabled
        if change.disabled:
            _disable(env, endpoint, "REQUESTED")
            facts["disabled_reason"] = "REQUESTED"
        else:
            endpoint.disable_time = endpoint.disabled_reason = None
            endpoint.failing_since_time, endpoint.hold_until = None, 0
    return facts


def _disable(env: Env, endpoint: Endpoint, reason: str) -> None:
    endpoint.disable_time, endpoint.disabled_reason = env.now(), reason
    deliveries.cancel(env, "ENDPOINT_DISABLED", Delivery.endpoint == endpoint.id)


def _check_uri(env: Env, field: str, uri: str) -> None:
    problem = uris.webhook_problem(uri)
    if not problem:
        host, plain = uris.host_of(uri)
        try:
            env.resolver.addresses(host, plain=plain)
        except AddressRefused as refused:
            problem = (
                f"cannot be reached by webhooks: {refused}; they go to public addresses over"
                " https, and to those that the operator opened"
            )
    if problem:
        raise FieldInvalid.of(field, problem)


def _refuse_repeat(env: Env, caller: Caller, once: Once) -> None:
    earlier = idempotency.find(env, caller, once)
    if earlier is not None:
        raise EndpointAlreadyExists(endpoint_id=earlier)


def _journal(env: Env, caller: Caller, event: str, endpoint: Endpoint, **facts: object) -> None:
    journal.write(
        env,
        caller,
        event,
        endpoint.id,
        account_id=endpoint.app.account_id,
        app_id=endpoint.app_id,
        **facts,
    )
