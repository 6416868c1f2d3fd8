"""Who asks whether an e-mail or a client exists learns nothing from how long the answer takes.

What can be counted is counted here: the same statements, and as many hashes. The long run
measures too, and prints ratios: `HOSTILE_TIMINGS=200`.
"""

from __future__ import annotations

import os
import re
import statistics
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import bcrypt
import peewee
import pytest
from tests import people
from tests.errors import refused

from finlink_server import credentials, ids
from finlink_server.crypto import Keyring

TIMINGS = int(os.environ.get("HOSTILE_TIMINGS", "0"))
_AT_WORK = ("open", "sign-in", "hash")  # the pools
Attempt = Callable[[], None]
_calls = iter(range(1, 2**24))


def elsewhere() -> tuple[tuple[str, str]]:
    """Call from an address of one's own: attempts from one are made to wait."""
    number = next(_calls)
    address = f"100.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return (("x-forwarded-for", address),)


@pytest.fixture
def attempts(account: people.Account, app: Any, secret: people.Secret) -> dict[str, Attempt]:
    """The four cases."""
    nobody = account.caller.using("")
    other = credentials.CLIENT_SECRET_TEST.new().text
    # The true lookup id, and another random part behind it.
    wrong = secret.plaintext[:21] + other[21:-6]
    wrong += credentials.checksum(wrong)

    def sign_in(email: str) -> None:
        with refused(reason="SIGN_IN_FAILED"):
            nobody.accounts.SignIn(email=email, password="0123456789", metadata=elsewhere())

    def log_in(client_id: str, client_secret: str) -> None:
        with refused(reason="CLIENT_CREDENTIALS_INVALID"):
            nobody.sessions.StartSession(
                client_id=client_id, client_secret=client_secret, metadata=elsewhere()
            )

    return {
        "unknown e-mail": lambda: sign_in(f"{uuid.uuid4().hex[:12]}@example.com"),
        "wrong password": lambda: sign_in(account.email),
        "unknown client": lambda: log_in(ids.new_id("app", time.time_ns() // 1000), other),
        "wrong secret": lambda: log_in(app.id, wrong),
    }


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count what calls do of what takes time."""
    done: Counter[str] = Counter()

    def watch(owner: Any, name: str, says: Callable[..., str]) -> Any:
        plain = getattr(owner, name)

        def run(*arguments: Any, **named: Any) -> Any:
            if threading.current_thread().name.startswith(_AT_WORK):  # not what works by itself
                done[says(*arguments)] += 1
            return plain(*arguments, **named)

        return mock.patch.object(owner, name, run)

    def statement(_: Any, sql: str, *__: Any) -> str:
        # Of one chain of the journal or of two, the account's and the system's: one question.
        sql = re.sub(r"\(\?(, ?\?)*\)", "(?)", sql)
        return re.sub(r"\s+", " ", sql)[:200]

    with (
        watch(bcrypt, "checkpw", lambda *_: "checkpw"),
        watch(bcrypt, "hashpw", lambda *_: "hashpw"),
        watch(Keyring, "open", lambda *_: "open"),
        watch(Keyring, "seal", lambda *_: "seal"),
        watch(Keyring, "mac", lambda *_: "mac"),
        watch(peewee.Database, "execute_sql", statement),
    ):
        yield done


CASES = [("unknown e-mail", "wrong password"), ("unknown client", "wrong secret")]
# What one of the two does more: of what takes some microseconds, in calls that take a thousand.
MORE = {
    "unknown e-mail": {"mac": 1},  # to name in the journal what it must not keep
    "wrong password": {"open": 1},
    "unknown client": {"seal": 1},  # of nobody's hash, to open it again
    "wrong secret": {},
}


@pytest.mark.parametrize(("one", "other"), CASES)
def test_the_same_work_is_done_whether_or_not_it_exists(attempts, one, other):
    for attempt in attempts.values():
        attempt()  # what is done once only

    work = {}
    for name in (one, other):
        with counted() as work[name]:
            attempts[name]()

    assert work[one] - work[other] == MORE[one]
    assert work[other] - work[one] == MORE[other]
    assert work[one]["checkpw"] == one.count("e-mail")


@pytest.mark.skipif(not TIMINGS, reason="measured in the long run only")
@pytest.mark.parametrize(("one", "other"), CASES)
def test_it_takes_as_long_whether_or_not_it_exists(attempts, request, one, other):
    taken: dict[str, list[float]] = {one: [], other: []}
    for number in range(TIMINGS + 10):
        for name in (one, other) if number % 2 else (other, one):
            began = time.perf_counter()
            attempts[name]()
            if number >= 10:
                taken[name].append(time.perf_counter() - began)

    medians = [statistics.median(taken[name]) for name in (one, other)]
    request.config.get_terminal_writer().line(
        f"\n{one} : {other} = {medians[0] / medians[1]:.3f}"
        f" ({1000 * medians[0]:.2f} ms : {1000 * medians[1]:.2f} ms, {TIMINGS} of each in turn)"
    )
    assert 0.8 < medians[0] / medians[1] < 1.25
