"""Between the domain's words and the protos' messages."""

import json
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from finlink.config import v1
from finlink_server import shapes
from finlink_server.domain import audit, secret_state, sessions
from finlink_server.domain.caller import SCOPES
from finlink_server.domain.idempotency import Once
from finlink_server.domain.memory import KnownSession
from finlink_server.env import MICROSECONDS, Env
from finlink_server.storage import models

_YEAR_10000: Final = 253_402_300_800 * MICROSECONDS  # no Timestamp goes so far


def once(request: Any) -> Once:  # noqa: ANN401 - any request with a request_id
    """The request_id, and the request without it and without passwords, as bytes."""
    body = type(request)()
    body.CopyFrom(request)
    body.DiscardUnknownFields()
    for field in ("request_id", *shapes.password_fields(body.DESCRIPTOR)):
        body.ClearField(field)
    return Once(request.request_id.lower(), body.SerializeToString(deterministic=True))


def time(micros: int | None) -> Timestamp | None:
    """A Timestamp, or None for what has no time."""
    if micros is None:
        return None
    seconds, rest = divmod(micros, MICROSECONDS)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def micros(message: Message, field: str) -> int | None:
    """The microseconds of a Timestamp field; None if it is unset."""
    if not message.HasField(field):
        return None
    value: Timestamp = getattr(message, field)
    return value.seconds * MICROSECONDS + value.nanos // 1000


def seconds(message: Message, field: str, default: int) -> int:
    """The whole seconds of a Duration field; the default if it is unset."""
    if not message.HasField(field):
        return default
    value: Duration = getattr(message, field)
    return value.seconds


def enum(kind: Any, prefix: str, name: str | None) -> Any:  # noqa: ANN401 - an enum's wrapper
    """The value of an enum by its name without the prefix; nothing is UNSPECIFIED."""
    return kind.Value(f"{prefix}_{name}") if name else 0


def word(kind: Any, prefix: str, value: int) -> str:  # noqa: ANN401 - an enum's wrapper
    """The name of an enum's value without its prefix; UNSPECIFIED is nothing."""
    return kind.Name(value).removeprefix(f"{prefix}_") if value else ""


def environment(name: str) -> v1.Environment.ValueType:
    """The environment of an app."""
    value: v1.Environment.ValueType = enum(v1.Environment, "ENVIRONMENT", name)
    return value


def account(row: models.Account) -> v1.Account:
    """Pack an account."""
    if row.suspend_time is not None:
        state = "SUSPENDED"
    else:
        state = "PENDING" if row.sealed_password is None else "ACTIVE"
    return v1.Account(
        id=row.id,
        email=row.email,
        display_name=row.display_name,
        state=enum(v1.AccountState, "ACCOUNT_STATE", state),
        create_time=time(row.create_time),
        suspend_time=time(row.suspend_time),
    )


def app(row: models.App, etag: str) -> v1.App:
    """Pack an app."""
    return v1.App(
        id=row.id,
        account_id=row.account_id,
        display_name=row.display_name,
        public_name=row.public_name,
        environment=environment(row.environment),
        create_time=time(row.create_time),
        update_time=time(row.update_time),
        etag=etag,
        delete_time=time(row.delete_time),
    )


def audit_event(row: models.Journal) -> v1.AuditEvent:
    """Pack a row of the journal."""
    packed = v1.AuditEvent(
        id=row.id,
        type=row.type,
        event_time=time(row.time),
        account_id=row.account_id,
        app_id=row.app_id,
        actor=v1.Actor(kind=enum(v1.ActorKind, "ACTOR_KIND", row.actor_kind), id=row.actor_id),
        target_id=row.target_id,
        call_id=row.call_id,
        client_trace_id=row.client_trace_id,
        client_address=row.client_address,
        count=row.count,
    )
    packed.facts.update(json.loads(row.facts))
    return packed


def audit_problem(problem: audit.Problem | None) -> v1.AuditProblem | None:
    """Pack what is wrong with a chain of the journal."""
    if problem is None:
        return None
    said = problem.row.said if problem.row else {}  # whatever somebody made of it
    when = said.get("time")
    return v1.AuditProblem(
        kind=enum(v1.AuditProblemKind, "AUDIT_PROBLEM_KIND", problem.kind),
        description=problem.sentence,
        event_id=audit.shown(said.get("id", "")),
        event_type=audit.shown(said.get("type", "")),
        event_time=time(when) if isinstance(when, int) and 0 <= when < _YEAR_10000 else None,
    )


def secret(env: Env, row: models.Secret) -> v1.Secret:
    """Pack a secret."""
    return v1.Secret(
        id=row.id,
        app_id=row.app_id,
        display_name=row.display_name,
        hint=row.hint,
        state=enum(v1.SecretState, "SECRET_STATE", secret_state.state(env, row)),
        scopes=row.scopes.split(),
        allowed_cidrs=secret_state.cidrs(row),
        create_time=time(row.create_time),
        expire_time=time(row.expire_time),
        revoke_time=time(row.revoke_time),
        last_use_time=time(row.last_use_time),
        end_reason=enum(v1.SecretEndReason, "SECRET_END_REASON", secret_state.end_reason(env, row)),
        replaced_by=row.replaced_by or "",
        etag=secret_state.etag(row),
    )


def session(env: Env, row: models.Session) -> v1.Session:
    """Pack a session."""
    return v1.Session(
        id=row.id,
        app_id=row.app_id,
        account_id=row.account_id,
        environment=environment(row.environment),
        secret_id=row.secret_id,
        scopes=row.scopes.split(),
        create_time=time(row.create_time),
        expire_time=time(row.expire_time),
        end_time=time(sessions.end_time(env, row)),
        end_reason=inactive_reason(sessions.inactive_reason(env, row)),
        superseded_by=row.superseded_by or "",
    )


def known_session(known: KnownSession) -> v1.Session:
    """Pack an active session from memory."""
    return v1.Session(
        id=known.id,
        app_id=known.app_id,
        account_id=known.account_id,
        environment=environment(known.environment),
        secret_id=known.secret_id,
        scopes=[scope for scope in SCOPES if scope in known.scopes],
        create_time=time(known.create_time),
        expire_time=time(known.expire_time),
    )


def inactive_reason(name: str) -> v1.InactiveReason.ValueType:
    """Why a token is not active."""
    value: v1.InactiveReason.ValueType = enum(v1.InactiveReason, "INACTIVE_REASON", name)
    return value


def service_key(row: models.ServiceKey) -> v1.ServiceKey:
    """Pack a service key."""
    return v1.ServiceKey(
        id=row.id,
        display_name=row.display_name,
        roles=[enum(v1.Role, "ROLE", role) for role in row.roles.split()],
        event_prefixes=row.event_prefixes.split(),
        hint=row.hint,
        create_time=time(row.create_time),
        revoke_time=time(row.revoke_time),
    )
