"""Forged tokens over the wire, in every place that takes one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations
from urllib.parse import quote

import grpc
import pytest
from tests import forgery, people
from tests.errors import refused
from tests.forgery import FORGERIES, GARBAGE, UNICODE_GARBAGE, Genuine

from finlink.config import v1
from finlink_server.tokens import LONGEST, TokenProblem

pytestmark = pytest.mark.either("refused before any database is asked")

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
EXPIRED = TokenProblem.EXPIRED
KINDS = ("account", "session", "link")


@dataclass
class Targets:
    """One good token of each kind, and the services that take them."""

    account: str
    session: str
    link: str
    app_id: str
    nobody: people.Caller
    verifier: people.Caller
    link_front_end: people.Caller

    def validate(self, token: str) -> v1.ValidateSessionResponse:
        answer: v1.ValidateSessionResponse = self.verifier.sessions.ValidateSession(
            access_token=token
        )
        return answer

    def open_link(self, token: str) -> None:
        self.link_front_end.links.OpenLink(query=f"authToken={quote(token)}")


@pytest.fixture(scope="module")
def targets(
    operator: people.Caller, verifier: people.Caller, link_front_end: people.Caller
) -> Iterator[Targets]:
    account = people.new_account(operator)
    app = people.new_app(account)
    parameters = v1.LinkParameters(
        redirect_id=people.add_redirect(account, app), product=v1.PRODUCT_TRANSACTIONS
    )
    link = account.links.CreateLinkToken(app_id=app.id, parameters=parameters, max_opens=100)
    session = people.new_secret(account, app).start()
    yield Targets(
        account.token,
        session.token,
        link.auth_token,
        app.id,
        operator.using(""),
        verifier,
        link_front_end,
    )
    # None of the attempts ended the good ones.
    account.accounts.GetAccount()
    session.sessions.GetSession()


@pytest.fixture
def steal(env) -> Callable[[str], Genuine]:
    return lambda token: forgery.steal(env, token)


each_forgery = pytest.mark.parametrize("name", FORGERIES)


def test_the_workshop_makes_good_tokens(targets, steal):
    account, session, link = map(steal, (targets.account, targets.session, targets.link))

    targets.nobody.using(account.token()).accounts.GetAccount()
    targets.nobody.using(session.token()).sessions.GetSession()
    assert targets.validate(session.token()).active
    targets.open_link(link.token())


@each_forgery
def test_a_forged_account_token_is_no_credential(targets, steal, name):
    forge, _ = FORGERIES[name]
    forged = targets.nobody.using(forge(steal(targets.account)))

    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        forged.accounts.GetAccount()


@each_forgery
def test_a_forged_session_token_is_no_credential(targets, steal, name):
    forge, problem = FORGERIES[name]
    forged = targets.nobody.using(forge(steal(targets.session)))

    with refused(UNAUTHENTICATED) as refusal:
        forged.sessions.GetSession()
    assert refusal.reason == ("SESSION_INACTIVE" if problem is EXPIRED else "CREDENTIAL_INVALID")


@each_forgery
def test_validating_a_forged_session_token_says_why_not(targets, steal, name):
    forge, problem = FORGERIES[name]

    answer = targets.validate(forge(steal(targets.session)))

    assert not answer.active
    assert answer.inactive_reason == v1.InactiveReason.Value(f"INACTIVE_REASON_{problem.name}")
    assert answer.HasField("session") == (problem is EXPIRED)


@each_forgery
def test_a_forged_link_token_opens_nothing(targets, steal, name):
    forge, problem = FORGERIES[name]

    with refused(grpc.StatusCode.FAILED_PRECONDITION) as refusal:
        targets.open_link(forge(steal(targets.link)))
    assert refusal.reason == ("LINK_TOKEN_EXPIRED" if problem is EXPIRED else "LINK_TOKEN_INVALID")


@pytest.mark.parametrize("jti", ["ses_00000000000000000000000000", "", "x" * 1000, "' OR 1=1 --"])
def test_a_signed_token_without_a_row_is_worth_nothing(targets, steal, jti):
    account, session, link = (
        steal(token).token(jti=jti) for token in (targets.account, targets.session, targets.link)
    )

    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        targets.nobody.using(account).accounts.GetAccount()
    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        targets.nobody.using(session).sessions.GetSession()
    answer = targets.validate(session)
    assert answer.inactive_reason == v1.INACTIVE_REASON_SIGNATURE_INVALID
    assert not answer.HasField("session")
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "LINK_TOKEN_INVALID"):
        targets.open_link(link)


@pytest.mark.parametrize(("place", "kind"), list(permutations(KINDS, 2)))
def test_a_kind_under_anothers_name_and_key_is_no_credential(targets, steal, place, kind):
    wanted = steal(getattr(targets, place)).header
    disguised = steal(getattr(targets, kind)).token({"typ": wanted["typ"]})

    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        targets.nobody.using(disguised).accounts.GetAccount()
    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        targets.nobody.using(disguised).sessions.GetSession()
    assert not targets.validate(disguised).active
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "LINK_TOKEN_INVALID"):
        targets.open_link(disguised)


def test_each_kind_of_token_is_refused_in_the_place_of_each_other(targets):
    nobody = targets.nobody

    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        nobody.using(targets.link).accounts.GetAccount()
    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        nobody.using(targets.link).settings.GetSettings()
    with refused(grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
        nobody.using(targets.session).accounts.GetAccount()
    with refused(grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
        nobody.using(targets.account).sessions.EndSession()
    for other in (targets.account, targets.link):
        answer = targets.validate(other)
        assert answer.inactive_reason == v1.INACTIVE_REASON_WRONG_TYPE
        assert not answer.HasField("session")
    for other in (targets.account, targets.session):
        with refused(grpc.StatusCode.FAILED_PRECONDITION, "LINK_TOKEN_INVALID"):
            targets.open_link(other)


def test_credentials_that_are_no_tokens_are_malformed_as_tokens(targets, secret):
    for other in (targets.verifier.credential, secret.plaintext, targets.app_id):
        assert targets.validate(other).inactive_reason == v1.INACTIVE_REASON_MALFORMED
        with refused(grpc.StatusCode.FAILED_PRECONDITION, "LINK_TOKEN_INVALID"):
            targets.open_link(other)
    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        targets.nobody.using(secret.plaintext).accounts.GetAccount()


@pytest.mark.parametrize("text", ["", *GARBAGE, *UNICODE_GARBAGE, "a" * 1_000_000])
def test_validating_garbage_is_an_answer(targets, text):
    answer = targets.validate(text)

    assert not answer.active
    assert answer.inactive_reason == v1.INACTIVE_REASON_MALFORMED


@pytest.mark.parametrize("text", [*GARBAGE, "a" * LONGEST, "a" * (LONGEST + 1)])
def test_garbage_is_no_credential(targets, text):
    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        targets.nobody.using(text).accounts.GetAccount()


@pytest.mark.parametrize("text", ["", *GARBAGE, *UNICODE_GARBAGE])
def test_garbage_opens_no_link(targets, text):
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "LINK_TOKEN_INVALID"):
        targets.open_link(text)


@pytest.mark.parametrize("place", ["account", "session"])
def test_a_token_longer_than_any_is_refused_though_its_signature_is_right(targets, steal, place):
    token = steal(getattr(targets, place)).token(filler="x" * LONGEST)

    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        targets.nobody.using(token).accounts.GetAccount()
    assert targets.validate(token).inactive_reason == v1.INACTIVE_REASON_MALFORMED
