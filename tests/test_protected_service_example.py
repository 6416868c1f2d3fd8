"""clients/examples/protected_service.py, run as a program beside a real server."""

import ast

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import StringValue
from tests import examples
from tests.examples import (  # noqa: F401 - fixtures
    finlink,
    finlinks_operator,
    key_of_the_example,
    revoke,
)
from tests.gates import until

from finlink_client import FinlinkError, open_channel

pytestmark = pytest.mark.either("they speak to a server over the wire, whatever is behind it")


@pytest.fixture(scope="module")
def shop(server, verifier_key):
    with (
        examples.running(
            "protected_service", TARGET=server.target, VERIFIER_KEY=verifier_key
        ) as service,
        open_channel(service.target) as channel,
    ):
        yield Shop(channel)


class Shop:
    """The protected service, as its callers see it."""

    def __init__(self, channel):
        self._list = channel.unary_unary(
            "/shop.Orders/List", Empty.SerializeToString, StringValue.FromString
        )
        self._cancel = channel.unary_unary(
            "/shop.Orders/Cancel", StringValue.SerializeToString, StringValue.FromString
        )

    def list(self, token):
        return self._list(Empty(), metadata=bearer(token), timeout=30).value

    def cancel(self, token, order):
        return self._cancel(StringValue(value=order), metadata=bearer(token), timeout=30).value


def bearer(token):
    return (("authorization", f"Bearer {token}"),) if token else ()


def reason(call, *arguments):
    """Why a call is refused, or nothing if it is not."""
    try:
        call(*arguments)
    except grpc.RpcError as error:
        return FinlinkError.of(error).reason
    return ""


def test_the_protected_service_knows_whose_session_it_is(shop, app, session):
    assert shop.list(session.token) == f"orders of {app.id}"
    assert shop.cancel(session.token, "order 42") == f"{app.id} has cancelled order 42"


def test_the_protected_service_refuses_who_has_no_session_or_too_few_scopes(shop, secret):
    reader = secret.start(scopes=("read",))

    assert reason(shop.list, "") == "CREDENTIAL_MISSING"
    assert reason(shop.list, "not a token") == "CREDENTIAL_INVALID"
    assert reason(shop.list, reader.token) == ""
    assert reason(shop.cancel, reader.token, "order 42") == "SCOPE_MISSING"


def test_the_protected_service_refuses_a_session_whose_secret_is_revoked(
    shop, account, secret, session
):
    assert reason(shop.list, session.token) == ""

    revoke(account, secret)

    until(lambda: reason(shop.list, session.token) == "SESSION_INACTIVE")
    assert reason(shop.cancel, session.token, "order 42") == "SESSION_INACTIVE"


def test_the_protected_service_needs_thirty_lines():
    text = (examples.FOLDER / "protected_service.py").read_text()
    docstring, *_ = ast.parse(text).body

    lines = [line for line in text.splitlines()[docstring.end_lineno :] if line]

    assert len(lines) <= 30
