"""Suspended accounts: everything of them stops at once, and what did not end comes back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
import pytest
from tests import people
from tests.errors import refused
from tests.gates import Gate

from finlink.config import v1

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
DENIED = grpc.StatusCode.PERMISSION_DENIED


@dataclass
class Customer:
    """An account in the middle of its day's work."""

    account: people.Account
    secret: people.Secret
    session: people.Session
    redirect_id: str
    auth_token: str

    @property
    def url(self) -> str:
        return f"id={self.redirect_id}&product=TRANSACTIONS"


@pytest.fixture
def customer(account, app, secret, session, redirect_id) -> Customer:
    parameters = v1.LinkParameters(redirect_id=redirect_id, product=v1.PRODUCT_TRANSACTIONS)
    made = session.links.CreateLinkToken(parameters=parameters, max_opens=10)
    return Customer(account, secret, session, redirect_id, made.auth_token)


def test_suspending_stops_everything_of_an_account(customer, operator, verifier, link_front_end):
    account, session = customer.account, customer.session
    other_app = people.new_app(account)
    other_session = people.new_secret(account, other_app).start()

    answer = operator.admin.SuspendAccount(account_id=account.id, comment="Fraud alert")

    assert answer.account.state == v1.ACCOUNT_STATE_SUSPENDED
    assert answer.account.HasField("suspend_time")
    assert answer.ended_sessions == 2
    for ended in (session, other_session):
        assert people.why_inactive(verifier, ended) == "ACCOUNT_SUSPENDED"
        with refused(UNAUTHENTICATED, "SESSION_INACTIVE"):
            ended.sessions.GetSession()
    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        account.accounts.GetAccount()
    with refused(DENIED, "ACCOUNT_SUSPENDED"):
        account.sign_in()
    with refused(DENIED, "ACCOUNT_SUSPENDED"):
        customer.secret.start()
    for query in (customer.url, f"authToken={customer.auth_token}"):
        with refused(DENIED, "ACCOUNT_SUSPENDED"):
            link_front_end.links.OpenLink(query=query)


def test_who_does_not_know_the_password_does_not_learn_of_the_suspension(account, operator):
    operator.admin.SuspendAccount(account_id=account.id)

    with refused(UNAUTHENTICATED, "SIGN_IN_FAILED"):
        account.caller.using("").accounts.SignIn(email=account.email, password="wrong-password")


def test_suspending_stops_nobody_else(customer, stranger, operator, verifier):
    app = people.new_app(stranger)
    session = people.new_secret(stranger, app).start()

    operator.admin.SuspendAccount(account_id=customer.account.id)

    stranger.accounts.GetAccount()
    assert people.why_inactive(verifier, session) == ""


def test_reinstating_brings_back_what_had_not_ended(customer, operator, verifier, link_front_end):
    account = customer.account
    operator.admin.SuspendAccount(account_id=account.id)

    answer = operator.admin.ReinstateAccount(account_id=account.id, comment="It was a mistake")

    assert answer.account.state == v1.ACCOUNT_STATE_ACTIVE
    assert not answer.account.HasField("suspend_time")
    account.sign_in()
    assert people.why_inactive(verifier, customer.secret.start()) == ""
    for query in (customer.url, f"authToken={customer.auth_token}"):
        link_front_end.links.OpenLink(query=query)


def test_reinstating_revives_no_token_and_no_session(customer, operator, verifier):
    operator.admin.SuspendAccount(account_id=customer.account.id)

    operator.admin.ReinstateAccount(account_id=customer.account.id)

    assert people.why_inactive(verifier, customer.session) == "ACCOUNT_SUSPENDED"
    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        customer.account.accounts.GetAccount()


def test_doing_either_twice_changes_nothing(account, operator):
    def rows() -> int:
        kinds = ["account.suspended", "account.reinstated"]
        listed = operator.accounts.ListAuditEvents(account_id=account.id, types=kinds)
        return len(listed.events)

    unneeded = operator.admin.ReinstateAccount(account_id=account.id).account
    assert (unneeded.state, rows()) == (v1.ACCOUNT_STATE_ACTIVE, 0)

    first = operator.admin.SuspendAccount(account_id=account.id).account
    again = operator.admin.SuspendAccount(account_id=account.id)
    assert (again.account, again.ended_sessions, rows()) == (first, 0, 1)

    first = operator.admin.ReinstateAccount(account_id=account.id).account
    again = operator.admin.ReinstateAccount(account_id=account.id)
    assert (again.account, rows()) == (first, 2)


def test_the_journal_says_why(customer, operator):
    operator.admin.SuspendAccount(account_id=customer.account.id, comment="Fraud alert")

    (event,) = operator.accounts.ListAuditEvents(
        account_id=customer.account.id, types=["account.suspended"]
    ).events

    assert event.facts["comment"] == "Fraud alert"
    assert list(event.facts["ended_sessions"]) == [customer.session.id]
    assert event.actor.kind == v1.ACTOR_KIND_SERVICE_KEY


def test_a_sign_in_that_a_suspension_overtakes_opens_nothing(account, operator):
    with Gate(account.password) as gate, ThreadPoolExecutor(1) as one:
        signing_in = one.submit(account.sign_in)
        gate.wait_for(1)
        operator.admin.SuspendAccount(account_id=account.id)
        gate.open()

        with refused(DENIED, "ACCOUNT_SUSPENDED"):
            signing_in.result()


@pytest.mark.parametrize("method", ["SuspendAccount", "ReinstateAccount", "ResetPassword"])
def test_an_account_that_is_none_is_named(operator, method):
    with refused(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND") as refusal:
        getattr(operator.admin, method)(account_id=f"acc_{'0' * 26}")
    assert refusal.facts == {"account_id": f"acc_{'0' * 26}"}


def test_a_suspended_account_sets_no_password_until_it_is_reinstated(operator, nobody, account):
    setup_token = operator.admin.ResetPassword(account_id=account.id).setup_token
    operator.admin.SuspendAccount(account_id=account.id)

    with refused(grpc.StatusCode.PERMISSION_DENIED, "ACCOUNT_SUSPENDED"):
        nobody.accounts.SetPassword(setup_token=setup_token, new_password="another-password-1")
    operator.admin.ReinstateAccount(account_id=account.id)

    assert nobody.accounts.SetPassword(setup_token=setup_token, new_password="another-password-1")
