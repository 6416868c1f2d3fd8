"""How long a session that was revoked is taken for live elsewhere."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import cycle

import grpc
from tests.bench.figures import Figure, watchers
from tests.bench.population import Population
from tests.bench.servers import Server, running

from finlink.config import v1
from finlink_client import SessionInactiveError, SessionVerifier
from finlink_server.domain.caller import Role

_LOGINS = 50  # a second
_LOOK_EVERY = 0.0005  # seconds
_PATIENCE = 30.0  # seconds


class _Callers:
    """Who logs in, who revokes, and who asks."""

    def __init__(self, who: Population, channel: grpc.Channel) -> None:
        self._who = who
        self._stub = v1.SessionServiceStub(channel)

    def log_in(self, pair: tuple[str, str]) -> v1.StartSessionResponse:
        """Open a session."""
        client_id, client_secret = pair
        answer = self._stub.StartSession(
            v1.StartSessionRequest(client_id=client_id, client_secret=client_secret)
        )
        assert isinstance(answer, v1.StartSessionResponse)
        return answer

    def end(self, token: str) -> None:
        """End the session of a token, by that token."""
        self._stub.EndSession(
            v1.EndSessionRequest(), metadata=(("authorization", f"Bearer {token}"),)
        )

    def is_active(self, token: str) -> bool:
        """Ask what a token is worth."""
        request = v1.ValidateSessionRequest(access_token=token)
        key = self._who.keys[Role.VERIFIER]
        answer = self._stub.ValidateSession(request, metadata=(("authorization", f"Bearer {key}"),))
        return bool(answer.active)


def measure(who: Population, core: int, tries: int) -> list[Figure]:
    """End sessions, and ask about each elsewhere."""
    with running("serve", core=core, data=who.path) as server:
        found = [_other_process(who, core, server, tries)]
        found += [
            _verifier(who, server, tries, count, bound) for count, bound in ((10, 50), (1000, 250))
        ]
    return found


def _other_process(who: Population, core: int, server: Server, tries: int) -> Figure:
    stale = 0
    with (
        running("serve", core=core, data=who.path) as other,
        grpc.insecure_channel(server.target) as here,
        grpc.insecure_channel(other.target) as there,
    ):
        ours, others = _Callers(who, here), _Callers(who, there)
        for pair, _ in zip(cycle(who.client_secrets), range(tries), strict=False):
            token = ours.log_in(pair).access_token
            assert others.is_active(token)  # and remembers it
            ours.end(token)
            stale += others.is_active(token)
    name = f"revoke answered → other process refuses, {tries:,} tries"
    return Figure(name, f"{stale} stale", "never stale", stale == 0)


def _verifier(who: Population, server: Server, tries: int, count: int, bound: int) -> Figure:
    delays = []
    with (
        grpc.insecure_channel(server.target) as channel,
        watchers(who, server, count - 1),
        _busy(who, channel),
        SessionVerifier(server.target, who.keys[Role.VERIFIER]) as verifier,
    ):
        assert verifier.wait_until_caught_up(timedelta(seconds=_PATIENCE))
        callers = _Callers(who, channel)
        for pair, _ in zip(cycle(who.client_secrets[1:]), range(tries), strict=False):
            token = callers.log_in(pair).access_token
            verifier.verify(token)
            callers.end(token)
            delays.append(_until_refused(verifier, token, time.monotonic()))
    p99 = statistics.quantiles(delays, n=100)[98] * 1e3
    p50 = statistics.median(delays) * 1e3
    name = f"revoke answered → SessionVerifier refuses, {count:,} watchers, {tries:,} tries"
    return Figure(name, f"p50 {p50:.0f} ms, p99 {p99:.0f} ms", f"p99 ≤ {bound} ms", p99 <= bound)


def _until_refused(verifier: SessionVerifier, token: str, since: float) -> float:
    """Seconds since then until the verifier refuses a token."""
    while time.monotonic() < since + _PATIENCE:
        try:
            verifier.verify(token)
        except SessionInactiveError:
            return time.monotonic() - since
        time.sleep(_LOOK_EVERY)
    raise AssertionError("never refused")


@contextmanager
def _busy(who: Population, channel: grpc.Channel) -> Iterator[None]:
    """Logins meanwhile, each of which ends the session before it."""
    over = threading.Event()

    def log_in() -> None:
        callers = _Callers(who, channel)
        due = time.monotonic()
        while not over.wait(max(0.0, due - time.monotonic())):
            callers.log_in(who.client_secrets[0])
            due += 1 / _LOGINS

    thread = threading.Thread(target=log_in)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
