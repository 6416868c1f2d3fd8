"""`finlink webhooks listen`: verifies what arrives, answers it, and shows it."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Thread

import pytest
from tests.signed_webhooks import OTHER_SECRET, SECRET, event, headers, post, request

from finlink_client.command_line import commands
from finlink_client.command_line.webhook_screen import WebhookJsonLines, WebhookScreen
from finlink_client.webhook_receiver import MAX_BODY_BYTES, Arrival, Receiver

_PATIENCE = 30  # seconds; what is waited for takes one, unless the machine is busy
# A shell's background jobs are started with SIGINT ignored, and their children with them.
_PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from finlink_client.cli import main; main()"
)


# ------------------------------------------------------------------------------ the command


class Listener:
    """The command in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr
        self.process = process
        self.said = [process.stderr.readline() for _ in range(3)]
        listening = re.match(r"Listening on http://127\.0\.0\.1:(\d+)/", self.said[0])
        assert listening, self.said
        self.port = int(listening[1])

    def end(self) -> tuple[int, str, str]:
        """Wait for its end; give exit code, stdout and stderr."""
        out, err = self.process.communicate(timeout=_PATIENCE)
        return self.process.returncode, out, "".join(self.said) + err


@contextmanager
def listening(*options: str, secret: str = SECRET, pipe: str | None = None) -> Iterator[Listener]:
    environment = {**os.environ, "FINLINK_SIGNING_SECRET": secret, "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "webhooks", "listen", "--listen", "127.0.0.1:0", *options],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        try:
            process.stdin.write(pipe or "")
            process.stdin.flush()
            yield Listener(process)
        finally:
            process.kill()


def test_a_person_sees_what_came_whether_it_is_genuine_and_whether_it_came_before():
    with listening("--count", "3") as listener:
        body = event("evt_1", secret_id="sec_1")
        answers = [
            post(listener.port, body)[0],
            post(listener.port, body)[0],
            post(listener.port, body, headers(body, OTHER_SECRET))[0],
        ]
        exit_code, out, err = listener.end()

    assert answers == [204, 204, 401]
    assert exit_code == 1  # one of them did not verify
    first, again, forged = re.split(r"^(?=\S)", out, flags=re.MULTILINE)[1:]
    assert re.match(r"\d\d:\d\d:\d\d ✓ secret\.revoked  evt_1  answered 204\n", first)
    assert "app_1  at 2026-11-22T13:00:00.123456" in first
    assert '"secret_id": "sec_1"\n' in first
    assert "repeat: came 1 time before" in again
    assert "✗ not verified:  secret.revoked  evt_1  answered 401\n" in forged
    assert "The signature does not match" in forged
    assert "repeat" not in first + forged
    assert "finlink:" not in err


def test_it_says_where_it_listens_and_what_to_do_next():
    with listening("--count", "1") as listener:
        arguments = Path(f"/proc/{listener.process.pid}/cmdline")
        shown = arguments.read_text() if arguments.exists() else ""
        post(listener.port, event())
        _, out, err = listener.end()

    assert f"uri must be http://127.0.0.1:{listener.port}/" in err
    assert "FINLINK_WEBHOOK_ALLOW_CIDRS=127.0.0.0/8" in err
    assert SECRET[6:] not in shown + out + err


def test_a_program_gets_one_object_a_webhook():
    with listening("--json", "--count", "3") as listener:
        signed = headers(event())
        for sent in (signed, signed, {"webhook-id": "evt_\x9b"}):
            post(listener.port, event(), sent)
        exit_code, out, _ = listener.end()

    genuine, again, forged = map(json.loads, out.splitlines())
    assert out.isascii()
    assert genuine == {
        "received_time": genuine["received_time"],
        "id": "evt_1",
        "type": "secret.revoked",
        "verified": True,
        "problem": "",
        "attempt_time": genuine["attempt_time"],
        "repeat": False,
        "status": 204,
        "body": json.loads(event()),
    }
    attempt_time = datetime.fromisoformat(genuine["attempt_time"])
    assert attempt_time.timestamp() == int(signed["webhook-timestamp"])
    assert datetime.fromisoformat(genuine["received_time"]) >= attempt_time
    assert again["repeat"]
    assert (forged["verified"], forged["status"], forged["id"]) == (False, 401, "evt_\x9b")
    assert "webhook-timestamp" in forged["problem"]
    assert forged["body"] == event().decode()
    assert exit_code == 1


def test_with_a_status_the_retries_can_be_tried():
    with listening("--json", "--status", "500", "--count", "1") as listener:
        status, _ = post(listener.port, event())
        exit_code, out, _ = listener.end()

    assert (status, json.loads(out)["status"], exit_code) == (500, 500, 0)


@pytest.mark.parametrize("between", [",", " ", ", "])
def test_the_secrets_of_a_rotation_come_through_a_pipe(between):
    with listening("--count", "2", secret="", pipe=f"{SECRET}{between}{OTHER_SECRET}\n") as both:
        answers = [
            post(both.port, event(), headers(event(), secret))[0]
            for secret in (SECRET, OTHER_SECRET)
        ]
        exit_code, _, err = both.end()

    assert (answers, exit_code) == ([204, 204], 0)
    assert "with 2 signing secrets" in err


def test_ctrl_c_ends_it():
    with listening() as listener:
        post(listener.port, event())
        listener.process.send_signal(signal.SIGINT)
        exit_code, _, err = listener.end()

    assert exit_code == 130
    assert "Traceback" not in err


@pytest.mark.parametrize("given", ["", " , "])
def test_without_a_secret_it_says_where_to_put_one(given, capsys, monkeypatch):
    monkeypatch.setenv("FINLINK_SIGNING_SECRET", given)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    exit_code = commands.run(["webhooks", "listen"])

    assert exit_code == 2
    assert "igning secret" in capsys.readouterr().err


@pytest.mark.parametrize("secret", [SECRET[6:], f"{OTHER_SECRET},{SECRET[:-16]}"])
def test_a_malformed_secret_is_named_and_not_shown(secret, capsys, monkeypatch):
    monkeypatch.setenv("FINLINK_SIGNING_SECRET", secret)

    exit_code = commands.run(["webhooks", "listen"])

    err = capsys.readouterr().err
    assert exit_code == 2
    assert "The signing secret is malformed" in err
    assert SECRET[6:20] not in err


@pytest.mark.parametrize(
    "address", ["8010", ":8010", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536"]
)
def test_an_address_that_is_none_is_refused(address, capsys, monkeypatch):
    monkeypatch.setenv("FINLINK_SIGNING_SECRET", SECRET)

    exit_code = commands.run(["webhooks", "listen", "--listen", address])

    assert exit_code == 2
    assert "must be host:port" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(capsys, monkeypatch):
    monkeypatch.setenv("FINLINK_SIGNING_SECRET", SECRET)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        exit_code = commands.run(["webhooks", "listen", "--listen", address])

    assert exit_code == 2
    assert f"cannot listen on {address}: Address already in use" in capsys.readouterr().err


# ----------------------------------------------------------------------------- over HTTP


class Desk:
    """A receiver within the test, and what it took."""

    def __init__(self, count: int | None = None) -> None:
        self.receiver = Receiver("127.0.0.1", 0, [SECRET], 204, count)
        self.arrivals = self.receiver.arrivals
        self.port = int(self.receiver.server_address[1])

    @contextmanager
    def open(self) -> Iterator[Desk]:
        with self.receiver:
            thread = Thread(target=self.receiver.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield self
            finally:
                self.receiver.shutdown()
                thread.join()


@pytest.fixture
def desk():
    with Desk().open() as desk:
        yield desk


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_only_a_post_is_a_webhook(desk, method):
    status, said = request(desk.port, method, None, {})

    assert status == 405
    assert said == ("" if method == "HEAD" else "A webhook is a POST.\n")
    assert desk.arrivals.empty()


def test_an_oversized_body_is_refused_unread(desk):
    status, said = request(desk.port, "POST", b"x" * (MAX_BODY_BYTES + 1), headers(event()))

    assert status == 413
    assert "less than 20 kB" in said
    assert desk.arrivals.empty()


def test_a_client_that_still_sends_what_is_oversized_gets_its_answer(desk):
    with socket.create_connection(("127.0.0.1", desk.port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # what is sent is not kept

        client.sendall(b"POST / HTTP/1.1\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 1_000_000)

        assert client.recv(1024).startswith(b"HTTP/1.1 413 ")


def test_the_largest_webhook_is_taken(desk):
    body = event("evt_1", text="ü" * 3_000)
    assert 18_000 < len(body) < 20_000

    assert post(desk.port, body) == (204, "")
    assert desk.arrivals.get(timeout=_PATIENCE).body == body


@pytest.mark.parametrize(
    "sent",
    [
        {"transfer-encoding": "chunked"},
        {"content-length": "many"},
        {"content-length": "-1"},
        {"content-length": "1" * 21},
        {"content-length": "2", "transfer-encoding": "chunked"},
    ],
    ids=lambda sent: " ".join(sent.values())[:12],
)
def test_a_body_of_unknown_length_is_refused(desk, sent):
    status, _ = request(desk.port, "POST", None, sent)

    assert status == 411
    assert desk.arrivals.empty()


def test_what_does_not_verify_is_refused_with_the_reason(desk):
    status, said = post(desk.port, event(), headers(event(), OTHER_SECRET))

    assert status == 401
    assert "The signature does not match" in said
    arrival = desk.arrivals.get(timeout=_PATIENCE)
    assert (arrival.event, arrival.problem) == (None, said.strip())


def test_a_connection_serves_one_webhook_after_the_other(desk):
    connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=_PATIENCE)
    connection.connect()
    opened = connection.sock
    for body in (event("evt_1"), event("evt_2"), event("evt_3")):
        connection.request("POST", "/", body, headers(body))
        assert connection.getresponse().read() == b""

    assert connection.sock is opened
    connection.close()
    assert [desk.arrivals.get(timeout=_PATIENCE).id for _ in range(3)] == [
        "evt_1",
        "evt_2",
        "evt_3",
    ]


def test_a_slow_client_holds_up_no_other(desk):
    with socket.create_connection(("127.0.0.1", desk.port)) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\ncontent-length: 8\r\n\r\nhalf")

        assert post(desk.port, event()) == (204, "")

        slow.sendall(b"half")
        assert slow.recv(1024).startswith(b"HTTP/1.1 401 ")


def test_no_second_receiver_shares_its_port(desk):
    with pytest.raises(OSError, match="Address already in use"):
        Receiver("127.0.0.1", desk.port, [SECRET], 204, None)


def test_a_client_that_goes_away_leaves_no_trace(desk, capfd):
    with socket.create_connection(("127.0.0.1", desk.port)) as gone:
        gone.sendall(b"POST / HTTP/1.1\r\ncontent-length: 10\r\n\r\nhalf")
    with socket.create_connection(("127.0.0.1", desk.port)) as reset:
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        reset.sendall(b"POST / HTTP/1.1\r\ncontent-length: 10\r\n\r\nhalf")

    assert post(desk.port, event()) == (204, "")
    assert desk.arrivals.get(timeout=_PATIENCE).id == "evt_1"
    assert desk.arrivals.empty()
    assert capfd.readouterr().err == ""


def test_past_its_count_nothing_is_acknowledged():
    with Desk(count=1).open() as desk:
        first, second = post(desk.port, event("evt_1")), post(desk.port, event("evt_2"))

    assert (first[0], second[0]) == (204, 503)
    assert [desk.arrivals.get(timeout=_PATIENCE).id, desk.arrivals.empty()] == ["evt_1", True]


# -------------------------------------------------------------------------- on the screen


@pytest.fixture
def arrive(desk):
    """Send a body to the receiver, and give what it took."""

    def arrive(body: bytes, sent: dict[str, str] | None = None) -> Arrival:
        post(desk.port, body, sent)
        arrival: Arrival = desk.arrivals.get(timeout=_PATIENCE)
        return arrival

    return arrive


STEERING = "\x1b[2J\x9b\x07\r\u202e\u200b\ud83d"


@pytest.mark.parametrize("show", [WebhookScreen, WebhookJsonLines])
@pytest.mark.parametrize("genuine", [True, False], ids=["genuine", "forged"])
def test_nothing_from_the_network_steers_the_terminal(arrive, show, genuine):
    body = event("evt_1", text=STEERING)
    raw = body.replace(b"sec", b"\x1b[2J\xc2\x9b\xff")
    out = io.StringIO()

    show(out).show(arrive(body) if genuine else arrive(raw, {"webhook-id": "\x1b\x9b"}), 0)

    assert all(one.isprintable() for one in out.getvalue().replace("\n", ""))
    assert "\\u001b[2J" in out.getvalue()


@pytest.mark.parametrize("data", [{"list": [*range(100)]}, {"text": "x" * 10_000}])
def test_what_is_long_is_cut_for_people_and_whole_for_programs(arrive, data):
    arrival = arrive(event("evt_1", **data))
    shown, written = io.StringIO(), io.StringIO()

    WebhookScreen(shown).show(arrival, 0)
    WebhookJsonLines(written).show(arrival, 0)

    assert "…" in shown.getvalue()
    assert len(shown.getvalue()) < 2_000
    assert json.loads(written.getvalue())["body"]["data"] == data


@pytest.mark.parametrize(("encoding", "marks"), [("utf-8", "✓✗"), ("ascii", "+!")])
def test_a_terminal_without_ticks_gets_other_marks(arrive, encoding, marks):
    out = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)

    for arrival in (arrive(event()), arrive(event(), {})):
        WebhookScreen(out).show(arrival, 0)

    out.seek(0)
    heads = [line.split()[1] for line in out if not line.startswith(" ")]
    assert heads == list(marks)


@pytest.mark.parametrize("show", [WebhookScreen, WebhookJsonLines])
def test_data_nested_deeply_is_shown_all_the_same(arrive, show):
    nested: list[object] = []
    for _ in range(900):
        nested = [nested]
    out = io.StringIO()

    show(out).show(arrive(event("evt_1", nested=nested)), 0)

    assert "evt_1" in out.getvalue()
