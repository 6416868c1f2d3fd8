"""What the verifier relies on, and for how long: cuts, delays, restarts and clocks."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests import people, processes
from tests.proxy import Proxy, proxied
from tests.races import Race
from tests.staleness import refused_in_time, unavailable_in_time, wait_until, why_refused

from finlink.config import v1
from finlink_client import SessionVerifier, VerifierUnavailableError
from finlink_client.verifier_keys import KeyRing
from finlink_client.verifier_stream import RevocationStream, Stopwatch

A_WHILE = timedelta(seconds=60)
SHORT = timedelta(seconds=0.5)
BOUND = 1.0  # seconds

# ------------------------------------------------------------- a server behind a bad network


@dataclass
class Place:
    """A server in a process of its own, a customer of it, and a bad network in between."""

    home: processes.Home
    server: processes.Process
    proxy: Proxy
    operator: people.Caller
    secret: people.Secret
    key: str

    def verifier(self, bound: float = BOUND) -> SessionVerifier:
        return SessionVerifier(
            self.proxy.target, self.key, max_staleness=timedelta(seconds=bound), timeout=SHORT
        )


@pytest.fixture
def place(home) -> Iterator[Place]:
    with home.serving() as server, proxied(server.port) as proxy:
        operator = server.caller(home.operator_key)
        account = people.new_account(operator)
        secret = people.new_secret(account, people.new_app(account))
        key = operator.admin.CreateServiceKey(display_name="x", roles=[v1.ROLE_VERIFIER]).key
        yield Place(home, server, proxy, operator, secret, key)


@pytest.mark.parametrize(("begin", "end"), [("cut", "mend"), ("stall", "flow")])
def test_behind_a_broken_connection_a_verifier_knows_for_no_longer_than_it_may(place, begin, end):
    session = place.secret.start()
    with place.verifier() as verifier:
        assert verifier.wait_until_caught_up(A_WHILE)
        verifier.verify(session.token)

        getattr(place.proxy, begin)()
        since = time.monotonic()
        session.sessions.EndSession()
        unavailable_in_time(verifier, session.token, since, BOUND)
        with pytest.raises(VerifierUnavailableError):
            verifier.verify(session.token)
        getattr(place.proxy, end)()

        assert refused_in_time(verifier, session.token, since, BOUND) == "ENDED"
        assert verifier.wait_until_caught_up(A_WHILE)
        assert why_refused(verifier, session.token) == "ENDED"


def test_messages_that_are_late_certify_nothing_of_now(place):
    session = place.secret.start()
    with place.verifier() as verifier:
        assert verifier.wait_until_caught_up(A_WHILE)
        verifier.verify(session.token)

        place.proxy.delay(BOUND + 0.5)
        session.sessions.EndSession()
        ended = time.monotonic()

        # Heartbeats go on coming, but the end of the session is still behind them.
        unavailable_in_time(verifier, session.token, ended, BOUND)
        place.proxy.delay(0)
        assert refused_in_time(verifier, session.token, ended, BOUND) == "ENDED"


def test_after_a_restart_of_the_server_the_verifier_goes_on_where_it_was(place):
    kept, ended = place.secret.start(), None
    with place.verifier(bound=2) as verifier:
        assert verifier.wait_until_caught_up(A_WHILE)
        cursors = _requests(verifier)
        verifier.verify(kept.token)

        place.server.kill()
        place.proxy.cut()
        since = time.monotonic()
        unavailable_in_time(verifier, kept.token, since)
        with place.home.serving() as again:
            place.secret.caller = again.caller()
            ended, kept = kept, place.secret.start()
            acknowledged = time.monotonic()
            place.proxy.mend(again.port)

            assert refused_in_time(verifier, ended.token, acknowledged) == "SUPERSEDED"
            assert verifier.wait_until_caught_up(A_WHILE)
            assert verifier.verify(kept.token).session_id == kept.id
            assert cursors[-1] != ""


def test_a_server_that_is_never_there_leaves_every_token_unjudged(place):
    token = place.secret.start().token
    place.proxy.cut()

    with place.verifier() as verifier:
        for _ in range(3):
            with pytest.raises(VerifierUnavailableError) as error:
                verifier.verify(token)
        assert isinstance(error.value.__cause__, grpc.RpcError)
        assert not verifier.wait_until_caught_up(timedelta(seconds=0.1))


def test_a_revoked_service_key_verifies_no_longer_than_it_may(place):
    keys = place.operator.admin.ListServiceKeys().service_keys
    key_id = next(one.id for one in keys if one.display_name == "x")
    token = place.secret.start().token
    with place.verifier() as verifier:
        assert verifier.wait_until_caught_up(A_WHILE)

        place.operator.admin.RevokeServiceKey(service_key_id=key_id)
        since = time.monotonic()

        unavailable_in_time(verifier, token, since, BOUND)


def _requests(verifier: SessionVerifier) -> list[str]:
    """The cursors with which streams are opened from now on."""
    cursors: list[str] = []
    watch = verifier._stream._watch

    def note(request: v1.WatchRevocationsRequest, *, timeout: float):
        cursors.append(request.cursor)
        return watch(request, timeout=timeout)

    verifier._stream._watch = note
    return cursors


# ---------------------------------------------------------------------- resuming, beginning


def test_a_resumed_watch_certifies_nothing_that_it_has_not_told(server, verifier, secret):
    stub = v1.SessionServiceStub(server.channel)

    def first_certified(cursor: str) -> tuple[list[str], str]:
        call = stub.WatchRevocations(
            v1.WatchRevocationsRequest(cursor=cursor), metadata=verifier.metadata, timeout=60
        )
        told: list[str] = []
        for message in call:
            told += [one.session_id for one in message.revocations]
            if message.caught_up:
                call.cancel()
                return told, message.cursor
        raise AssertionError

    session = secret.start()
    _, cursor = first_certified("")
    for _ in range(20):
        newer = secret.start()
        told, cursor = first_certified(cursor)
        assert told == [session.id]
        session = newer


@pytest.mark.parametrize("cursor", ["x", "A" * 48])
def test_with_a_cursor_that_is_too_old_it_begins_anew(server, verifier, secret, cursor):
    ended, alive = secret.start(), secret.start()
    with SessionVerifier(server.target, verifier.credential) as one:
        assert one.wait_until_caught_up(A_WHILE)
        cursors = _requests(one)
        one._stream._cursor = cursor
        _cancel(one)

        wait_until(lambda: cursors[:2] == [cursor, ""] and one.is_caught_up)
        assert why_refused(one, ended.token) == "SUPERSEDED"
        assert one.verify(alive.token).session_id == alive.id


def _cancel(verifier: SessionVerifier) -> None:
    assert verifier._stream._call
    verifier._stream._call.cancel()


# ------------------------------------------------------------------- the moment of a reading

SERVER = 1_800_000_000.0  # the service's clock when a stream is asked for


@pytest.mark.parametrize("offset", [0.0, 3600.0, -3600.0], ids=["same", "ahead", "behind"])
@pytest.mark.parametrize("delay", [0.0, 0.3, 60.0])
def test_delays_and_skewed_clocks_never_make_a_reading_younger_than_it_is(offset, delay):
    watch = Stopwatch(asked=100.0)
    for number in range(50):
        read = 100.2 + number / 2  # by the monotonic clock of the verifier

        at = watch.read_at(read - 100 + SERVER + offset, arrived=read + delay)

        assert at is not None
        assert read - 0.21 <= at <= read


def test_a_burst_after_a_stall_is_as_old_as_it_is():
    watch = Stopwatch(asked=0.0)
    reads = [0.1 + number / 2 for number in range(20)]

    moments = [watch.read_at(SERVER + read, arrived=30.0) for read in reads]

    assert moments == pytest.approx([read - 0.1 for read in reads])


@pytest.mark.parametrize("delay", [0.0, 0.4, 5.0])
def test_a_clock_that_is_set_forward_gains_a_quarter_of_a_second_or_is_convicted(delay):
    watch = Stopwatch(asked=0.0)
    clock = SERVER
    for number in range(40):
        read = 0.1 + number / 2
        clock += 3600 if number == 20 else 0

        at = watch.read_at(clock + read, arrived=read + delay)

        assert at is None or at <= read + 0.25
        assert (at is None) == (number >= 20 and delay < 0.1)


def test_a_clock_that_is_set_back_or_stands_still_certifies_nothing_new():
    watch = Stopwatch(asked=0.0)

    moments = [
        watch.read_at(SERVER + step, arrived=number / 2)
        for number, step in enumerate([0.0, 0.5, -3600.0, -3599.5, 0.5, 0.5])
    ]

    assert moments == [0.0, 0.5, 0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("seed", range(20))
def test_no_course_of_delays_breaks_the_bound(seed):
    draw = random.Random(seed)  # noqa: S311 - the same course each time
    watch = Stopwatch(asked=0.0)
    offset, drift = draw.uniform(-1e5, 1e5), 1 + draw.uniform(-5e-4, 5e-4)
    read, arrived = 0.0, 0.0
    while read < 30:
        read += draw.choice([0.0, 0.02, 0.5, 0.51, 3.0])
        arrived = max(arrived, read + draw.choice([0.001, 0.2, 5.0]))

        at = watch.read_at(SERVER + offset + read * drift, arrived)

        assert at is None or at <= read + 0.016


# --------------------------------------------------------------------------- what is remembered


class Told:
    """A stream of revocations that is told by hand, at moments by hand."""

    def __init__(self) -> None:
        self.stream = RevocationStream(_no_watch, KeyRing(v1.ListSigningKeysResponse), 2.0)
        self.now = 0.0

    def message(self, *revocations: v1.Revocation, after: float = 0.5) -> None:
        self.now += after
        self.stream._take(
            v1.WatchRevocationsResponse(
                revocations=revocations, caught_up=True, read_time=_time(self.now)
            ),
            Stopwatch(self.now),
            self.now,
        )


def _no_watch(_request: v1.WatchRevocationsRequest, *, timeout: float) -> NoReturn:
    raise AssertionError


def _time(seconds: float) -> Timestamp:
    return Timestamp(seconds=int(SERVER + seconds))


def _end(number: int, reason: v1.InactiveReason.ValueType, when: float) -> v1.Revocation:
    return v1.Revocation(session_id=f"ses_{number}", reason=reason, end_time=_time(when))


def test_what_ended_is_forgotten_when_its_token_must_have_expired():
    told = Told()
    for number in range(100):
        told.message(_end(number, v1.INACTIVE_REASON_ENDED, when=told.now))

    told.message(after=3600 + 240)
    before = len(told.stream.view.ended)
    told.message(after=240)

    assert (before, len(told.stream.view.ended)) == (100, 0)


def test_an_end_that_is_yet_to_come_makes_room_for_one_that_has_come():
    told = Told()
    told.message(_end(1, v1.INACTIVE_REASON_SECRET_EXPIRED, when=600))
    planned = told.stream.view.ended["ses_1"]
    told.message(_end(1, v1.INACTIVE_REASON_REVOKED, when=1))
    told.message(_end(1, v1.INACTIVE_REASON_SECRET_EXPIRED, when=600))

    assert planned.time == SERVER + 600
    assert told.stream.view.ended["ses_1"].reason == "REVOKED"
    assert told.stream.view.ended["ses_1"].time < SERVER


def test_an_end_counts_at_once_though_the_clock_that_noted_it_is_ahead():
    told = Told()

    told.message(_end(1, v1.INACTIVE_REASON_ENDED, when=3600))

    assert told.stream.view.ended["ses_1"].time < SERVER


# ------------------------------------------------------------------------------- signing keys


class Keys:
    """A key ring whose fetches are counted, at moments by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.fetches = 0
        self.fails = False
        self.gate = threading.Event()
        self.gate.set()
        self.ring = KeyRing(self._fetch, lambda: self.now)

    def _fetch(self) -> v1.ListSigningKeysResponse:
        self.fetches += 1
        assert self.gate.wait(60)
        if self.fails:
            raise grpc.RpcError
        return v1.ListSigningKeysResponse()


def test_key_ids_that_are_made_up_cost_one_fetch_in_ten_seconds():
    keys = Keys()
    for number in range(100):
        keys.now = number / 4
        assert keys.ring.find(f"kid {number}") is None

    assert keys.fetches == 3


def test_sixteen_threads_that_want_a_key_wait_for_one_fetch():
    keys = Keys()
    keys.gate.clear()
    threading.Timer(0.1, keys.gate.set).start()

    race = Race(16, lambda _: keys.ring.find("kid"))

    assert race.answers == [None] * 16
    assert keys.fetches == 1


def test_a_fetch_that_failed_says_nothing_about_keys_and_is_tried_again_soon():
    keys = Keys()
    keys.fails = True
    for _ in range(10):
        with pytest.raises(grpc.RpcError):
            keys.ring.find("kid")
    failed = keys.fetches

    keys.fails = False
    keys.now += 1

    assert keys.ring.find("kid") is None
    assert (failed, keys.fetches) == (1, 2)


# ------------------------------------------------------------------------------------ the end


def test_a_closed_verifier_verifies_nothing(server, verifier, session):
    one = SessionVerifier(server.target, verifier.credential)
    assert one.wait_until_caught_up(A_WHILE)
    one.verify(session.token)

    one.close()
    one.close()

    with pytest.raises(VerifierUnavailableError):
        one.verify(session.token)
    assert not one._stream._thread.is_alive()


def test_a_verifier_that_nobody_holds_ends_its_thread(server, verifier):
    one = SessionVerifier(server.target, verifier.credential)
    thread = one._stream._thread

    del one
    gc.collect()

    assert not thread.is_alive()


@pytest.mark.parametrize("wait", [60, 0.1], ids=["server", "no server"])
def test_a_program_that_does_not_close_it_ends_in_silence(server, verifier, wait):
    program = """
import datetime, os, finlink_client
one = finlink_client.SessionVerifier(os.environ["TARGET"], os.environ["KEY"])
print(one.wait_until_caught_up(datetime.timedelta(seconds=float(os.environ["WAIT"]))))
"""
    target = server.target if wait > 1 else "127.0.0.1:1"
    told = {"TARGET": target, "KEY": verifier.credential, "WAIT": str(wait)}

    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", program],
        env={**os.environ, **told},
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, f"{wait > 1}\n", "")
