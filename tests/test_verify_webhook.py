"""verify_webhook: what Finlink signed is accepted, and of everything else it says what is wrong.

The signatures are made by the libraries of Standard Webhooks, not by own code.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from tests import processes, readme
from tests.signed_webhooks import post

from finlink_client import WebhookError, WebhookEvent, verify_webhook

NOW = datetime(2026, 11, 22, 13, 0, 5, tzinfo=UTC)
KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
OTHER_SECRET = f"whsec_{base64.b64encode(KEY[::-1]).decode()}"
BODY = (
    '{"type":"secret.revoked","id":"evt_1","timestamp":"2026-11-22T13:00:00.123456Z",'
    '"app_id":"app_1","data":{"display_name":"Ünïcode ☕"}}'
).encode()


def signed(body=BODY, *, secret=SECRET, event_id="evt_1", at=NOW, library=standardwebhooks.Webhook):
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": library(secret).sign(event_id, at, body.decode()),
    }


def problem(headers, body=BODY, secret=SECRET, **options):
    with pytest.raises(WebhookError) as raised:
        verify_webhook(body, headers, secret, **{"now": NOW} | options)
    return str(raised.value)


# -------------------------------------------------------------------------- what is accepted


@pytest.mark.parametrize(
    "library", [standardwebhooks.Webhook, svix.webhooks.Webhook], ids=["standardwebhooks", "svix"]
)
def test_a_webhook_tells_its_event(library):
    event = verify_webhook(BODY, signed(library=library), SECRET, now=NOW)

    assert event == WebhookEvent(
        id="evt_1",
        type="secret.revoked",
        time=datetime(2026, 11, 22, 13, 0, 0, 123456, tzinfo=UTC),
        app_id="app_1",
        data={"display_name": "Ünïcode ☕"},
        attempt_time=NOW,
    )
    with pytest.raises(FrozenInstanceError):
        event.id = "evt_2"  # type: ignore[misc]


def test_the_vector_of_the_specification_is_signed_rightly():
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    given = {
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "now": datetime.fromtimestamp(1614265330, UTC),
    }

    said = problem(headers, b'{"test": 2432232314}', **given)
    assert "The signature is right, but the body is not an event" in said

    assert "does not match" in problem(headers, b'{"test": 2432232315}', **given)


def test_the_body_may_be_text():
    assert verify_webhook(BODY.decode(), signed(), SECRET, now=NOW).id == "evt_1"


def test_without_a_moment_it_is_now():
    headers = signed(at=datetime.now(UTC))

    assert verify_webhook(BODY, headers, SECRET).id == "evt_1"


def as_message(headers):
    message = Message()
    for name, value in headers.items():
        message[name] = value
    return message


@pytest.mark.parametrize(
    "of_framework",
    [
        pytest.param(as_message, id="http.server"),
        pytest.param(lambda given: {n.title(): v for n, v in given.items()}, id="title case"),
        pytest.param(lambda given: {n.upper(): v for n, v in given.items()}, id="upper case"),
        pytest.param(lambda given: {"host": "shop.example", **given}, id="among others"),
    ],
)
def test_headers_are_found_however_a_framework_holds_them(of_framework):
    assert verify_webhook(BODY, of_framework(signed()), SECRET, now=NOW).id == "evt_1"


@pytest.mark.parametrize("padding", ["", "=", "\n"])
def test_a_secret_may_lack_its_padding_or_end_with_a_new_line(padding):
    secret = SECRET.rstrip("=") + padding

    assert verify_webhook(BODY, signed(), secret, now=NOW).id == "evt_1"


# ------------------------------------------------------------------------------- rotation


def test_during_a_rotation_the_old_and_the_new_secret_verify():
    headers = signed()
    headers["webhook-signature"] += " " + signed(secret=OTHER_SECRET)["webhook-signature"]

    for secret in (SECRET, OTHER_SECRET):
        assert verify_webhook(BODY, headers, secret, now=NOW).id == "evt_1"


@pytest.mark.parametrize("secret", [SECRET, OTHER_SECRET], ids=["old", "new"])
def test_a_receiver_with_both_secrets_takes_what_either_signed(secret):
    headers = signed(secret=secret)

    assert verify_webhook(BODY, headers, [SECRET, OTHER_SECRET], now=NOW).id == "evt_1"


@pytest.mark.parametrize(
    "beside", ["v1a,AAAA", "v1,not base64!", "v1,ü", "v1", "v1,a,b", "", "v2,\udce4"]
)
def test_a_signature_that_cannot_be_read_hides_no_good_one(beside):
    headers = signed()
    headers["webhook-signature"] = f"{beside} {headers['webhook-signature']}"

    assert verify_webhook(BODY, headers, SECRET, now=NOW).id == "evt_1"


# ----------------------------------------------------------------------------- signatures


@pytest.mark.parametrize("place", range(len(BODY)))
def test_no_byte_of_the_body_can_be_changed(place):
    tampered = bytearray(BODY)
    tampered[place] ^= 1

    said = problem(signed(), bytes(tampered))

    assert "does not match" in said or "not UTF-8" in said


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("webhook-id", "evt_2"),
        ("webhook-timestamp", str(int(NOW.timestamp()) + 1)),
        ("webhook-signature", signed(secret=OTHER_SECRET)["webhook-signature"]),
        ("webhook-signature", signed()["webhook-signature"].replace("v1,", "v2,")),
        ("webhook-signature", signed()["webhook-signature"].removeprefix("v1,")),
        ("webhook-signature", "v1,"),
    ],
)
def test_no_header_can_be_changed(header, value):
    said = problem({**signed(), header: value})

    assert "The signature does not match" in said


@pytest.mark.parametrize("body", [BODY + b"\n", BODY[:-1], b"", b"\xef\xbb\xbf" + BODY])
def test_nothing_can_be_added_or_cut_off(body):
    assert "does not match" in problem(signed(), body)


def test_json_that_was_written_again_is_told_apart():
    said = problem(signed(), json.dumps(json.loads(BODY)))

    assert "exactly as it was received, not JSON that was parsed and written again" in said
    assert "current signing secret" in said


# ------------------------------------------------------------------------------- headers


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_a_missing_header_is_named(header, value):
    headers = signed()
    del headers[header]
    if value is not None:
        headers[header] = value

    assert f"Missing from the request: {header}." in problem(headers)


@pytest.mark.parametrize(
    "seconds", ["soon", "1.5", "-1", "1e9", "nan", "٣", "1700000000000", " 1700000000"]
)
def test_a_timestamp_that_is_none_is_refused(seconds):
    said = problem({**signed(), "webhook-timestamp": seconds})

    assert "webhook-timestamp is not a number of Unix seconds" in said


# --------------------------------------------------------------------------------- time


@pytest.mark.parametrize("age", [timedelta(minutes=5), timedelta(minutes=-5)])
def test_five_minutes_are_close_enough(age):
    assert verify_webhook(BODY, signed(at=NOW - age), SECRET, now=NOW).attempt_time == NOW - age


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(minutes=5, seconds=1), "too old: signed 0:05:01 ago, and 0:05:00 may pass"),
        (timedelta(days=2), "too old: signed 2 days, 0:00:00 ago"),
        (timedelta(minutes=-6), "too new: signed 0:06:00 ahead of this machine's clock"),
    ],
)
def test_a_webhook_of_another_time_says_how_far_off_it_is(age, said):
    told = problem(signed(at=NOW - age))

    assert said in told
    assert "clock" in told


def test_the_tolerance_can_be_chosen():
    late = signed(at=NOW - timedelta(hours=1))

    event = verify_webhook(BODY, late, SECRET, now=NOW, tolerance=timedelta(hours=1))

    assert event.id == "evt_1"
    assert "too old" in problem(late, tolerance=timedelta(minutes=59))


# -------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    "secret",
    [
        SECRET.removeprefix("whsec_"),
        SECRET.replace("whsec_", "whpk_"),
        SECRET[:-16],
        SECRET + "AAAA" * 20,
        SECRET.replace("A", "!", 1),
        SECRET.replace("A", "ä", 1),
        "whsec_",
        "",
    ],
)
def test_a_malformed_secret_is_refused_and_not_shown(secret):
    said = problem(signed(), secret=[OTHER_SECRET, secret])

    assert "The signing secret is malformed" in said
    assert "whsec_" in said
    assert all(part not in said for part in (SECRET[6:], OTHER_SECRET[6:], SECRET[6:20]))


def test_no_secret_is_refused():
    assert "no signing secret" in problem(signed(), secret=[])


def test_what_python_tells_of_an_error_holds_no_secret():
    with pytest.raises(WebhookError) as raised:
        verify_webhook(BODY, signed(), "whsec_short", now=NOW)

    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


# -------------------------------------------------------------------------------- the body


@pytest.mark.parametrize("body", [b"\xff" + BODY, BODY.decode() + "\udce4"], ids=["bytes", "text"])
def test_a_body_that_is_not_utf_8_is_told_apart(body):
    assert "The body is not UTF-8" in problem(signed(), body)


def test_a_body_that_was_parsed_already_is_the_callers_mistake():
    with pytest.raises(TypeError, match="must be bytes or str as received, not dict"):
        verify_webhook(json.loads(BODY), signed(), SECRET, now=NOW)


EVENT = json.loads(BODY)
NO_EVENTS = {
    "not JSON": b"secret.revoked",
    "nested without end": b"[" * 100_000,
    "a list": b"[]",
    "a number": b"1",
    **{f"no {name}": {key: EVENT[key] for key in EVENT if key != name} for name in EVENT},
    **{f"{name} is a number": EVENT | {name: 1} for name in EVENT},
    "a time without a zone": EVENT | {"timestamp": "2026-11-22T13:00:00"},
    "no time": EVENT | {"timestamp": "soon"},
    "data is a list": EVENT | {"data": []},
}


@pytest.mark.parametrize("no_event", NO_EVENTS)
def test_a_signed_body_that_is_no_event_is_told_apart(no_event):
    body = NO_EVENTS[no_event]
    body = body if isinstance(body, bytes) else json.dumps(body).encode()

    said = problem(signed(body), body)

    assert "The signature is right, but the body is not an event" in said


def test_what_a_later_version_adds_is_left_alone():
    body = json.dumps(EVENT | {"api_version": 2}).encode()

    assert verify_webhook(body, signed(body), SECRET, now=NOW).data == EVENT["data"]


def test_two_ids_that_disagree_are_both_refused():
    said = problem(signed(event_id="evt_2"))

    assert "header webhook-id and the body's id disagree" in said


# -------------------------------------------------------------------------------- README


def test_the_readmes_server_takes_an_event_once_and_refuses_a_forged_one(monkeypatch, capsys):
    [block] = readme.blocks(readme.section("Webhooks in your server"), "python")
    text, start, _ = block.text.partition("\nThreadingHTTPServer(")
    assert start
    monkeypatch.setenv("FINLINK_SIGNING_SECRET", f"{SECRET} {OTHER_SECRET}")
    defined: dict[str, Any] = {}
    exec(text, defined)  # noqa: S102 - it is ours

    with ThreadingHTTPServer(("127.0.0.1", 0), defined["Webhooks"]) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        sent = [signed(at=datetime.now(UTC), secret=one) for one in (SECRET, OTHER_SECRET)]
        answers = [post(server.server_port, BODY, one)[0] for one in (*sent, signed())]
        server.shutdown()
        thread.join()

    assert answers == [204, 204, 401]
    done, refused = capsys.readouterr().out.splitlines()
    assert done == "secret.revoked app_1 {'display_name': 'Ünïcode ☕'}"
    assert "too" in refused


# ---------------------------------------------------------------------------------- cost


def test_importing_the_client_brings_no_server_of_http():
    done = processes.run(
        "-c",
        "import sys, finlink_client; print(sorted({'http.server', 'svix'} & sys.modules.keys()))",
        env=dict(os.environ),
    )

    assert done.stdout.strip() == "[]", done.stderr
