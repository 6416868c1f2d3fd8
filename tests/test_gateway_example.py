"""clients/examples/gateway.py, run as a program between a real server and a real service."""

import http.client

import pytest
from tests import examples, people
from tests.examples import (  # noqa: F401 - fixtures
    finlink,
    finlinks_operator,
    key_of_the_example,
    revoke,
)
from tests.gates import until
from tests.receiver import Receiver, answer, endless, raw

pytestmark = pytest.mark.either("they speak to a server over the wire, whatever is behind it")

MANY = 1000  # pieces of an answer, some ten seconds of it


@pytest.fixture(scope="module")
def upstream():
    with Receiver(None).running() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(server, upstream, verifier_key):
    with gateway_to(upstream, server.target, verifier_key) as running:
        yield running


def gateway_to(upstream, target, verifier_key, warning=""):
    return examples.running(
        "gateway",
        warning,
        TARGET=target,
        VERIFIER_KEY=verifier_key,
        UPSTREAM=f"http://127.0.0.1:{upstream.port}",
    )


def ask(gateway, path, token="", method="GET", body=None, **sent):
    """Make a request; gives the answer, read to its end."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    try:
        answer = opened(connection, path, token, method, body, **sent)
        answer.text = answer.read().decode()
        return answer
    finally:
        connection.close()


def opened(connection, path, token, method="GET", body=None, **sent):
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    connection.request(method, path, body, {**authorization, **sent})
    return connection.getresponse()


def read_on(answer):
    for _ in range(MANY):
        answer.read1(100)


def test_the_gateway_forwards_a_request_and_says_who_calls(gateway, upstream, app, session):
    upstream.on("/orders", answer(201, b"made", {"Location": "/orders/1", "X-Shop": "yes"}))

    answered = ask(
        gateway,
        "/orders?note=a%20b",
        session.token,
        "POST",
        b"two books",
        **{"Content-Type": "text/plain"},
        **{"X-Finlink-App-Id": "app_of_somebody_else", "X-Finlink-Operator": "yes"},
    )

    [request] = upstream.to("/orders")
    assert (answered.status, answered.text, answered.headers["X-Shop"]) == (201, "made", "yes")
    assert (request.method, request.path, request.body) == (
        *("POST", "/orders?note=a%20b"),
        b"two books",
    )
    assert request.headers["content-type"] == "text/plain"
    assert request.headers["x-finlink-app-id"] == app.id
    assert request.headers["x-finlink-environment"] == "SANDBOX"
    assert request.headers["x-finlink-scopes"] == "delete read write"
    assert not {"authorization", "x-finlink-operator"} & set(request.headers)


@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("//evil.example/x", "//evil.example/x"),
        ("http://evil.example/x", "/x"),
        ("/a%2Fb/..%2F%C3%B1?q=%3D+", "/a%2Fb/..%2F%C3%B1?q=%3D+"),
    ],
)
def test_the_gateway_asks_no_other_server_whatever_the_path(
    gateway, upstream, session, path, arrives
):
    before = len(upstream.requests)

    ask(gateway, path, session.token)

    [request] = upstream.requests[before:]
    assert (request.path, request.headers["host"]) == (arrives, f"127.0.0.1:{upstream.port}")


@pytest.mark.parametrize(
    ("token", "method", "status", "challenge"),
    [
        ("", "GET", 401, "Bearer"),
        ("not a token", "GET", 401, 'Bearer error="invalid_token"'),
        ("a reader's", "POST", 403, 'Bearer error="insufficient_scope", scope="write"'),
        ("a reader's", "DELETE", 403, 'Bearer error="insufficient_scope", scope="delete"'),
        ("a reader's", "OPTIONS", 405, None),
    ],
)
def test_the_gateway_refuses_what_a_session_may_not_do(
    gateway, upstream, secret, token, method, status, challenge
):
    token = secret.start(scopes=("read",)).token if token == "a reader's" else token

    answered = ask(gateway, "/private", token, method)

    assert (answered.status, answered.headers["WWW-Authenticate"]) == (status, challenge)
    assert upstream.to("/private") == []


def test_the_gateway_refuses_a_session_whose_secret_is_revoked(gateway, account, secret, session):
    assert ask(gateway, "/", session.token).status == 200

    revoke(account, secret)

    until(lambda: ask(gateway, "/", session.token).status == 401)
    assert "SECRET_REVOKED" in ask(gateway, "/", session.token).text


@pytest.mark.parametrize("pause", [0.01, 3600], ids=["that goes on", "that is silent"])
def test_the_gateway_cuts_off_an_answer_whose_session_ends(
    gateway, upstream, account, secret, session, pause
):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    upstream.on("/long", endless(head, b"something\n", pause))
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    answer = opened(connection, "/long", session.token)
    assert answer.readline() == b"something\n"

    revoke(account, secret)

    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        read_on(answer)
    connection.close()


def test_the_gateway_passes_no_part_of_an_answer_as_the_whole(gateway, upstream, session):
    upstream.on("/half", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))

    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        ask(gateway, "/half", session.token)


def test_the_gateway_says_so_when_the_service_behind_does_not_answer(server, verifier_key, session):
    with Receiver(None).running() as gone:
        pass

    with gateway_to(gone, server.target, verifier_key) as gateway:
        assert ask(gateway, "/", session.token).status == 502


def test_the_gateway_lets_nobody_in_while_finlink_is_away(home, upstream):
    with home.serving() as away:
        operator = away.caller(home.operator_key)
        key = examples.new_verifier_key(operator)
        account = people.new_account(operator)
        session = people.new_secret(account, people.new_app(account)).start()
        with gateway_to(upstream, away.target, key, "cannot be asked") as gateway:
            assert ask(gateway, "/", session.token).status == 200

            away.kill()

            until(lambda: ask(gateway, "/", session.token).status == 503)
            assert ask(gateway, "/", session.token).headers["Retry-After"] == "1"
            with home.serving(LISTEN=away.target):
                until(lambda: ask(gateway, "/", session.token).status == 200)
