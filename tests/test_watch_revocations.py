"""WatchRevocations: what has ended, each once and in order, as it happens."""

from __future__ import annotations

import base64
import json
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from grpc import StatusCode
from tests import people
from tests.endings import Victim
from tests.errors import refused
from tests.gates import until
from tests.races import Race
from tests.watches import Watches

from finlink.config import v1
from finlink_server import bootstrap
from finlink_server.domain import cursors, journal
from finlink_server.storage.feed import Place
from finlink_server.storage.models import Journal, Session


@pytest.fixture
def watches():
    opened = Watches()
    yield opened
    opened.close()


def reasons(revocations) -> dict[str, str]:
    """By session or key."""
    return {
        one.session_id or one.kid: v1.InactiveReason.Name(one.reason).removeprefix(
            "INACTIVE_REASON_"
        )
        for one in revocations
    }


def superseded_since(seq: int) -> list[str]:
    """What logins ended, in the order of the journal."""
    rows = Journal.select().where(Journal.seq > seq, Journal.type == "session.started")
    facts = [json.loads(row.facts) for row in rows.order_by(Journal.seq)]
    return [one["superseded"] for one in facts if one["superseded"]]


def last_seq() -> int:
    return int(Journal.select().order_by(Journal.seq.desc()).first().seq)


def test_it_begins_with_what_has_ended_though_its_token_lives(
    watches, verifier, account, secret, session
):
    newer = secret.start()
    newer.sessions.EndSession()
    living = secret.start()

    watch = watches.revocations(verifier).until_caught_up()

    told = reasons(watch.told)
    assert told[session.id] == "SUPERSEDED"
    assert told[newer.id] == "ENDED"
    assert living.id not in told
    first = next(one for one in watch.told if one.session_id == newer.id)
    assert first.end_time == account.sessions.GetSession(session_id=newer.id).session.end_time


def test_it_does_not_begin_with_what_has_expired_by_itself(watches, verifier, session, clock):
    session.sessions.EndSession()
    clock.advance(hours=1, seconds=11)

    watch = watches.revocations(verifier).until_caught_up()

    assert session.id not in reasons(watch.told)


def test_caught_up_stays_true(watches, verifier, secret):
    watch = watches.revocations(verifier).until_caught_up()
    secret.start()
    secret.start()
    watch.until_heartbeat()

    flags = [message.caught_up for message in watch.messages]

    assert flags == sorted(flags)


ENDS = {
    "end_session": "ENDED",
    "revoke_session": "REVOKED",
    "start_another_session": "SUPERSEDED",
    "revoke_secret": "SECRET_REVOKED",
    "rotate_secret": "SECRET_REVOKED",
    "report_leaked_secret": "SECRET_REVOKED",
    "end_secret": "SECRET_REVOKED",
    "delete_app": "APP_DELETED",
    "suspend_account": "ACCOUNT_SUSPENDED",
}


@pytest.mark.parametrize("ending", ENDS)
def test_each_end_is_told_with_its_reason_and_time(watches, env, operator, verifier, ending):
    victim = Victim(operator)
    watch = watches.revocations(verifier).until_caught_up()

    getattr(victim, ending)()

    watch.until(lambda: victim.session.id in reasons(watch.told))
    later = watches.revocations(verifier).until_caught_up()
    end_time = Session.get_by_id(victim.session.id).end_time
    for one in (watch, later):
        (told,) = [it for it in one.told if it.session_id == victim.session.id]
        assert reasons([told]) == {victim.session.id: ENDS[ending]}
        assert end_time <= told.end_time.ToMicroseconds() < env.now()


def test_all_the_sessions_that_end_at_once_are_told(watches, verifier, account, app):
    watch = watches.revocations(verifier).until_caught_up()
    sessions = {people.new_secret(account, app).start().id for _ in range(5)}

    account.accounts.DeleteApp(app_id=app.id, password=account.password)

    watch.until(lambda: sessions <= reasons(watch.told).keys())


def test_an_overlap_that_shortens_a_session_is_told_before_it_ends(
    watches, verifier, account, session
):
    watch = watches.revocations(verifier).until_caught_up()

    rotated = account.secrets.RotateSecret(
        secret_id=session.answer.session.secret_id,
        password=account.password,
        overlap={"seconds": 60},
    )

    for one in (watch, watches.revocations(verifier).until_caught_up()):
        one.until(lambda one=one: session.id in reasons(one.told))
        (told,) = [it for it in one.told if it.session_id == session.id]
        assert told.end_time == rotated.retiring_secret.expire_time
        assert reasons([told]) == {session.id: "SECRET_EXPIRED"}
    assert people.why_inactive(verifier, session) == ""


def test_a_revoked_key_is_told_of_by_its_kid(watches, operator, verifier):
    watch = watches.revocations(verifier).until_caught_up()

    rotated = operator.admin.RotateSigningKey(kind=v1.TOKEN_KIND_SESSION, revoke_previous=True)

    kid = rotated.revoked_kids[-1]
    watch.until(lambda: reasons(watch.told).get(kid) == "KEY_REVOKED")
    later = watches.revocations(verifier).until_caught_up()
    assert reasons(later.told)[kid] == "KEY_REVOKED"


@pytest.mark.parametrize("kind", [v1.TOKEN_KIND_ACCOUNT, v1.TOKEN_KIND_LINK])
def test_keys_of_other_kinds_of_token_are_not_told_of(watches, operator, verifier, secret, kind):
    watch = watches.revocations(verifier).until_caught_up()

    rotated = operator.admin.RotateSigningKey(kind=kind, revoke_previous=True)

    ended = secret.start().id
    secret.start()
    watch.until(lambda: ended in reasons(watch.told))
    assert not {*rotated.revoked_kids} & reasons(watch.told).keys()


def test_across_reconnects_each_change_comes_once_and_in_order(watches, verifier, account):
    apps = [people.new_app(account) for _ in range(2)]
    secrets = [people.new_secret(account, app) for app in apps for _ in range(4)]
    cursor = watches.revocations(verifier).until_caught_up().close().cursor
    since, chance = last_seq(), random.Random(5)  # noqa: S311 - not a secret
    told: list[str] = []

    def log_in_again_and_again(secret: people.Secret) -> None:
        for _ in range(20):
            secret.start()

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(log_in_again_and_again, secret) for secret in secrets]
        while len(told) < 8 * 19:
            call = verifier.sessions.WatchRevocations(cursor=cursor)
            for message, _ in zip(call, range(chance.randint(1, 4)), strict=False):
                told += [one.session_id for one in message.revocations]
                cursor = message.cursor
            call.cancel()
        for one in running:
            one.result()

    assert told == superseded_since(since)


def test_who_joins_while_sessions_end_misses_none_and_gets_none_twice(watches, verifier, account):
    apps = [people.new_app(account) for _ in range(2)]
    secrets = [people.new_secret(account, app) for app in apps for _ in range(4)]
    cursor = watches.revocations(verifier).until_caught_up().cursor
    since = last_seq()

    def log_in_and_watch(secret):
        for _ in range(10):
            secret.start()
        watch = watches.revocations(verifier, cursor)
        for _ in range(10):
            secret.start()
        return watch

    joined = Race(8, lambda number: log_in_and_watch(secrets[number])).answers

    expected = superseded_since(since)
    until(lambda: all(len(watch.told) >= len(expected) for watch in joined))
    for watch in joined:
        assert [one.session_id for one in watch.told] == expected


def test_more_than_a_message_holds_is_told_in_several(watches, env, verifier, secret):
    watch = watches.revocations(verifier).until_caught_up()
    cursor, by = watch.cursor, bootstrap.command_line("tests")
    with env.transaction():
        for number in range(2500):
            journal.write(env, by, "session.ended", f"ses_{number}")

    resumed = watches.revocations(verifier, cursor).until_caught_up()

    assert [one.session_id for one in resumed.told[:2500]] == [f"ses_{n}" for n in range(2500)]
    flags = [message.caught_up for message in resumed.messages[:3]]
    assert flags == [False, False, True]
    times = [message.read_time.ToMicroseconds() for message in resumed.messages]
    assert times == sorted(times)
    left_out = Journal.select().where(Journal.target_id == "ses_1000").order_by(Journal.seq.desc())
    assert times[0] <= left_out.get().time


@pytest.mark.parametrize("name", ["garbage", "another database's", "cut off", "with a tail"])
def test_a_cursor_that_is_none_is_too_old(watches, env, verifier, name):
    cursor = watches.revocations(verifier).until_caught_up().cursor
    cursors = {
        "garbage": "garbage",
        "another database's": base64.urlsafe_b64encode(bytes(44)).decode().rstrip("="),
        "cut off": cursor[:-4],
        "with a tail": cursor[:-4] + "AAAA",
    }

    with refused(StatusCode.OUT_OF_RANGE, "CURSOR_TOO_OLD"):
        list(verifier.sessions.WatchRevocations(cursor=cursors[name]))


def test_a_cursor_of_more_than_an_hour_ago_is_too_old(watches, verifier, clock):
    cursor = watches.revocations(verifier).until_caught_up().close().cursor
    clock.advance(seconds=3500)
    watches.revocations(verifier, cursor).until_caught_up().close()
    clock.advance(seconds=101)

    with refused(StatusCode.OUT_OF_RANGE, "CURSOR_TOO_OLD"):
        list(verifier.sessions.WatchRevocations(cursor=cursor))


def test_a_cursor_of_what_a_backup_does_not_have_is_too_old(env, verifier):
    cursor = cursors.write(env, Place(last_seq() + 1000, "evt_later"), env.now())

    with refused(StatusCode.OUT_OF_RANGE, "CURSOR_TOO_OLD"):
        list(verifier.sessions.WatchRevocations(cursor=cursor))


def test_a_cursor_in_whose_place_a_restored_backup_has_something_else_is_too_old(env, verifier):
    cursor = cursors.write(env, env.feed.refresh()._replace(id="evt_another"), env.now())

    with refused(StatusCode.OUT_OF_RANGE, "CURSOR_TOO_OLD"):
        list(verifier.sessions.WatchRevocations(cursor=cursor))
