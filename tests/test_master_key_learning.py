"""How a process learns which master key seals, from a database that may be away or put back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from finlink_server.crypto import Keyring
from finlink_server.domain import master_keys, passwords
from finlink_server.domain.master_keys import Learner
from finlink_server.errors import DatabaseUnavailable


class Reads:
    """What the database says, one time after the other; what is called does something first."""

    def __init__(self, *said: Any) -> None:
        self._said = iter(said)

    def __call__(self, *_: object) -> Any:
        said = next(self._said)
        if isinstance(said, Exception):
            raise said
        return said() if callable(said) else said


@pytest.fixture
def learner() -> Learner:
    database: Any = SimpleNamespace(name="here")
    keyring = Keyring(bytes(32))
    keyring.adopt(replace(keyring.standing, revision=5))
    return Learner(database, keyring, Path("none"))


def test_a_database_that_was_put_back_is_believed_after_a_failure_too(learner, monkeypatch):
    put_back = replace(learner.keyring.standing, revision=3)
    monkeypatch.setattr(master_keys, "read", Reads(DatabaseUnavailable(), put_back))
    learner.clear()

    with pytest.raises(DatabaseUnavailable):
        learner.learn()
    assert learner.keyring.is_stale
    learner.learn()

    assert learner.keyring.standing.revision == 3


def test_what_was_read_before_somebody_else_learned_is_read_again(learner, monkeypatch):
    from_before = replace(learner.keyring.standing, revision=6)
    put_back = replace(learner.keyring.standing, revision=3)

    def overtaken() -> Any:
        learner.clear()
        learner.learn()
        return from_before

    monkeypatch.setattr(master_keys, "read", Reads(overtaken, put_back, put_back))

    learner.learn()

    assert learner.keyring.standing.revision == 3


def test_a_password_is_sealed_in_the_transaction_that_stores_it(env, account, monkeypatch):
    seal, within = Keyring.seal, []

    def watch(ring: Keyring, plaintext: bytes, where: str) -> bytes:
        if where == passwords.place(account.id):
            within.append(env.database.in_transaction)
        return seal(ring, plaintext, where)

    monkeypatch.setattr(Keyring, "seal", watch)
    account.accounts.ChangePassword(
        current_password=account.password, new_password="another-pw-of-hers"
    )

    assert within == [True]
