"""Streams of WatchRevocations: what they certify, how they end, and how many there may be."""

from __future__ import annotations

import threading
from signal import SIGTERM
from typing import Any

import grpc
import pysqlite3 as sqlite_driver
import pytest
from grpc import StatusCode
from tests import people
from tests.errors import Refused, refused
from tests.gates import until
from tests.watches import Watches

from finlink_server import bootstrap
from finlink_server.domain import journal
from finlink_server.domain.caller import Role

_TELLER = "watch-revocations"  # the thread that tells
# A reader's flow control: as little as HTTP/2 allows.
_NARROW = (("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0))


@pytest.fixture
def watches():
    opened = Watches()
    yield opened
    opened.close()


@pytest.fixture
def failing(env, monkeypatch):
    """Lets a method of the feed fail where watchers are told, as a bad disk would."""

    class Failing:
        times = 0

        def __init__(self, method: str) -> None:
            self._run = getattr(env.feed, method)
            self.is_broken = True
            monkeypatch.setattr(env.feed, method, self)

        def __call__(self, *arguments: Any) -> Any:
            if self.is_broken and threading.current_thread().name == _TELLER:
                self.times += 1
                raise sqlite_driver.OperationalError("disk I/O error")
            return self._run(*arguments)

    return Failing


@pytest.mark.parametrize("method", ["look", "since"])
def test_a_feed_that_fails_certifies_nothing_and_loses_nothing(
    watches, verifier, secret, session, failing, method
):
    watch = watches.revocations(verifier).until_caught_up()
    broken = failing(method)
    secret.start()
    until(lambda: broken.times >= 1)
    seen = len(watch.messages)
    until(lambda: broken.times >= 3)  # a second later
    assert len(watch.messages) == seen

    broken.is_broken = False

    watch.until(lambda: session.id in [one.session_id for one in watch.told])


def test_watchers_are_told_while_something_is_committed_at_every_moment(
    watches, verifier, env, session, monkeypatch
):
    watch = watches.revocations(verifier).until_caught_up()
    since = env.feed.since

    def and_then_something_is_committed(place: Any, *limit: int) -> Any:
        rows = since(place, *limit)
        if threading.current_thread().name == _TELLER:
            with env.transaction("somebody"):
                journal.write(env, bootstrap.command_line("tests"), "app.updated", "app_1")
        return rows

    monkeypatch.setattr(env.feed, "since", and_then_something_is_committed)
    session.sessions.EndSession()

    watch.until(lambda: session.id in [one.session_id for one in watch.told])
    seen = len(watch.messages)
    watch.until(lambda: len(watch.messages) > seen + 1)  # heartbeats


def test_who_cannot_be_checked_is_sent_away_and_goes_on_from_its_cursor(
    watches, verifier, secret, session, failing
):
    watch = watches.revocations(verifier).until_caught_up()
    broken = failing("refresh")
    newer = secret.start()

    refusal = watch.until_refused()
    assert (refusal.code, refusal.reason) == (StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE")
    broken.is_broken = False
    secret.start()

    resumed = watches.revocations(verifier, watch.cursor)
    told = lambda: [one.session_id for one in watch.told + resumed.told]  # noqa: E731
    resumed.until(lambda: newer.id in told())
    assert told()[-2:] == [session.id, newer.id]


def test_heartbeats_come_without_news_and_vouch_for_an_ever_later_time(watches, verifier, env):
    watch = watches.revocations(verifier).until_caught_up()
    since = env.now()

    watch.until_heartbeat().until_heartbeat()

    times = [message.read_time.ToMicroseconds() for message in watch.messages]
    assert times == sorted(set(times))
    assert times[-1] > since


def test_a_stream_ends_when_the_key_that_opened_it_does(watches, server, operator):
    key = server.key(Role.VERIFIER)
    bystander = watches.revocations(operator).until_caught_up()
    watch = watches.revocations(key).until_caught_up()
    (found,) = [
        one
        for one in operator.admin.ListServiceKeys(page_size=500).service_keys
        if key.credential.endswith(one.hint)
    ]

    operator.admin.RevokeServiceKey(service_key_id=found.id)

    refusal = watch.until_refused()
    assert (refusal.code, refusal.reason) == (StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID")
    bystander.until_heartbeat()


@pytest.mark.parametrize("who", ["account", "session", "link_front_end", "publisher", "nobody"])
def test_only_verifiers_and_operators_may_watch(request, who):
    caller = request.getfixturevalue(who)

    with refused(reason="CREDENTIAL_MISSING" if who == "nobody" else "CALLER_NOT_ALLOWED"):
        list(caller.sessions.WatchRevocations())


def test_one_stream_too_many_is_refused_and_the_others_go_on(
    watches, server, verifier, secret, monkeypatch
):
    streams = server.app.watches._revocations.streams
    until(lambda: len(streams) == 0)
    monkeypatch.setattr(streams, "_most", 2)
    first, second = (watches.revocations(verifier).until_caught_up() for _ in range(2))

    with refused(StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"):
        list(verifier.sessions.WatchRevocations())

    first.until_heartbeat()
    second.close()
    until(lambda: len(streams) == 1)
    watches.revocations(verifier).until_caught_up()


def test_who_does_not_read_is_cut_off_and_holds_up_nobody_for_long(
    watches, server, env, verifier, secret, session
):
    streams = server.app.watches._revocations.streams
    watch = watches.revocations(verifier).until_caught_up()
    with grpc.insecure_channel(server.target, options=_NARROW) as channel:
        deaf = people.Caller(channel, verifier.credential).sessions.WatchRevocations()
        until(lambda: len(streams) == 2)
        for _ in range(4):
            with env.transaction():
                journal.write(
                    env,
                    bootstrap.command_line("tests"),
                    "app.deleted",
                    "app_1",
                    ended_sessions=[f"ses_{number:026}" for number in range(10_000)],
                )
        secret.start()

        watch.until(lambda: session.id in [one.session_id for one in watch.told])
        until(lambda: len(streams) == 1)
        with pytest.raises(grpc.RpcError) as error:
            list(deaf)
    status: Any = error.value
    if status.code() is not StatusCode.CANCELLED:  # the reason may have come through
        refusal = Refused()
        refusal.read(status)
        assert refusal.reason == "OVERLOADED"
    watch.until_heartbeat()


def test_a_thousand_watchers_need_no_thread_each_and_all_are_told(server, verifier, secret):
    streams = server.app.watches._revocations.streams
    older = secret.start()
    threads = threading.active_count()
    calls = [verifier.sessions.WatchRevocations() for _ in range(1000)]
    until(lambda: len(streams) == 1000)
    for call in calls:
        read_until(call, lambda message: message.caught_up)

    grown = threading.active_count() - threads
    secret.start()
    for call in calls:
        read_until(
            call, lambda message: older.id in [one.session_id for one in message.revocations]
        )

    assert grown < 20  # theirs that open streams, and the client's
    for call in calls:
        call.cancel()
    until(lambda: len(streams) == 0)


def read_until(call: Any, is_it: Any) -> None:
    assert any(is_it(message) for message in call)


def test_a_stream_sees_what_another_process_commits_and_goes_on_there(watches, home):
    with home.serving() as one, home.serving() as other:
        account = people.new_account(one.caller(home.operator_key))
        secret = people.new_secret(account, people.new_app(account))
        elsewhere = people.Secret(secret.id, secret.plaintext, secret.app_id, other.caller())
        started = [elsewhere.start().id for _ in range(2)]
        watch = watches.revocations(one.caller(home.operator_key)).until_caught_up()
        started.append(elsewhere.start().id)
        told = lambda *all_of: [r.session_id for each in all_of for r in each.told]  # noqa: E731

        watch.until(lambda: started[1] in told(watch))
        one.signal(SIGTERM)
        refusal = watch.until_refused()
        started += [elsewhere.start().id for _ in range(3)]
        resumed = watches.revocations(other.caller(home.operator_key), watch.cursor)

        resumed.until(lambda: started[-2] in told(resumed))
        assert (refusal.code, refusal.reason) == (StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
        # What ended while a stream began may stand in its first messages, and come once more.
        assert list(dict.fromkeys(told(watch, resumed))) == started[:-1]
