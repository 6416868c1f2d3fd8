"""Hashing passwords: right, bounded, and in nobody's way."""

from __future__ import annotations

import os
import sys
import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import people
from tests.errors import refused
from tests.forgery import read
from tests.gates import Gate, until

from finlink.config import v1
from finlink_server import deadline, hashing
from finlink_server.domain import passwords
from finlink_server.errors import DeadlinePassed, HashQueueFull
from finlink_server.hashing import Hasher
from finlink_server.storage.models import Account, AccountToken, Journal

PASSWORD = "correct-horse-battery"
PATIENCE = 20  # seconds; what is waited for takes milliseconds


@pytest.fixture
def hasher():
    made = Hasher(cost=4, threads=1, queue=1)
    yield made
    made.close()


@pytest.fixture
def gate():
    with Gate() as gate:
        yield gate


def test_a_password_matches_its_hash_and_no_other_does(hasher):
    stored = hasher.hash(PASSWORD)

    assert stored.startswith(b"$2b$04$")
    assert hasher.check(PASSWORD, stored)
    assert not hasher.check(PASSWORD + "x", stored)
    assert not hasher.check(PASSWORD, None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x" * 80 + "1", "x" * 80 + "2"),  # bcrypt alone looks at 72 bytes
        ("ñ" * 256, "ñ" * 255 + "n"),
        ("before\0after", "before\0other"),  # and stops at a zero byte
        ("\0", ""),
        ("Password-1", "password-1"),
        ("trailing--", "trailing-- "),
        ("\ufb01x" * 5, "fix" * 5),  # a ligature is another text; only NFKC would fold it
    ],
)
def test_passwords_that_differ_anywhere_are_different(hasher, one, other):
    stored = hasher.hash(one)

    assert hasher.check(one, stored)
    assert not hasher.check(other, stored)


@pytest.mark.parametrize(
    "text", ["contraseña-é", "Ångström-ﬀ", "한국어-비밀번호", "s\u0323\u0307-mark"]
)
def test_the_same_letters_composed_otherwise_are_the_same_password(hasher, text):
    one, other = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
    assert one != other

    assert hasher.check(other, hasher.hash(one))
    assert hasher.check(one, hasher.hash(other))


@settings(max_examples=20, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=256))
def test_any_text_can_be_a_password(text):
    hasher = Hasher(cost=4, threads=1, queue=1)

    assert hasher.check(text, hasher.hash(text))
    hasher.close()


def test_equal_passwords_have_different_hashes(hasher):
    assert hasher.hash(PASSWORD) != hasher.hash(PASSWORD)


def test_a_hash_made_at_a_lower_cost_is_outdated(hasher):
    assert not hasher.is_outdated(hasher.hash(PASSWORD))
    assert not hasher.is_outdated(b"$2b$12$" + b"x" * 53)
    assert Hasher(cost=5, threads=1, queue=1).is_outdated(hasher.hash(PASSWORD))


@pytest.mark.parametrize(
    ("cores", "workers", "threads"), [(1, 1, 1), (2, 1, 1), (4, 1, 3), (8, 2, 3), (2, 4, 1)]
)
def test_hashing_leaves_a_core_to_everything_else(cores, workers, threads):
    assert hashing.threads_for(cores, workers) == threads


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux")
def test_passwords_are_hashed_at_the_lowest_priority(hasher):
    own = os.getpriority(os.PRIO_PROCESS, 0)

    hashers = hasher._run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    assert hashers == 19
    assert os.getpriority(os.PRIO_PROCESS, 0) == own < 19


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(hasher, gate):
    stored = hasher.hash(PASSWORD)
    with ThreadPoolExecutor(2) as callers:
        at_work = callers.submit(hasher.check, PASSWORD, stored)
        gate.wait_for(1)
        waiting = callers.submit(hasher.check, PASSWORD, stored)
        until(lambda: hasher._pool._work_queue.qsize() == 1)

        with pytest.raises(HashQueueFull) as refusal:
            hasher.check(PASSWORD, stored)
        gate.open()

        assert refusal.value.retry_after > 0
        assert at_work.result(PATIENCE)
        assert waiting.result(PATIENCE)
    assert hasher.check(PASSWORD, stored)


def test_a_password_whose_caller_left_the_queue_is_not_checked(hasher, gate):
    stored = hasher.hash(PASSWORD)
    with ThreadPoolExecutor(1) as callers:
        at_work = callers.submit(hasher.check, PASSWORD, stored)
        gate.wait_for(1)

        deadline.begin(0.01)
        with pytest.raises(DeadlinePassed):
            hasher.check(PASSWORD, stored)
        deadline.begin(None)

        gate.open()
        assert at_work.result(PATIENCE)
    assert hasher._run(lambda: True)  # whatever waited before this had its turn
    assert gate.is_idle


def test_a_full_queue_stops_passwords_and_nothing_else(server, account, secret, session, gate):
    hasher = server.env.hasher
    places = hasher.threads + hasher.queue
    stub = people.STUBS["accounts"](server.channel)
    request = v1.SignInRequest(email=account.email, password=account.password)
    held = [stub.SignIn.future(request, timeout=PATIENCE) for _ in range(places)]
    gate.wait_for(hasher.threads)
    until(lambda: hasher._pool._work_queue.qsize() == hasher.queue)

    for _ in range(5):
        with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "HASH_QUEUE_FULL") as refusal:
            account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)
        assert refusal.retry_seconds
    account.accounts.GetAccount()
    session.sessions.GetSession()
    secret.start()
    gate.open()

    for one in held:
        people.CANARIES.add(one.result().account_token)
    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)


@pytest.mark.parametrize("password", ["right", "wrong"])
def test_a_deadline_that_passes_in_the_queue_leaves_nothing_behind(
    server, account, secret, gate, password
):
    hasher = server.env.hasher
    given = account.password if password == "right" else "wrong-password"
    jti = read(account.token)[1]["jti"]
    before = Journal.select().count()
    stub = people.STUBS["secrets"](server.channel)
    request = v1.RevokeSecretRequest(secret_id=secret.id, password=given)

    with ThreadPoolExecutor(hasher.threads) as others:
        for _ in range(hasher.threads):
            others.submit(hasher.check, PASSWORD, None)
        gate.wait_for(hasher.threads)
        free = hasher._places._value
        with pytest.raises(grpc.RpcError) as caught:
            stub.RevokeSecret(request, metadata=account.caller.metadata, timeout=0.2)
        until(lambda: hasher._places._value == free)  # the server gave up too
        gate.open()

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    hasher._run(lambda: None)  # whatever waited before this had its turn
    found = account.secrets.GetSecret(secret_id=secret.id).secret
    assert found.state == v1.SECRET_STATE_ACTIVE
    assert AccountToken.get_by_id(jti).password_failures == 0
    assert Journal.select().count() == before


def test_a_sign_in_after_the_cost_was_raised_makes_a_new_hash(env, account, monkeypatch):
    def stored() -> bytes:
        return passwords.stored_hash(env, Account.get_by_id(account.id)) or b""

    old = stored()
    monkeypatch.setattr(env.hasher, "cost", 5)

    with refused(reason="SIGN_IN_FAILED"):
        account.caller.using("").accounts.SignIn(email=account.email, password="wrong-password")
    assert stored() == old
    account.sign_in()
    new = stored()
    account.sign_in()

    assert (old[:7], new[:7]) == (b"$2b$04$", b"$2b$05$")
    assert stored() == new
