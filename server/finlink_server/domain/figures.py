"""Figures of the whole service, which one process reads from the database now and then."""

from typing import Final

from finlink_server import metrics
from finlink_server.env import MICROSECONDS, Env

_ACTIVE: Final = "SELECT count(*) FROM session WHERE end_time IS NULL AND expire_time > ?"
_WAITING: Final = "SELECT count(*), min(create_time) FROM delivery WHERE state = 'PENDING'"
_SENDING: Final = "SELECT count(*), min(create_time) FROM delivery WHERE state = 'SENDING'"


def measure(env: Env) -> None:
    """Set the gauges that are about rows."""
    now = env.now()
    metrics.put("sessions", env.database.execute(_ACTIVE, now).fetchone()[0])
    found = [env.database.execute(query).fetchone() for query in (_WAITING, _SENDING)]
    oldest = min((time for _, time in found if time is not None), default=now)
    metrics.put("backlog", sum(count for count, _ in found))
    metrics.put("backlog age", max(0, now - oldest) / MICROSECONDS)
