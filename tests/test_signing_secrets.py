"""Signing secrets: what arrives is verified by the libraries that receivers use."""

import base64
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
import svix.webhooks
from grpc import StatusCode
from tests import people
from tests.app_settings import VALUES, change
from tests.changes import journal
from tests.errors import refused
from tests.gates import until
from tests.receiver import answer, in_turn

from finlink_server.domain import signing_secrets

LIBRARIES = [standardwebhooks.Webhook, svix.webhooks.Webhook]
DAY = 24 * 3600
MOST_LIVE = 5


class Judge:
    """An endpoint, and libraries that live at the time of the server."""

    def __init__(self, account, app, receiver, **fields):
        self.account, self.receiver = account, receiver
        self.path = f"/{app.id}"
        made = account.webhooks.CreateEndpoint(app_id=app.id, uri=receiver.uri(self.path), **fields)
        self.id, self.first_secret = made.endpoint.id, made.signing_secret

    def send(self):
        """Let a test event come, and give what arrived."""
        before = len(self.receiver.to(self.path))
        self.account.webhooks.SendTestEvent(endpoint_id=self.id)
        return self.receiver.wait_for(before + 1, self.path)[-1]

    def rotate(self, **fields):
        made = self.account.webhooks.RotateSigningSecret(endpoint_id=self.id, **fields)
        return made.signing_secret

    def shown(self):
        endpoint = self.account.webhooks.GetEndpoint(endpoint_id=self.id).endpoint
        return list(endpoint.signing_secrets)


def accepts(request, secret):
    """Whether both libraries verify what arrived; they must agree."""
    (verdict,) = {_verifies(library, request, secret) for library in LIBRARIES}
    return verdict


def _verifies(library, request, secret):
    try:
        library(secret).verify(request.body, dict(request.headers))
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


def signatures(request):
    return request.headers["webhook-signature"].split(" ")


@pytest.fixture
def judge(account, app, receiver, clock, monkeypatch):
    class ServerTime(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromtimestamp(clock() / 1_000_000, tz)

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", ServerTime)
    return Judge(account, app, receiver)


# ------------------------------------------------------------------------- one signature


def test_the_vector_of_the_specification_is_signed_as_it_says():
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    message_id, timestamp = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
    body = b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    when = datetime.fromtimestamp(timestamp, UTC)
    assert standardwebhooks.Webhook(secret).sign(message_id, when, body.decode()) == expected

    key = base64.b64decode(secret.removeprefix("whsec_"))
    headers = signing_secrets.headers([key], message_id, timestamp, body)

    assert headers == {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": expected,
    }


def test_what_arrives_from_a_server_of_ones_own_is_verified_by_the_wall_clock(
    home, ca_file, receiver, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    with home.serving(WEBHOOK_ALLOW_CIDRS="127.0.0.0/8") as process:
        account = people.new_account(process.caller(home.operator_key))
        judge = Judge(account, people.new_app(account), receiver)

        request = judge.send()

    assert accepts(request, judge.first_secret)
    assert not accepts(request, f"whsec_{base64.b64encode(bytes(32)).decode()}")


def test_a_webhook_is_a_post_of_json_that_names_its_event(judge):
    request = judge.send()

    told = json.loads(request.body)
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == told["id"]
    assert told["type"] == "webhook.test"
    assert accepts(request, judge.first_secret)


@pytest.mark.parametrize("part", ["body", "webhook-id", "webhook-timestamp"])
def test_each_part_is_signed(judge, part):
    request = judge.send()
    headers, body = dict(request.headers), request.body
    if part == "body":
        body = body.replace(b"webhook.test", b"secret.leaked")
    else:
        headers[part] = headers[part][:-1] + ("0" if headers[part][-1] != "0" else "1")

    with pytest.raises(standardwebhooks.WebhookVerificationError, match="signature"):
        standardwebhooks.Webhook(judge.first_secret).verify(body, headers)


def test_each_attempt_has_its_own_time_and_the_same_body(judge, account, clock):
    judge.receiver.on(judge.path, in_turn(answer(500), answer(503), answer(200)))
    before = clock() // 1_000_000
    sent = account.webhooks.SendTestEvent(endpoint_id=judge.id)

    def delivery():
        return account.webhooks.GetDelivery(delivery_id=sent.delivery.id).delivery

    for made in (1, 2):
        judge.receiver.wait_for(made, judge.path)
        until(lambda: delivery().HasField("next_attempt_time"))
        clock.advance_to(delivery().next_attempt_time.ToMicroseconds() / 1_000_000)
    requests = judge.receiver.wait_for(3, judge.path)

    times = [int(request.headers["webhook-timestamp"]) for request in requests]
    assert before <= times[0]
    assert times[0] + 5 <= times[1]
    assert times[1] + 300 <= times[2]
    assert {request.headers["webhook-id"] for request in requests} == {sent.event.id}
    assert {request.body for request in requests} == {sent.event.payload_json.encode()}
    assert accepts(requests[-1], judge.first_secret)


# ------------------------------------------------------------------------------ rotation


def test_during_the_overlap_both_secrets_verify_and_after_it_the_new_one_alone(judge, clock):
    new = judge.rotate(overlap=timedelta(hours=2))

    during = judge.send()
    assert len(signatures(during)) == 2
    assert accepts(during, judge.first_secret)
    assert accepts(during, new)

    clock.advance(hours=2)
    after = judge.send()
    assert len(signatures(after)) == 1
    assert not accepts(after, judge.first_secret)
    assert accepts(after, new)
    assert len(judge.shown()) == 1


def test_the_newest_signs_first_for_receivers_that_look_at_one_only(judge):
    new = judge.rotate()

    first = signatures(judge.send())[0]

    key = base64.b64decode(new.removeprefix("whsec_"))
    request = judge.receiver.to(judge.path)[-1]
    expected = signing_secrets.headers(
        [key],
        request.headers["webhook-id"],
        int(request.headers["webhook-timestamp"]),
        request.body,
    )
    assert first == expected["webhook-signature"]


@pytest.mark.parametrize(
    ("overlap", "seconds"),
    [({}, DAY), ({"overlap": timedelta(seconds=1)}, 1), ({"overlap": timedelta(days=7)}, 7 * DAY)],
    ids=["unset", "a second", "a week"],
)
def test_the_old_secret_says_when_it_ends(judge, overlap, seconds):
    new = judge.rotate(**overlap)

    newest, oldest = judge.shown()
    assert newest.hint == new.rstrip("=")[-4:]
    assert oldest.hint == judge.first_secret.rstrip("=")[-4:]
    assert not newest.HasField("expire_time")
    left = oldest.expire_time.ToMicroseconds() - newest.create_time.ToMicroseconds()
    assert abs(left - seconds * 1_000_000) < 1_000_000
    (row,) = journal(judge.account, types=["endpoint.signing_secret_rotated"])
    assert dict(row.facts) == {"overlap_seconds": seconds}


def test_without_an_overlap_the_old_secret_ends_at_once(judge):
    new = judge.rotate(overlap=timedelta())

    request = judge.send()

    assert not accepts(request, judge.first_secret)
    assert accepts(request, new)
    assert len(signatures(request)) == len(judge.shown()) == 1


@pytest.mark.parametrize(
    "overlap",
    [timedelta(seconds=-1), timedelta(days=7, seconds=1), timedelta(milliseconds=1500)],
    ids=["negative", "too long", "no whole second"],
)
def test_no_other_overlap_is_taken(judge, overlap):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        judge.rotate(overlap=overlap)

    assert list(refusal.fields) == ["overlap"]
    assert len(judge.shown()) == 1


def test_a_later_rotation_does_not_give_an_old_secret_more_time(judge, clock):
    judge.rotate(overlap=timedelta(hours=1))
    judge.rotate(overlap=timedelta(days=7))
    assert accepts(judge.send(), judge.first_secret)

    clock.advance(hours=1)

    assert not accepts(judge.send(), judge.first_secret)


def test_at_most_five_secrets_sign_and_the_oldest_of_more_end_at_once(judge):
    secrets = [judge.first_secret, *(judge.rotate() for _ in range(6))]

    request = judge.send()

    assert len(signatures(request)) == len(judge.shown()) == MOST_LIVE
    assert [accepts(request, one) for one in secrets] == [False] * 2 + [True] * MOST_LIVE


def test_a_repeat_of_a_rotation_rotates_nothing_and_names_the_endpoint(judge):
    again = {"request_id": str(uuid.uuid4())}
    judge.rotate(**again)
    shown = judge.shown()

    with refused(StatusCode.ALREADY_EXISTS, "ENDPOINT_ALREADY_EXISTS") as refusal:
        judge.rotate(**again)
    with refused(StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED"):
        judge.rotate(overlap=timedelta(), **again)

    assert refusal.facts == {"endpoint_id": judge.id}
    assert judge.shown() == shown


# --------------------------------------------------------------------------- 20 kB at most


def test_the_largest_published_event_is_signed_and_stays_below_20_kb(judge, app, platform):
    payload = '{"x":"' + "é" * ((16_384 - 8) // 2) + '"}'
    names = {"event_id": "e" * 100, "type": "connection." + "x" * 89}

    platform.publish(app.id, **names, payload_json=payload)
    (request,) = judge.receiver.wait_for(1, judge.path)

    assert len(payload.encode()) == 16_384
    assert len(request.body) < 20_000
    assert accepts(request, judge.first_secret)


def test_settings_of_which_everything_changed_make_no_large_event(judge, account, app):
    change(account, app, VALUES)

    (request,) = judge.receiver.wait_for(1, judge.path)

    assert json.loads(request.body)["data"]["changed_paths"] == list(VALUES)
    assert len(request.body) < 20_000
