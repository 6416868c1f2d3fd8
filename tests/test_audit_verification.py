"""VerifyAuditLog: what nobody has touched is whole, whoever writes, and whoever asks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused
from tests.races import Race
from tests.vandals import found, refuse_sign_in

from finlink_server import bootstrap, deadline
from finlink_server.domain import audit, audit_rows, journal
from finlink_server.domain.caller import Call, Caller, CallerKind
from finlink_server.errors import DeadlinePassed
from finlink_server.storage.models import Journal

BY = bootstrap.command_line("tests")


def test_an_untouched_journal_is_as_it_was_written(account, chain, env, operator):
    mine = account.accounts.VerifyAuditLog()

    rows = audit_rows.following(env, chain, audit_rows.BEFORE_ALL)
    assert not mine.HasField("first_problem")
    assert mine.row_count == len(rows) == rows[-1].number
    assert mine.head == rows[-1].mac.hex()
    assert mine == operator.accounts.VerifyAuditLog(account_id=chain)


def test_the_rows_about_no_account_are_a_chain_too(operator, env):
    before = operator.accounts.VerifyAuditLog()
    with env.transaction():
        journal.write(env, BY, "tests.written", "tests")

    after = operator.accounts.VerifyAuditLog()

    assert not after.HasField("first_problem")
    assert after.row_count > before.row_count


def test_a_long_chain_is_verified_from_one_end_to_the_other(account, env, operator, monkeypatch):
    monkeypatch.setattr(audit_rows, "AT_ONCE", 3)
    for _ in range(10):
        with env.transaction():
            journal.write(env, BY, "tests.written", "tests", account_id=account.id)

    answer = operator.accounts.VerifyAuditLog(account_id=account.id)

    assert not answer.HasField("first_problem")
    assert answer.row_count >= 10


def test_sixteen_who_write_at_once_leave_every_chain_whole(operator, env):
    homes = []
    for _ in range(3):
        account = people.new_account(operator)
        app = people.new_app(account)
        homes.append((account, [people.new_secret(account, app) for _ in range(3)]))

    def work(number):
        account, secrets = homes[number % 3]
        for turn in range(4):
            secrets[number % 2].start()
            with refused():
                account.caller.using("").sessions.StartSession(
                    client_id=secrets[0].app_id[:-4] + "zzzz", client_secret=secrets[0].plaintext
                )
            if turn == number % 4:
                refuse_sign_in(account)
                people.new_account(operator)

    race = Race(16, work)

    verdicts = [audit.verify(env, chain) for chain in audit_rows.chains(env)]
    assert race.refusals == []
    assert len(verdicts) > 16
    assert [one for one in verdicts if one.problem] == []


def test_whoever_verifies_while_others_write_finds_nothing(operator, env, account, monkeypatch):
    monkeypatch.setattr(audit_rows, "AT_ONCE", 20)
    is_over = threading.Event()

    def write_on():
        while not is_over.is_set():
            with env.transaction():
                journal.write(env, BY, "tests.written", "tests", account_id=account.id)

    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(write_on) for _ in range(2)]
        try:
            verdicts = [audit.verify(env, account.id)]
            while verdicts[-1].rows < 200 and not verdicts[-1].problem:
                verdicts.append(audit.verify(env, account.id))
        finally:
            is_over.set()
        for one in writing:
            one.result()

    assert verdicts[-1].problem is None
    assert len(verdicts) > 1


def test_nobody_verifies_on_after_the_callers_deadline(env, account):
    def verify_late():
        deadline.begin(0)
        who = Caller(CallerKind.ACCOUNT, Call(), id=account.id, account_id=account.id)
        audit.verify_for(env, who, "", audit.End(0, b""))

    with ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(verify_late).exception(), DeadlinePassed)


def test_a_refusal_counts_in_the_chain_where_its_row_stands(operator, env, chain, account):
    for owner in ("", chain, chain):  # its account was made since
        with env.transaction():
            journal.refuse(env, BY, "sign_in.refused", account.email, "why", account_id=owner)

    row = Journal.select().where(Journal.target_id == account.email).get()
    assert (row.account_id, row.count) == ("", 3)
    assert found(operator, chain) == found(operator, "") == ("UNSPECIFIED", "")


def test_what_is_counted_up_behind_the_one_who_verifies_is_no_problem(
    env, chain, account, monkeypatch
):
    monkeypatch.setattr(audit_rows, "AT_ONCE", 1)
    walk, late = audit._Walk(env, chain, None), False
    while not walk.is_over:
        walk.go_on()
        if walk._last and walk._last.said["type"] == "sign_in.refused" and not late:
            refuse_sign_in(account)
            late = True

    assert late
    assert walk.verdict.problem is None


def test_the_rows_of_one_transaction_stand_in_their_chains_in_order(env, account, stranger):
    with env.transaction():
        for number in range(6):
            owner = account if number % 2 else stranger
            journal.write(env, BY, "tests.written", str(number), account_id=owner.id)
        journal.write_now(env, BY, "tests.written", "6", account_id=account.id)
        journal.write(env, BY, "tests.written", "7", account_id=account.id)

    assert audit.verify(env, account.id).problem is None
    assert audit.verify(env, stranger.id).problem is None


def test_a_head_that_was_kept_is_still_on_the_way(account, secret):
    kept = account.accounts.VerifyAuditLog()
    secret.start()

    answer = account.accounts.VerifyAuditLog(known_row_count=kept.row_count, known_head=kept.head)

    assert not answer.HasField("first_problem")
    assert answer.row_count == kept.row_count + 1


@pytest.mark.parametrize("known", [{"known_row_count": 3}, {"known_head": 64 * "0"}])
def test_half_a_head_is_refused(account, known):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        account.accounts.VerifyAuditLog(**known)

    assert set(refusal.fields) == {"known_head"}


def test_another_accounts_journal_cannot_be_verified(stranger, chain):
    with refused(StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND"):
        stranger.accounts.VerifyAuditLog(account_id=chain)
