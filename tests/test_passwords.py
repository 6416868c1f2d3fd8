"""Passwords: set, asked for behind an account token, changed, reset."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import bcrypt
import grpc
import pytest
from tests import people
from tests.errors import refused
from tests.gates import Gate
from tests.races import Race

from finlink.config import v1

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
DENIED = grpc.StatusCode.PERMISSION_DENIED
# Every method that takes a password behind an account token.
ASKING: dict[str, Callable[[people.Account, people.Secret, str], Any]] = {
    "RevokeSecret": lambda account, secret, password: account.secrets.RevokeSecret(
        secret_id=secret.id, password=password
    ),
    "RevokeSecret, validate_only": lambda account, secret, password: account.secrets.RevokeSecret(
        secret_id=secret.id, password=password, validate_only=True
    ),
    "RotateSecret": lambda account, secret, password: account.secrets.RotateSecret(
        secret_id=secret.id, password=password
    ),
    "DeleteApp": lambda account, secret, password: account.accounts.DeleteApp(
        app_id=secret.app_id, password=password
    ),
    "ChangePassword": lambda account, _, password: account.accounts.ChangePassword(
        current_password=password, new_password=fresh()
    ),
}
each_method = pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)


def fresh() -> str:
    return f"pw-{secrets.token_hex(16)}"


def try_wrong(account: people.Account, secret: people.Secret, times: int) -> list[str]:
    """Give wrong passwords; how many attempts were said to be left."""
    left = []
    for _ in range(times):
        with refused(DENIED, "PASSWORD_WRONG") as refusal:
            account.secrets.RevokeSecret(secret_id=secret.id, password=fresh())
        left.append(refusal.facts["attempts_left"])
    return left


def assert_ended(account: people.Account) -> None:
    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        account.accounts.GetAccount()


@pytest.fixture
def setup(operator) -> v1.CreateAccountResponse:
    """An account whose owner is to set a password."""
    answer: v1.CreateAccountResponse = operator.admin.CreateAccount(
        email=f"{secrets.token_hex(8)}@example.com", display_name="New"
    )
    return answer


@each_method
def test_five_wrong_passwords_end_the_token(ask, account, secret):
    for left in "43210":
        with refused(DENIED, "PASSWORD_WRONG") as refusal:
            ask(account, secret, fresh())
        assert refusal.facts == {"attempts_left": left}

    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        ask(account, secret, account.password)
    assert_ended(account)


@each_method
def test_a_wrong_password_changes_nothing(ask, account, secret):
    session = secret.start()

    with refused(DENIED, "PASSWORD_WRONG"):
        ask(account, secret, fresh())

    found = account.secrets.GetSecret(secret_id=secret.id).secret
    assert found.state == v1.SECRET_STATE_ACTIVE
    session.sessions.GetSession()
    account.sign_in()


def test_wrong_passwords_end_no_other_token_of_the_account(account, secret):
    other = account.sign_in()

    try_wrong(account, secret, 5)

    assert_ended(account)
    assert try_wrong(other, secret, 1) == ["4"]


def test_the_right_password_forgives_wrong_ones(account, secret):
    try_wrong(account, secret, 4)

    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password, validate_only=True)

    assert try_wrong(account, secret, 4) == ["4", "3", "2", "1"]
    account.accounts.GetAccount()


def test_wrong_passwords_count_together_whatever_they_were_for(account, secret):
    for ask in ASKING.values():
        with refused(DENIED, "PASSWORD_WRONG"):
            ask(account, secret, fresh())

    assert_ended(account)


def test_wrong_passwords_at_once_get_five_answers_and_the_right_one_none(account, secret):
    def revoke(password: str) -> Any:
        return account.secrets.RevokeSecret(secret_id=secret.id, password=password)

    with Gate(account.password) as gate, ThreadPoolExecutor(1) as one:
        right = one.submit(revoke, account.password)
        gate.wait_for(1)  # the right one is among them, and its token is still good

        race = Race(16, lambda _: revoke(fresh()))
        gate.open()

        with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
            right.result()
    reasons = sorted(refusal.reason for refusal in race.refusals)
    assert reasons == ["CREDENTIAL_INVALID"] * 11 + ["PASSWORD_WRONG"] * 5
    assert_ended(account)
    found = account.sign_in().secrets.GetSecret(secret_id=secret.id).secret
    assert found.state == v1.SECRET_STATE_ACTIVE


def test_wrong_passwords_are_counted_in_the_journal(account, secret, clock):
    clock.advance_to((clock() // 60_000_000 + 1) * 60)  # a minute begins
    try_wrong(account, secret, 3)

    (event,) = account.accounts.ListAuditEvents(types=["password.refused"]).events

    assert (event.count, event.facts["reason"]) == (3, "PASSWORD_WRONG")
    assert (event.actor.kind, event.actor.id) == (v1.ACTOR_KIND_ACCOUNT, account.id)


def test_a_setup_token_sets_the_first_password(setup, nobody):
    password = fresh()
    assert setup.account.state == v1.ACCOUNT_STATE_PENDING

    answer = nobody.accounts.SetPassword(setup_token=setup.setup_token, new_password=password)

    assert answer.account.state == v1.ACCOUNT_STATE_ACTIVE
    signed_in = nobody.accounts.SignIn(email=setup.account.email, password=password)
    assert signed_in.account.id == setup.account.id


def test_a_setup_token_is_used_up_by_the_first_who_uses_it(setup, nobody):
    passwords = [fresh() for _ in range(16)]

    def set_password(number: int) -> str:
        nobody.accounts.SetPassword(setup_token=setup.setup_token, new_password=passwords[number])
        return passwords[number]

    race = Race(16, set_password)

    (winner,) = race.answers
    assert race.reasons == {"SETUP_TOKEN_INVALID"}
    nobody.accounts.SignIn(email=setup.account.email, password=winner)
    with refused(UNAUTHENTICATED, "SETUP_TOKEN_INVALID"):
        set_password(0)


def test_a_setup_token_lives_for_a_day(setup, nobody, clock):
    expires = setup.setup_token_expire_time
    assert expires.seconds - setup.account.create_time.seconds == pytest.approx(24 * 3600, abs=2)

    clock.advance_to(expires.seconds + expires.nanos / 1e9)

    with refused(UNAUTHENTICATED, "SETUP_TOKEN_INVALID"):
        nobody.accounts.SetPassword(setup_token=setup.setup_token, new_password=fresh())


def test_a_password_needs_ten_characters_and_takes_256(setup, nobody):
    for password in ("pw" * 4, "pw" * 129):
        with refused(grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
            nobody.accounts.SetPassword(setup_token=setup.setup_token, new_password=password)
        assert list(refusal.fields) == ["new_password"]

    longest = "ñ" * 255 + "1"
    nobody.accounts.SetPassword(setup_token=setup.setup_token, new_password=longest)
    nobody.accounts.SignIn(email=setup.account.email, password=longest)
    with refused(UNAUTHENTICATED, "SIGN_IN_FAILED"):
        nobody.accounts.SignIn(email=setup.account.email, password="ñ" * 255 + "2")


def test_a_reset_voids_the_password_and_all_account_tokens_but_no_session(
    account, secret, operator, nobody
):
    session, other = secret.start(), account.sign_in()

    answer = operator.admin.ResetPassword(account_id=account.id)

    assert answer.ended_account_tokens == 2
    assert_ended(account)
    assert_ended(other)
    with refused(UNAUTHENTICATED, "SIGN_IN_FAILED"):
        account.sign_in()
    session.sessions.GetSession()
    newer = fresh()
    nobody.accounts.SetPassword(setup_token=answer.setup_token, new_password=newer)
    nobody.accounts.SignIn(email=account.email, password=newer)


def test_a_reset_ends_the_setup_token_before_it(setup, operator, nobody):
    newer = operator.admin.ResetPassword(account_id=setup.account.id)

    with refused(UNAUTHENTICATED, "SETUP_TOKEN_INVALID"):
        nobody.accounts.SetPassword(setup_token=setup.setup_token, new_password=fresh())
    nobody.accounts.SetPassword(setup_token=newer.setup_token, new_password=fresh())


def test_a_changed_password_ends_every_other_account_token(account, secret):
    session, others = secret.start(), [account.sign_in(), account.sign_in()]
    newer = fresh()

    answer = account.accounts.ChangePassword(current_password=account.password, new_password=newer)

    assert answer.ended_account_tokens == 2
    for other in others:
        assert_ended(other)
    account.accounts.GetAccount()
    session.sessions.GetSession()
    with refused(UNAUTHENTICATED, "SIGN_IN_FAILED"):
        account.sign_in()
    account.caller.using("").accounts.SignIn(email=account.email, password=newer)


def test_a_change_that_a_reset_overtakes_changes_nothing(account, operator, nobody):
    # Somebody with a stolen token and password changes the password while an operator resets it.
    stolen = fresh()

    def reset_meanwhile(password: bytes, salt: bytes) -> bytes:
        operator.admin.ResetPassword(account_id=account.id)
        return hashpw(password, salt)

    hashpw = bcrypt.hashpw
    with (
        mock.patch.object(bcrypt, "hashpw", reset_meanwhile),
        refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"),
    ):
        account.accounts.ChangePassword(current_password=account.password, new_password=stolen)

    with refused(UNAUTHENTICATED, "SIGN_IN_FAILED"):
        nobody.accounts.SignIn(email=account.email, password=stolen)


def test_signing_out_ends_this_token_alone(account):
    other = account.sign_in()

    account.accounts.SignOut()

    assert_ended(account)
    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        account.accounts.SignOut()
    other.accounts.GetAccount()
