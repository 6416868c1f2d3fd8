"""Service keys: the credentials of the platform's own services."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from finlink_server import credentials
from finlink_server.domain import event_types, idempotency, journal, paging
from finlink_server.domain.caller import Caller, Role
from finlink_server.domain.idempotency import Once
from finlink_server.env import Env
from finlink_server.errors import FieldInvalid, ServiceKeyAlreadyExists, ServiceKeyNotFound
from finlink_server.storage.models import ServiceKey


@dataclass(frozen=True)
class Created:
    """A new service key and its plaintext, which exists only in the answer."""

    row: ServiceKey
    plaintext: str = field(repr=False)


def create(
    env: Env,
    caller: Caller,
    display_name: str,
    roles: Sequence[Role],
    event_prefixes: Sequence[str],
    once: Once,
) -> Created:
    """Make a service key."""
    if (Role.PUBLISHER in roles) != bool(event_prefixes):
        raise FieldInvalid.of("event_prefixes", "goes with the role PUBLISHER, which needs it")
    for index, prefix in enumerate(event_prefixes):
        if event_types.is_reserved(prefix):
            raise FieldInvalid.of(
                f"event_prefixes[{index}]",
                f"must not begin with `{prefix.partition('.')[0]}.`: those are this service's own",
            )
    plain = credentials.SERVICE_KEY.new()
    key_id = env.new_id("key")
    with env.transaction(once.lock):
        earlier = idempotency.find(env, caller, once)
        if earlier is not None:
            raise ServiceKeyAlreadyExists(service_key_id=earlier)
        row = ServiceKey.create(
            id=key_id,
            lookup=plain.lookup,
            sealed_hash=env.keyring.seal(plain.hash(), hash_place(key_id)),
            hint=plain.hint,
            display_name=display_name,
            roles=" ".join(role.value for role in Role if role in roles),
            event_prefixes=" ".join(event_prefixes),
            create_time=env.now(),
        )
        journal.write(
            env,
            caller,
            "service_key.created",
            row.id,
            roles=row.roles.split(),
            event_prefixes=list(event_prefixes),
            display_name=display_name,
        )
        idempotency.remember(env, caller, once, row.id)
        return Created(row, plain.text)


def page(
    env: Env, caller: Caller, size: int, token: str, *, show_inactive: bool
) -> paging.Page[ServiceKey]:
    """List the service keys, oldest first."""
    query = ServiceKey.select()
    if not show_inactive:
        query = query.where(ServiceKey.revoke_time.is_null())
    return paging.page(
        env, caller, query, ServiceKey.id, size=size, token=token, filters=show_inactive
    )


def revoke(env: Env, caller: Caller, key_id: str) -> ServiceKey:
    """End a service key for good; one that has ended stays as it is."""
    with env.transaction(key_id):
        row: ServiceKey | None = ServiceKey.get_or_none(ServiceKey.id == key_id)
        if row is None:
            raise ServiceKeyNotFound(service_key_id=key_id)
        if row.revoke_time is None:
            row.revoke_time = env.now()
            row.save(only=[ServiceKey.revoke_time])
            journal.write(env, caller, "service_key.revoked", row.id)
        return row


def find(env: Env, text: str) -> ServiceKey | None:
    """Find the live key with this plaintext."""
    plain = credentials.SERVICE_KEY.parse(text)
    if plain is None:
        return None
    row: ServiceKey | None = ServiceKey.get_or_none(ServiceKey.lookup == plain.lookup)
    stored = env.keyring.open(row.sealed_hash, hash_place(row.id)) if row else credentials.NOBODY
    if not plain.matches(stored) or row is None or row.revoke_time is not None:
        return None
    return row


def hash_place(key_id: str) -> str:
    """Where a service key's hash is sealed for."""
    return f"service_key.hash:{key_id}"
