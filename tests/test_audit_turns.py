"""VerifyAuditLog takes long: who asks for much of it keeps nobody from anything."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from grpc import StatusCode
from tests.errors import refused

from finlink.config import v1
from finlink_server import deadline
from finlink_server.domain import audit, audit_turns
from finlink_server.domain.caller import Call, Caller, CallerKind
from finlink_server.errors import DeadlinePassed, Overloaded, RateLimited


@pytest.fixture
def endless(monkeypatch):
    """Let every chain have no end; where this is set, they have one."""
    end, go_on = threading.Event(), audit._Walk.go_on

    def walk(self):
        if end.wait(0.01):
            go_on(self)

    monkeypatch.setattr(audit._Walk, "go_on", walk)
    yield end
    end.set()


def verifying(account, **options):
    """Ask, and do not wait for the answer."""
    call = v1.AccountServiceStub(account.channel).VerifyAuditLog
    return call.future(v1.VerifyAuditLogRequest(), metadata=account.caller.metadata, **options)


def customer(account_id):
    return Caller(CallerKind.ACCOUNT, Call(), id=account_id, account_id=account_id)


def wait_until_it_runs(env, *accounts):
    until = time.monotonic() + 30
    while not {one.id for one in accounts} <= audit_turns._of(env).accounts:
        assert time.monotonic() < until
        time.sleep(0.005)


def test_an_account_verifies_once_at_a_time(account, env, endless):
    running = verifying(account)
    wait_until_it_runs(env, account)

    with refused(StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED") as refusal:
        account.accounts.VerifyAuditLog()

    assert refusal.retry_seconds
    endless.set()
    assert running.result().row_count
    assert account.accounts.VerifyAuditLog().row_count


def test_many_calls_of_one_keep_no_other_from_verifying(account, stranger, operator, env, endless):
    calls = [verifying(account) for _ in range(40)]
    wait_until_it_runs(env, account)
    other = verifying(stranger)
    wait_until_it_runs(env, stranger)

    answered = [account.accounts.GetAccount() for _ in range(3)]

    assert {one.account.id for one in answered} == {account.id}
    endless.set()
    assert operator.accounts.VerifyAuditLog(account_id=account.id).row_count
    assert other.result().row_count
    outcomes = [call.code() for call in calls]
    assert set(outcomes) == {StatusCode.OK, StatusCode.RESOURCE_EXHAUSTED}


def test_an_operator_has_a_place_where_customers_have_none(operator, env):
    with audit_turns.turn(env, customer("acc_1")), audit_turns.turn(env, customer("acc_2")):
        answer = operator.accounts.VerifyAuditLog()

    assert answer.row_count


def test_more_than_may_wait_are_refused(env, monkeypatch):
    monkeypatch.setattr(audit_turns, "WAITING", 0)

    with (
        audit_turns.turn(env, customer("acc_1")),
        audit_turns.turn(env, customer("acc_2")),
        pytest.raises(Overloaded),
        audit_turns.turn(env, customer("acc_3")),
    ):
        pass

    with audit_turns.turn(env, customer("acc_3")), pytest.raises(RateLimited):  # it has its place
        audit_turns.turn(env, customer("acc_3")).__enter__()


def test_who_waits_for_a_turn_waits_no_longer_than_the_deadline(env):
    def wait():
        deadline.begin(0.05)
        with (
            audit_turns.turn(env, customer("acc_1")),
            audit_turns.turn(env, customer("acc_2")),
            audit_turns.turn(env, customer("acc_3")),
        ):
            pass

    with ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(wait).exception(), DeadlinePassed)
    assert audit_turns._of(env).accounts == set()


def test_nobody_verifies_on_for_a_caller_who_hung_up(account, env, endless):
    call = verifying(account)
    wait_until_it_runs(env, account)

    call.cancel()

    until = time.monotonic() + 30
    while account.id in audit_turns._of(env).accounts:
        assert time.monotonic() < until
        time.sleep(0.005)
    assert not endless.is_set()


def test_who_gives_no_deadline_has_one(account, endless, monkeypatch):
    monkeypatch.setattr(audit_turns, "_LONGEST", 0.2)

    with refused(StatusCode.DEADLINE_EXCEEDED, "DEADLINE_PASSED"):
        verifying(account).result(30)

    assert not endless.is_set()


def test_most_of_the_time_is_left_to_others(env, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)

    def work():
        until = time.thread_time() + 0.01
        while time.thread_time() < until:
            pass
        return "done"

    assert audit_turns.give_way(env, work) == "done"
    assert 0.01 <= sum(slept) < 1
