"""What failed sign-ins cost: growing delays, counted, bounded, and in nobody else's way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pytest
from tests import guests
from tests.errors import refused
from tests.gates import Gate
from tests.guests import Guest, new_address, wrong
from tests.races import Race

from finlink.config import v1
from finlink_server.domain import sign_in
from finlink_server.domain.caller import Call, Caller, CallerKind
from finlink_server.errors import SignInFailed
from finlink_server.plaintext import Plaintext
from finlink_server.storage.models import SignInFailure

# Seconds to wait after the first, second, … failure.
DELAYS = (0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900)


@pytest.fixture
def guest(nobody, account):
    """Somebody at an address of their own, with the e-mail of an account."""
    return Guest(nobody, account.email, new_address())


@pytest.fixture
def unknown(nobody):
    return guests.unknown(nobody)


@pytest.fixture(params=["guest", "unknown"])
def anyone(request):
    return request.getfixturevalue(request.param)


def test_each_failure_makes_the_next_attempt_wait_longer(anyone, clock):
    for delay in DELAYS:
        anyone.fail()
        if delay:
            refusal = anyone.fail(reason="RATE_LIMITED")
            assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert refusal.retry_seconds == pytest.approx(delay, abs=0.01)
            clock.advance(seconds=delay)


def test_the_right_password_has_to_wait_too(guest, account, clock):
    guest.fail(times=4)

    with Gate(account.password) as gate:
        with refused(reason="RATE_LIMITED"):
            guest.sign_in(account.password)
        assert gate.is_idle  # not even looked at

    clock.advance(seconds=2)
    assert guest.sign_in(account.password).account_token


def test_nobody_waits_for_a_clock_that_was_ahead(guest, account, clock):
    clock.advance(hours=1)
    guest.fail(times=4)
    clock.advance(hours=-1)

    try:
        assert guest.sign_in(account.password).account_token
    finally:
        clock.advance(hours=1)  # tests go forward only


def test_refused_attempts_do_not_lengthen_the_wait(guest, account, clock):
    guest.fail(times=4)
    guest.fail(times=10, reason="RATE_LIMITED")

    clock.advance(seconds=2)

    assert guest.sign_in(account.password).account_token


def test_signing_in_forgets_the_failures(guest, account, clock):
    guest.fail(times=4)
    clock.advance(seconds=2)

    guest.sign_in(account.password)

    guest.fail(times=4)
    assert guest.fail(reason="RATE_LIMITED").retry_seconds == pytest.approx(2, abs=0.01)


def test_a_day_without_failures_forgets_them_however_many_there_are(anyone, env, clock):
    others = [{"key": f"{clock():x}", "failures": 1, "blocked_until": 0} for _ in range(100)]
    with env.transaction():
        SignInFailure.insert_many([{**row, "last_time": clock()} for row in others]).execute()
    anyone.fail(times=4)
    clock.advance(hours=24)

    anyone.fail(times=4)

    assert anyone.fail(reason="RATE_LIMITED").retry_seconds == pytest.approx(2, abs=0.01)


def test_failures_delay_nobody_at_another_address_and_no_other_email(guest, account, stranger):
    guest.fail(times=4)
    guest.fail(reason="RATE_LIMITED")

    replace(guest, address=new_address()).sign_in(account.password)
    replace(guest, email=stranger.email).sign_in(stranger.password)


def test_failures_count_for_an_email_however_it_is_written(guest, account):
    guest.fail(times=2)

    replace(guest, email=account.email.upper()).fail(times=2)

    guest.fail(reason="RATE_LIMITED")


def test_failures_never_delay_who_is_signed_in(account, secret, nobody):
    at_home = Guest(nobody, account.email, "127.0.0.1")
    at_home.fail(times=4)
    at_home.fail(reason="RATE_LIMITED")

    account.accounts.GetAccount()
    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)
    account.accounts.ChangePassword(current_password=account.password, new_password=wrong())


def test_of_many_guesses_at_once_no_more_are_answered_than_of_guesses_in_turn(guest, account):
    with Gate(account.password) as gate, ThreadPoolExecutor(1) as one:
        right = one.submit(guest.sign_in, account.password)
        gate.wait_for(1)  # the right one is among them, past the first look at the delay

        race = Race(63, lambda _: guest.sign_in(wrong()))
        gate.open()

        with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED"):
            right.result()
    answers = [refusal.reason for refusal in race.refusals]
    assert answers.count("SIGN_IN_FAILED") == 4
    assert answers.count("RATE_LIMITED") == 59


def test_failures_are_stored_without_email_or_address(guest):
    before = {row.key for row in SignInFailure.select()}

    guest.fail(times=4)

    (row,) = [row for row in SignInFailure.select() if row.key not in before]
    assert row.failures == 4
    assert len(bytes.fromhex(row.key)) == 32  # an HMAC of both


def test_failures_older_than_a_day_are_purged(guest, unknown, clock):
    guest.fail()
    old = {row.key for row in SignInFailure.select()}
    clock.advance(hours=24)

    for _ in range(1 + len(old) // 20):
        replace(unknown, address=new_address()).fail()

    assert not old & {row.key for row in SignInFailure.select()}


def test_as_many_failures_are_remembered_as_the_limit_says(env):
    small = replace(env, max_sign_in_failures=5)
    with env.transaction():
        SignInFailure.delete().execute()

    for number in range(30):
        caller = Caller(CallerKind.ANONYMOUS, Call(client_address=f"192.0.2.{number}"))
        with pytest.raises(SignInFailed):
            sign_in.sign_in(small, caller, "nobody@example.com", Plaintext(wrong()))
        assert SignInFailure.select().count() <= 5


def test_refusals_have_one_row_for_each_address_reason_and_minute(guest, account, operator, clock):
    def rows() -> list[tuple[str, str, int]]:
        listed = operator.accounts.ListAuditEvents(
            account_id=account.id, types=["sign_in.refused"]
        ).events
        assert {event.target_id for event in listed} == {account.id}
        assert {event.actor.kind for event in listed} == {v1.ACTOR_KIND_ANONYMOUS}
        return sorted((e.client_address, e.facts["reason"], e.count) for e in listed)

    elsewhere = replace(guest, address=new_address())
    clock.advance_to((clock() // 60_000_000 + 1) * 60)  # a minute begins
    guest.fail(times=4)
    guest.fail(times=3, reason="RATE_LIMITED")
    elsewhere.fail(times=2)
    assert rows() == sorted(
        [
            (guest.address, "SIGN_IN_FAILED", 4),
            (guest.address, "RATE_LIMITED", 3),
            (elsewhere.address, "SIGN_IN_FAILED", 2),
        ]
    )

    clock.advance(seconds=60)
    guest.fail()
    assert rows().count((guest.address, "SIGN_IN_FAILED", 1)) == 1
    assert len(rows()) == 4


def test_a_refused_sign_in_without_an_account_has_a_row_that_does_not_tell_the_email(
    unknown, operator
):
    refusal = unknown.fail()

    (event,) = operator.accounts.ListAuditEvents(call_id=refusal.call_id).events
    assert (event.type, event.account_id) == ("sign_in.refused", "")
    assert event.target_id.startswith("email:")
    assert unknown.email.partition("@")[0] not in str(event)
