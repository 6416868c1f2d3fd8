"""What the verifier relies on, and for how long: cuts, delays, restarts and clocks."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import grpc
import pytest
from tests import people, processes
from tests.gates import until
from tests.proxy import Proxy, proxied
from tests.staleness import refused_in_time, unavailable_in_time, wait_until, why_refused
from tests.unheard import deaf_port

from finlink.config import v1
from finlink_client import SessionVerifier, VerifierUnavailableError

pytestmark = pytest.mark.either("its service answers the same whatever it asks")

A_WHILE = timedelta(seconds=60)
SHORT = timedelta(seconds=0.5)
BOUND = 1.0  # seconds

# ------------------------------------------------------------- a server behind a bad network


@dataclass
class Place:
    """A server in a process of its own, a customer of it, and a bad network in between."""

    proxy: Proxy
    operator: people.Caller
    secret: people.Secret
    service_key: v1.CreateServiceKeyResponse

    def verifier(self, bound: float = BOUND) -> SessionVerifier:
        return SessionVerifier(
            self.proxy.target,
            self.service_key.key,
            max_staleness=timedelta(seconds=bound),
            timeout=SHORT,
        )


@contextmanager
def place_at(server: processes.Process, operator_key: str) -> Iterator[Place]:
    operator = server.caller(operator_key)
    account = people.new_account(operator)
    secret = people.new_secret(account, people.new_app(account))
    key = operator.admin.CreateServiceKey(display_name="x", roles=[v1.ROLE_VERIFIER])
    with proxied(server.port) as proxy:
        yield Place(proxy, operator, secret, key)


@pytest.fixture(scope="module")
def far_server(first_home, tmp_path_factory) -> Iterator[processes.Process]:
    with first_home.copy_to(tmp_path_factory.mktemp("far") / "home").serving() as served:
        yield served


@pytest.fixture
def place(first_home, far_server) -> Iterator[Place]:
    with place_at(far_server, first_home.operator_key) as made:
        yield made


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


def test_after_a_restart_of_the_server_the_verifier_goes_on_where_it_was(home):
    with (
        home.serving() as server,
        place_at(server, home.operator_key) as place,
        place.verifier() as verifier,
    ):
        older = place.secret.start()
        assert verifier.wait_until_caught_up(A_WHILE)
        cursors = _requests(verifier)
        verifier.verify(older.token)

        server.kill()
        place.proxy.cut()
        unavailable_in_time(verifier, older.token, time.monotonic(), BOUND)
        with home.serving() as again:
            place.secret.caller = again.caller()
            newer = place.secret.start()
            acknowledged = time.monotonic()
            place.proxy.mend(again.port)

            assert refused_in_time(verifier, older.token, acknowledged, BOUND) == "SUPERSEDED"
            assert verifier.wait_until_caught_up(A_WHILE)
            assert verifier.verify(newer.token).session_id == newer.id
            assert "" not in cursors


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
    token = place.secret.start().token
    with place.verifier() as verifier:
        assert verifier.wait_until_caught_up(A_WHILE)

        place.operator.admin.RevokeServiceKey(service_key_id=place.service_key.service_key.id)
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


def test_a_verifier_ends_at_once_though_nobody_answers_it():
    with deaf_port() as port, ThreadPoolExecutor(1) as pool:
        one = SessionVerifier(f"127.0.0.1:{port}", "any_key", timeout=timedelta(hours=1))
        until(one._keys._fetching.locked)

        closing = pool.submit(one.close)

        assert closing.exception(timeout=30) is None
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
