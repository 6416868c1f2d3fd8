"""The interceptors: somebody else's server, protected by the table of its methods."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from tests import parrot, people
from tests.parrot import KINDS, Parrot

from finlink_client import OPEN, FinlinkError, SessionVerifier, current_session

pytestmark = pytest.mark.either("their service answers the same whatever it asks")

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
SERVERS = {"grpc": parrot.serving, "grpc.aio": parrot.serving_async}


@pytest.fixture(scope="module", params=SERVERS)
def polly(request, session_verifier) -> Iterator[Parrot]:
    with SERVERS[request.param](session_verifier) as served:
        yield served


@contextmanager
def refused(code: grpc.StatusCode, reason: str, **facts: str) -> Iterator[None]:
    """Expect a refusal that a client reads as it reads those of Finlink Config."""
    with pytest.raises(grpc.RpcError) as error:
        yield
    found = FinlinkError.of(error.value)
    assert (found.code, found.reason, found.facts) == (code, reason, facts)
    assert found.message.endswith(".")
    assert (found.retry_delay is not None) == (code is grpc.StatusCode.UNAVAILABLE)


@pytest.mark.parametrize("kind", [*KINDS, "plain", "plain_stream"])
def test_the_handler_has_the_session_at_hand(polly, session, kind):
    answers = polly.ask(kind, session.token)

    assert set(answers) == {session.id}
    assert len(answers) == (2 if kind.endswith("stream") else 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_that_has_ended_is_refused_with_its_reason(
    polly, session, session_verifier, kind
):
    session.sessions.EndSession()
    while session.id not in session_verifier._stream.view.ended:
        pass

    with refused(UNAUTHENTICATED, "SESSION_INACTIVE", inactive_reason="ENDED"):
        polly.ask(kind, session.token)


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_without_a_credential_is_refused(polly, kind):
    with refused(UNAUTHENTICATED, "CREDENTIAL_MISSING"):
        polly.ask(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_method_that_is_not_in_the_table_is_for_nobody(polly, session, kind):
    with refused(PERMISSION_DENIED, "CALLER_NOT_ALLOWED", method="/zoo.Parrot/unlisted"):
        polly.ask("unlisted", session.token)


def test_a_session_without_the_scopes_is_refused_with_those_that_it_lacks(polly, secret):
    reader = secret.start(("read",))

    assert polly.ask("unary_unary", reader.token) == [reader.id]
    with refused(PERMISSION_DENIED, "SCOPE_MISSING", scope="write"):
        polly.ask("write", reader.token)


def test_no_scopes_are_for_any_session(polly, secret):
    deleter = secret.start(("delete",))

    assert polly.ask("any", deleter.token) == [deleter.id]
    with refused(UNAUTHENTICATED, "CREDENTIAL_MISSING"):
        polly.ask("any")


def test_an_open_method_is_for_everybody_and_has_no_session(polly, session):
    assert polly.ask("open") == ["nobody"]
    assert polly.ask("open", session.token) == ["nobody"]
    assert polly.ask("open", "garbage") == ["nobody"]


def test_a_method_that_is_in_the_table_but_not_there_is_unimplemented(polly, session):
    with pytest.raises(grpc.RpcError) as error:
        polly.ask("not_there", session.token)

    assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("credential", ["garbage", "a.b.c"])
def test_what_is_no_session_token_is_no_credential(polly, credential):
    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID", problem="MALFORMED"):
        polly.ask("unary_unary", credential)


def test_a_token_of_another_kind_is_no_credential(polly, account):
    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID", problem="WRONG_TYPE"):
        polly.ask("unary_unary", account.token)


@pytest.mark.parametrize("scheme", ["Basic {}", "Bearer", "{}", "Bearer {} x"])
def test_another_scheme_is_no_credential(polly, session, scheme):
    value = scheme.format(session.token)

    with pytest.raises(grpc.RpcError) as error:
        polly.ask("unary_unary", metadata=(("authorization", value),))

    assert FinlinkError.of(error.value).reason == "CREDENTIAL_INVALID"


def test_two_credentials_are_none(polly, session):
    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        polly.ask("unary_unary", session.token, (("authorization", f"Bearer {session.token}"),))


def test_one_call_never_sees_the_session_of_another(polly, account, app):
    first, second = (people.new_secret(account, app).start() for _ in range(2))

    for _ in range(20):
        assert polly.ask("unary_unary", first.token) == [first.id]
        assert polly.ask("plain", second.token) == [second.id]
        assert polly.ask("open") == ["nobody"]
        assert set(polly.ask("stream_stream", second.token)) == {second.id}


def test_outside_of_a_call_there_is_no_session():
    with pytest.raises(LookupError):
        current_session()


@pytest.mark.parametrize("serve", SERVERS.values(), ids=SERVERS)
def test_when_nothing_can_be_told_the_call_is_refused_and_may_be_tried_again(
    serve, verifier, session
):
    lost = SessionVerifier("127.0.0.1:1", verifier.credential)
    with lost, serve(lost) as polly:
        with refused(grpc.StatusCode.UNAVAILABLE, "VERIFIER_UNAVAILABLE"):
            polly.ask("unary_unary", session.token)
        with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID", problem="MALFORMED"):
            polly.ask("unary_unary", "garbage")
        assert polly.ask("open") == ["nobody"]


# ---------------------------------------------------------------- what grpc.server alone can do


@pytest.fixture(scope="module")
def sync_polly(session_verifier) -> Iterator[Parrot]:
    with parrot.serving(session_verifier) as served:
        yield served


def test_a_handler_that_holds_no_thread_stays_one(sync_polly, session):
    assert sync_polly.ask("non_blocking", session.token) == [session.id] * 2
    with refused(UNAUTHENTICATED, "CREDENTIAL_MISSING"):
        sync_polly.ask("non_blocking")


def test_a_handler_with_a_pool_of_its_own_keeps_it(sync_polly, session):
    assert sync_polly.ask("own_pool", session.token) == ["own_0"]


# ------------------------------------------------------------------------------------ the table


@pytest.mark.parametrize("kind", ["interceptor", "aio_interceptor"])
@pytest.mark.parametrize(
    "table",
    [
        {"Method": ["read"]},
        {"pkg.Service/Method": ["read"]},
        {"/pkg.Service/Method/": ["read"]},
        {"/pkg.Service/Method": "read"},
        {"/pkg.Service/Method": ["reads"]},
        {"/pkg.Service/Method": ["read", "admin"]},
    ],
    ids=str,
)
def test_a_table_that_cannot_be_meant_is_refused_when_it_is_given(session_verifier, kind, table):
    with pytest.raises(ValueError, match="must"):
        getattr(session_verifier, kind)(table)


def test_a_table_that_is_changed_later_changes_nothing(session_verifier):
    table: dict[str, Any] = {"/pkg.Service/Method": ["read"]}
    made = session_verifier.interceptor(table)

    table["/pkg.Service/Method"] = OPEN

    assert made._methods == {"/pkg.Service/Method": ("read",)}
