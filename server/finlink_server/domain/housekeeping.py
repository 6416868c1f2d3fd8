"""What has to be done from time to time: renew keys, tell of ends that are near, and purge.

Every process may do so at any time: nothing is told twice.
"""

from collections.abc import Iterator
from typing import Final

from peewee import SQL

from finlink_server.domain import delivery_queue, events, journal, signing_keys
from finlink_server.domain.caller import Call, Caller, CallerKind
from finlink_server.env import MICROSECONDS, Env
from finlink_server.storage.models import App, Property, Secret
from finlink_server.storage.webhook_models import SigningSecret

_BY: Final = Caller(CallerKind.SERVER, Call(method="housekeeping"), id="finlink-server")
_DAY: Final = 24 * 3600 * MICROSECONDS
_DAYS_BEFORE: Final = (1, 7)  # the more urgent first
_TOLD_UNTIL: Final = "secret_expiring_until"
_AT_ONCE: Final = 500
_LOCK: Final = "housekeeping"
# As the index over them has it.
_IS_LIVE: Final = SQL("revoke_time IS NULL AND expire_time IS NOT NULL")

_OLD_DELIVERIES: Final = "SELECT id FROM delivery WHERE end_time < ? ORDER BY end_time LIMIT ?"
_IS_FINISHED: Final = """NOT EXISTS (
    SELECT 1 FROM delivery
    WHERE delivery.event_seq = event_payload.event_seq AND state IN ('PENDING', 'SENDING')
)"""
_OLD_PAYLOADS: Final = f"""
SELECT event_seq FROM event_payload
WHERE event_seq <= ? AND event_seq <= ? AND {_IS_FINISHED} ORDER BY event_seq LIMIT ?
"""  # noqa: S608
# Asked again: between the look and the transaction somebody may have had it sent again.
_FORGET_PAYLOAD: Final = f"DELETE FROM event_payload WHERE event_seq = ? AND {_IS_FINISHED}"  # noqa: S608
_OLD_TRACES: Final = "SELECT event_id FROM event_trace WHERE time < ? ORDER BY time LIMIT ?"


def run(env: Env) -> bool:
    """Do what is due, in small pieces; whether there is more to do at once."""
    signing_keys.renew(env, _BY)
    _tell_of_expiring(env)
    return purge(env)


def purge(env: Env) -> bool:
    """Forget deliveries and payloads of 30 days ago that are finished; whether there are more.

    And in which traces they began.
    """
    before = env.now() - events.RETENTION
    old = _ids(env, _OLD_DELIVERIES, before)
    last_old = journal.seq_before(env, before)
    payloads = _ids(env, _OLD_PAYLOADS, last_old, delivery_queue.last_seq())
    traces = _ids(env, _OLD_TRACES, before)
    if old or payloads or traces:
        with env.transaction(_LOCK):
            env.database.write_many("DELETE FROM attempt WHERE delivery_id = ?", old)
            env.database.write_many("DELETE FROM delivery WHERE id = ?", old)
            env.database.write_many(_FORGET_PAYLOAD, payloads)
            env.database.write_many("DELETE FROM event_trace WHERE event_id = ?", traces)
    ended = SigningSecret.expire_time < before
    if SigningSecret.select().where(ended).exists():
        with env.transaction(_LOCK):
            SigningSecret.delete().where(ended).execute()
    return _AT_ONCE in {len(old), len(payloads), len(traces)}


def _tell_of_expiring(env: Env) -> None:
    now = env.now()
    with env.transaction(_LOCK):
        row = Property.get_or_none(Property.key == _TOLD_UNTIL)
        # A clock that was ahead must not silence it: what was told is not told again.
        told_until = min(int(row.value), now) if row else now
        for secret, days in _newly_expiring(told_until, now):
            journal.write_once(
                env,
                _BY,
                "secret.expiring",
                secret.id,
                once=f"secret.expiring|{secret.id}|{secret.expire_time}|{days}",
                account_id=secret.app.account_id,
                app_id=secret.app_id,
                hint=secret.hint,
                expire_time=secret.expire_time,
                days_left=days,
            )
        (
            Property.insert(key=_TOLD_UNTIL, value=str(now))
            .on_conflict(conflict_target=[Property.key], preserve=[Property.value])
            .execute()
        )


def _newly_expiring(told_until: int, now: int) -> Iterator[tuple[Secret, int]]:
    """Secrets that came within some days of their end; after a long pause each once."""
    told = set()
    for days in _DAYS_BEFORE:
        ahead = days * _DAY
        rows = (
            Secret.select(Secret, App)
            .join(App)
            .where(
                _IS_LIVE,
                Secret.expire_time > max(now, told_until + ahead),
                Secret.expire_time <= now + ahead,
                App.delete_time.is_null(),
            )
        )
        for secret in rows:
            # Whoever set an end nearer than that knows.
            if secret.id not in told and int(secret.expire_time or 0) - ahead > _end_set_time(
                secret
            ):
                told.add(secret.id)
                yield secret, days


def _end_set_time(secret: Secret) -> int:
    if secret.end_reason == "ROTATED":
        return int(Secret.get_by_id(secret.replaced_by).create_time)
    return int(secret.create_time)


def _ids(env: Env, sql: str, *parameters: int) -> list[tuple[object]]:
    return [(row[0],) for row in env.database.execute(sql, *parameters, _AT_ONCE).fetchall()]
