"""How the demo waits: for what follows an answer, and for webhooks."""

import io

import pytest
from tests.scripted_server import SECRET_NOT_FOUND, refusal
from tests.signed_webhooks import OTHER_SECRET, SECRET, event, headers, post

from finlink.config import v1
from finlink_client import open_channel
from finlink_client.demo import stage as stages
from finlink_client.demo.screen import Screen
from finlink_client.demo.stage import Caller, SkippedError, Stage, StoryBrokenError
from finlink_client.webhook_receiver import Receiver

KEY = "fsk_" + 37 * "0" + "Z"


@pytest.fixture
def out():
    return io.StringIO()


@pytest.fixture
def stage(out, monkeypatch):
    monkeypatch.setattr(stages, "PATIENCE", 0.1)
    return Stage(Screen(out))


def shown(out):
    """What stands on the screen, as one line."""
    return " ".join(out.getvalue().split())


# ------------------------------------------------------------------------ for an answer


@pytest.fixture
def customer(scripted):
    with open_channel(scripted.target) as channel:
        yield Caller("customer", channel, KEY)


def ask(stage, customer, **expectations):
    return stage.ask(
        customer,
        customer.secrets.GetSecret,
        v1.GetSecretRequest(),
        asked="the secret",
        told=lambda answer: f"it is {answer.secret.id}",
        **expectations,
    )


def test_a_call_is_repeated_until_what_follows_has_happened(scripted, stage, customer, out):
    scripted.answer = v1.GetSecretResponse(secret=v1.Secret(id="sec_1"))
    looks = iter([False, False, True, True])

    ask(stage, customer, until=lambda _: next(looks))

    assert "it is sec_1" in shown(out)
    assert stage.steps == 1


def test_what_never_happens_ends_the_story(scripted, stage, customer, out):
    scripted.answer = v1.GetSecretResponse()

    with pytest.raises(StoryBrokenError):
        ask(stage, customer, until=lambda answer: answer.HasField("secret"))

    assert "expected what was waited for, within 0.1 s" in shown(out)


def test_a_refusal_with_an_excuse_is_skipped(scripted, stage, customer, out):
    scripted.answer = refusal(SECRET_NOT_FOUND)

    with pytest.raises(SkippedError):
        ask(stage, customer, excuse=lambda error: f"Never mind {error.reason}.")

    assert "skipped SECRET_NOT_FOUND" in shown(out)
    assert "Never mind SECRET_NOT_FOUND." in shown(out)


def test_a_refusal_without_an_excuse_ends_the_story(scripted, stage, customer):
    scripted.answer = refusal(SECRET_NOT_FOUND)

    with pytest.raises(StoryBrokenError):
        ask(stage, customer, excuse=lambda _: "")


# ------------------------------------------------------------------------ for a webhook


@pytest.fixture
def receiver():
    receiver = Receiver("127.0.0.1", 0, [SECRET], 204, None)
    with receiver.answering():
        yield receiver


def send(receiver, body, secret=SECRET):
    return post(int(receiver.server_address[1]), body, headers(body, secret))


def expect(stage, receiver, event_id="evt_1"):
    stage.expect_webhook(
        receiver,
        "secret.revoked",
        told=lambda arrival: f"{arrival.id} came",
        holds=lambda arrival: {"that event": arrival.id == event_id},
    )


def test_a_webhook_that_verifies_is_shown(stage, receiver, out):
    send(receiver, event("evt_1"))

    expect(stage, receiver)

    assert "evt_1 came" in shown(out)


def test_what_was_answered_otherwise_and_other_types_do_not_count(stage, receiver, out):
    receiver.status = 500
    send(receiver, event("evt_1"))
    receiver.status = 204
    send(receiver, event("evt_2").replace(b"secret.revoked", b"secret.leaked"))
    send(receiver, event("evt_3"))

    expect(stage, receiver, "evt_3")

    assert "evt_3 came" in shown(out)


def test_another_event_than_expected_ends_the_story(stage, receiver, out):
    send(receiver, event("evt_2"))

    with pytest.raises(StoryBrokenError):
        expect(stage, receiver)

    assert "expected that event, but came evt_2 came" in shown(out)


def test_a_webhook_that_does_not_verify_ends_the_story_with_what_is_wrong(stage, receiver, out):
    send(receiver, event("evt_1"), OTHER_SECRET)

    with pytest.raises(StoryBrokenError):
        expect(stage, receiver)

    assert "The signature does not match." in shown(out)


def test_a_webhook_that_does_not_come_ends_the_story(stage, receiver, out):
    with pytest.raises(StoryBrokenError):
        expect(stage, receiver)

    assert "expected secret.revoked within 0.1 s, but came nothing." in shown(out)
