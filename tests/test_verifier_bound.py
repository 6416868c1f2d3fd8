"""What the verifier's bound is made of: moments, memory and keys, told by hand."""

from __future__ import annotations

import random
import threading
from typing import NoReturn

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.races import Race

from finlink.config import v1
from finlink_client.verifier_keys import KeyRing
from finlink_client.verifier_outages import Outages
from finlink_client.verifier_stream import RevocationStream, Stopwatch

pytestmark = pytest.mark.either("its service answers the same whatever it asks")

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
        self.stream = RevocationStream(
            _no_watch, KeyRing(v1.ListSigningKeysResponse), 2.0, Outages("x")
        )
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
