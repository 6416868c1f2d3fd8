"""What is sent, and what of the answer is told: each against a real receiver."""

import time
from datetime import UTC, datetime

import pytest
from tests import receiver as it
from tests.unheard import dead_port

from finlink_server.webhook_sender import retry_after

LONGEST = 16 * 1024
OK = b"HTTP/1.1 200 OK\r\n"


# ------------------------------------------------------------------------- what is sent


def test_the_receiver_gets_the_exact_bytes_and_headers(sender, receiver):
    body = b'{"b" : 1,\n "a": "\xc3\xa4\x00"}'

    sender.send(receiver.uri(), body, **{"webhook-id": "evt_1"})

    [request] = receiver.wait_for(1)
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.body == body
    assert request.headers == {
        "host": f"localhost:{receiver.port}",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "user-agent": "Finlink-Webhooks/1",
        "accept": "*/*",
        "accept-encoding": "identity",
        "webhook-id": "evt_1",
    }


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        *(("", "/"), ("/", "/"), ("?a=b", "/?a=b"), ("/hook?", "/hook"), ("/hook#part", "/hook")),
        ("/a%2Fb/%C3%A4;c=d//e", "/a%2Fb/%C3%A4;c=d//e"),
        ("/hook?sp=%2Frun%2F&sig=a%2B%3d&x=y+z%20", "/hook?sp=%2Frun%2F&sig=a%2B%3d&x=y+z%20"),
        ("/\u00e4 b?c=\u00e4 d", "/%C3%A4%20b?c=%C3%A4+d"),
        ("/a\r\nb: c", "/ab:%20c"),
    ],
)
def test_the_uri_is_asked_for_as_it_was_given(sender, receiver, given, asked):
    assert sender.send(receiver.uri(given)).status == 200

    [request] = receiver.wait_for(1)
    assert (request.path, set(request.headers) & {"b"}) == (asked, set())


def test_the_callers_headers_win(sender, receiver):
    sender.send(receiver.uri(), **{"user-agent": "Tests/1", "content-type": "text/plain"})

    [request] = receiver.wait_for(1)
    assert request.headers["user-agent"] == "Tests/1"
    assert request.headers["content-type"] == "text/plain"


def test_cookies_and_proxies_are_left_alone(sender, receiver, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{dead_port()}")
        monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{dead_port()}")
    receiver.on("/hook", it.answer(200, headers={"Set-Cookie": "a=b; Path=/"}))

    sent = [sender.send(receiver.uri()) for _ in range(2)]

    assert [answer.status for answer in sent] == [200, 200]
    assert all("cookie" not in request.headers for request in receiver.requests)


# -------------------------------------------------------------------------- the answer


@pytest.mark.parametrize("status", [200, 204, 299, 301, 400, 404, 410, 429, 500, 503, 599, 999])
def test_the_status_is_told_whatever_it_is(sender, receiver, status):
    answer = sender.send(receiver.on("/hook", it.answer(status)))

    assert (answer.status, answer.problem) == (status, "")
    assert answer.latency > 0
    assert answer.retry_after is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_not_followed(sender, receiver, status):
    uri = receiver.on("/hook", it.redirect(status, receiver.uri("/elsewhere")))

    assert sender.send(uri).status == status
    assert sender.send(receiver.uri("/then")).status == 200
    assert [request.path for request in receiver.requests] == ["/hook", "/then"]


@pytest.mark.parametrize(
    ("said", "status", "body"),
    [
        (b"HTTP/1.1 103 Early\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok", 200, "ok"),
        (b"HTTP/1.1 102 Wait\r\n\r\n" * 10 + OK + b"Content-Length: 0\r\n\r\n", 200, ""),
        (b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc", 101, ""),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end"),
        (OK + b"\r\nuntil the end", 200, "until the end"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, "ok"),
    ],
)
def test_the_odd_forms_of_an_answer_are_read(sender, receiver, said, status, body):
    answer = sender.send(receiver.on("/hook", it.raw(said)))

    assert (answer.status, answer.response, answer.problem) == (status, body, "")


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"fine", "fine"),
        ("\u00e4\u00df\u20ac".encode(), "\u00e4\u00df\u20ac"),
        (b"one\r\n\ttwo\n", "one\n\ttwo\n"),
        (b"\x00\x1b[31m\x7f", "\ufffd\ufffd[31m\ufffd"),
        ("\u202egnp.exe\u200b\u2028".encode(), "\ufffdgnp.exe\ufffd\ufffd"),
        (b"\xff\xfe\xe2\x82", "\ufffd\ufffd\ufffd"),
    ],
)
def test_a_body_is_made_fit_to_be_shown(sender, receiver, body, shown):
    answer = sender.send(receiver.on("/hook", it.answer(500, body)))

    assert (answer.response, answer.truncated) == (shown, False)


def test_a_packed_body_is_not_unpacked(sender, receiver):
    packed = it.answer(200, b"\x1f\x8bpacked", headers={"Content-Encoding": "gzip"})

    assert sender.send(receiver.on("/hook", packed)).response == "\ufffd\ufffdpacked"


@pytest.mark.parametrize(
    ("body", "shown", "truncated"),
    [
        (b"x" * (LONGEST - 1), "x" * (LONGEST - 1), False),
        (b"x" * LONGEST, "x" * LONGEST, False),
        (b"x" * (LONGEST + 1), "x" * LONGEST, True),
        (b"x" + b"\xc3\xa4" * LONGEST, "x" + "\u00e4" * (LONGEST // 2 - 1), True),  # no half one
    ],
)
def test_a_body_is_kept_up_to_16_kilobytes(sender, receiver, body, shown, truncated):
    answer = sender.send(receiver.on("/hook", it.answer(200, body)))

    assert (answer.response, answer.truncated) == (shown, truncated)


def test_a_body_without_end_is_left_and_not_drained(sender, receiver):
    answer = sender.send(receiver.on("/hook", it.endless(OK + b"\r\n", b"x" * 65_536)))

    assert (answer.status, len(answer.response), answer.truncated) == (200, LONGEST, True)
    receiver.wait_until(lambda: receiver.ended == {1})


# ------------------------------------------------------------------------ Retry-After

NOON = datetime(2026, 11, 6, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *(("0", 0), ("120", 120), ("86400", 86_400), ("86401", 86_400), ("9" * 30, 86_400)),
        ("Fri, 06 Nov 2026 12:02:00 GMT", 120),
        ("Friday, 06-Nov-26 12:02:00 GMT", 120),
        ("Fri Nov  6 12:02:00 2026", 120),
        *(("Fri, 06 Nov 2026 11:59:00 GMT", 0), ("Sat, 06 Nov 2027 12:00:00 GMT", 86_400)),
        *(("", None), ("soon", None), ("-5", None), ("+5", None), ("1.5", None), ("1e3", None)),
        *(("1_000", None), ("\u0661", None), ("5, 6", None), ("9" * 5000, None)),
        *(("Fri, 99 Nov 2026 12:02:00 GMT", None), ("Fri, 06 Nov 99999 12:02:00 GMT", None)),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after(value, round(NOON.timestamp() * 1_000_000)) == seconds


def test_a_date_is_rounded_up_to_seconds():
    half_past = round(NOON.timestamp() * 1_000_000) + 500_000

    assert retry_after("Fri, 06 Nov 2026 12:00:01 GMT", half_past) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_told_with_the_answer(sender, receiver, status):
    receiver.on("/seconds", it.answer(status, headers={"Retry-After": "120"}))
    soon = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(sender.clock() / 1e6 + 600))
    receiver.on("/date", it.answer(status, headers={"retry-after": soon}))

    assert sender.send(receiver.uri("/seconds")).retry_after == 120
    assert sender.send(receiver.uri("/date")).retry_after in {599, 600}
