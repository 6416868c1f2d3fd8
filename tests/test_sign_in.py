"""Signing in: the same answer after the same work, whoever asks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from unittest import mock

import bcrypt
import grpc
import pytest
from tests import guests
from tests.errors import refused
from tests.gates import Gate
from tests.guests import Guest, new_address, wrong
from tests.races import Race

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


@pytest.fixture
def guest(nobody, account):
    """Somebody at an address of their own, with the e-mail of an account."""
    return Guest(nobody, account.email, new_address())


@pytest.fixture
def unknown(nobody):
    return guests.unknown(nobody)


def status_of(guest: Guest) -> tuple[Any, ...]:
    """Everything that a refused caller gets to see, but for the call id."""
    with pytest.raises(grpc.RpcError) as caught:
        guest.sign_in(wrong())
    error: Any = caught.value
    trailing = dict(error.trailing_metadata())
    raw = trailing["grpc-status-details-bin"].replace(trailing["x-call-id"].encode(), b"")
    return error.code(), error.details(), sorted(trailing), raw


def test_email_and_password_open_an_account(guest, account, clock):
    answer = guest.sign_in(account.password)

    assert answer.account.id == account.id
    assert account.caller.using(answer.account_token).accounts.GetAccount().account.id == account.id
    now = clock() / 1_000_000
    assert 12 * 3600 - 2 < answer.expire_time.seconds - now <= 12 * 3600


def test_an_email_is_blind_to_case(guest, account):
    assert replace(guest, email=account.email.upper()).sign_in(account.password).account_token


def test_who_has_no_account_is_answered_like_who_has_a_wrong_password(guest, unknown, operator):
    pending = replace(unknown, email=f"pending-{unknown.email}")
    operator.admin.CreateAccount(email=pending.email, display_name="Pending")

    known = [status_of(guest) for _ in range(5)]

    assert known[0][0] is UNAUTHENTICATED
    assert known[4][0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert [status_of(unknown)[:4] for _ in range(4)] == known[:4]
    assert [status_of(pending)[:4] for _ in range(4)] == known[:4]


def test_who_has_no_account_makes_the_same_work(guest, unknown, account):
    costs = []

    def count(password: bytes, stored: bytes) -> bool:
        costs.append(stored[:7])
        return check(password, stored)

    check = bcrypt.checkpw
    with (
        mock.patch.object(bcrypt, "checkpw", count),
        mock.patch.object(bcrypt, "hashpw", side_effect=AssertionError("nothing is hashed")),
    ):
        guest.fail()
        unknown.fail()
        guest.sign_in(account.password)

    assert costs == [b"$2b$04$"] * 3


def test_a_password_replaced_while_it_was_checked_opens_nothing(guest, account, operator):
    with Gate(account.password) as gate, ThreadPoolExecutor(1) as one:
        old = one.submit(guest.sign_in, account.password)
        gate.wait_for(1)

        operator.admin.ResetPassword(account_id=account.id)
        gate.open()

        with refused(UNAUTHENTICATED, "SIGN_IN_FAILED"):
            old.result()


def test_a_new_hash_of_an_old_password_does_not_overwrite_a_newer_password(
    env, guest, account, operator, monkeypatch
):
    monkeypatch.setattr(env.hasher, "cost", 5)  # so that signing in hashes anew
    with Gate(account.password) as gate, ThreadPoolExecutor(1) as one:
        old = one.submit(guest.sign_in, account.password)
        gate.wait_for(1)
        newer = wrong()

        setup = operator.admin.ResetPassword(account_id=account.id).setup_token
        guest.caller.accounts.SetPassword(setup_token=setup, new_password=newer)
        gate.open()

        with refused(UNAUTHENTICATED, "SIGN_IN_FAILED"):
            old.result()
    assert guest.sign_in(newer).account_token


def test_many_may_sign_in_at_once_while_the_hash_is_replaced(env, guest, account, monkeypatch):
    monkeypatch.setattr(env.hasher, "cost", 5)

    race = Race(8, lambda _: guest.sign_in(account.password))

    assert race.reasons == set()
    assert len({answer.account_token for answer in race.answers}) == 8
