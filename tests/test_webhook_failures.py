"""What is no answer, or no whole one, and what is said of it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs
from tests import receiver as it
from tests.sending import sending
from tests.unheard import dead_port, deaf_port

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"Content-Length: 100\r\n\r\nhello"


@pytest.fixture
def impatient(trust):
    with sending(trust, connect_seconds=0.3, total_seconds=1.0) as one:
        yield one


NOT_HTTP = "the answer is not HTTP"
CLOSED = "the connection was closed before an answer came"
RESET = "connection reset by peer"


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        pytest.param(it.raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), NOT_HTTP, id="SSH"),
        pytest.param(it.raw(bytes(range(256))), NOT_HTTP, id="garbage"),
        pytest.param(it.raw(b"HTTP/2 200 OK\r\n\r\n"), NOT_HTTP, id="HTTP/2"),
        pytest.param(it.raw(b"HTTP/1.1 99999 OK\r\n\r\n"), NOT_HTTP, id="99999"),
        pytest.param(it.raw(b"HTTP/1.1 000 OK\r\n\r\n"), NOT_HTTP, id="000"),
        pytest.param(it.raw(OK + b"Content-Length: -1\r\n\r\n"), NOT_HTTP, id="length of -1"),
        pytest.param(it.hang_up(), CLOSED, id="closed"),
        pytest.param(it.raw(b"HTTP/1.1 20"), CLOSED, id="closed in the status"),
        pytest.param(it.raw(OK + b"X: y"), CLOSED, id="closed in the header"),
        pytest.param(it.reset(), RESET, id="reset"),
        pytest.param(it.reset(OK), RESET, id="reset in the header"),
        pytest.param(
            it.endless(OK, b"X: y\r\n" * 1000),
            "the header of the answer has too many lines",
            id="endless header",
        ),
        pytest.param(
            it.endless(OK + b"X: ", b"y" * 9000),
            "the header of the answer has too long a line",
            id="endless line",
        ),
        pytest.param(
            it.endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
            "the answer is nothing but interim ones (1xx)",
            id="endless 1xx",
        ),
    ],
)
def test_what_is_no_answer_is_told_in_words(sender, receiver, behaviour, problem):
    answer = sender.send(receiver.on("/hook", behaviour))

    assert (answer.status, answer.problem) == (None, problem)
    assert (answer.response, answer.truncated, answer.retry_after) == ("", False, None)
    receiver.wait_until(lambda: receiver.ended == {1})


@pytest.mark.parametrize(
    "behaviour",
    [
        it.silent(),
        it.endless(OK, b"X: y\r\n", 0.05),
        it.endless(b"HTTP/1.1 100 Continue\r\n\r\n", b"", 0.05),
    ],
    ids=["silent", "dripping header", "only 1xx"],
)
def test_an_answer_that_never_comes_is_not_waited_for(impatient, receiver, behaviour):
    answer = impatient.send(receiver.on("/hook", behaviour))

    assert (answer.status, answer.problem) == (None, "no answer within 1 s")
    receiver.wait_until(lambda: receiver.ended == {1})


def test_a_slow_answer_is_an_answer(sender, receiver):
    released = threading.Event()
    uri = receiver.on("/hook", it.slow(released, it.answer(202)))

    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(sender.send, uri)
        receiver.wait_for(1)
        released.set()

    assert sent.result().status == 202


def test_slow_receivers_hold_up_no_other(sender, receiver):
    released = threading.Event()
    slow = receiver.on("/slow", it.slow(released, it.answer(202)))
    uris = [slow] * 20 + [receiver.uri("/fine")] * 20

    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(sender.send_at_once, *uris)
        receiver.wait_for(20, "/slow")
        receiver.wait_for(20, "/fine")
        released.set()

    assert [answer.status for answer in sent.result()] == [202] * 20 + [200] * 20


def test_a_port_where_nobody_is_refuses(sender):
    answer = sender.send(f"https://localhost:{dead_port()}/")

    assert (answer.status, answer.problem) == (None, "connection refused")


def test_a_port_that_only_listens_is_not_waited_for(impatient):
    with deaf_port() as port:
        answer = impatient.send(f"https://localhost:{port}/")

    assert (answer.status, answer.problem) == (None, "no connection within 0.3 s")


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("https://user:hunter2@localhost/", "the URI holds credentials"),
        ("https://hunter2@localhost/", "the URI holds credentials"),
        ("ftp://localhost/", "the URI is not one of https"),
        ("https:///hook", "the URI is not one of https"),
        ("localhost/hook", "the URI is not one of https"),
        ("https://[::1", "the URI cannot be read"),
        ("https://localhost:99999/", "the URI cannot be read"),
        ("", "the URI is not one of https"),
    ],
)
def test_a_uri_that_cannot_be_used_is_told_in_words(sender, uri, problem):
    answer = sender.send(uri)

    assert (answer.status, answer.problem) == (None, problem)
    assert sender.asked == []


def test_a_defect_of_ours_is_logged_and_not_told(sender, receiver):
    with capture_logs() as logged:
        answer = sender.send(receiver.uri(), webhook="two\r\nlines")

    assert (answer.status, answer.problem) == (None, "an error of this server")
    assert "control character" in str(logged[0]["exc_info"])


@pytest.mark.parametrize(
    "behaviour",
    [it.answer(200, b"hello", length=100), it.reset(HELLO)],
    ids=["shorter than said", "reset"],
)
def test_a_body_that_breaks_off_leaves_the_status(sender, receiver, behaviour):
    answer = sender.send(receiver.on("/hook", behaviour))

    assert (answer.status, answer.problem) == (200, "")
    assert (answer.response, answer.truncated) == ("hello", True)


def test_a_body_that_drips_for_ever_leaves_the_status(impatient, receiver):
    answer = impatient.send(receiver.on("/hook", it.endless(HELLO, b"o", 0.1)))

    assert (answer.status, answer.problem) == (200, "")
    assert (answer.response[:6], answer.truncated) == ("helloo", True)
    receiver.wait_until(lambda: receiver.ended == {1})
