"""Bytes that are no request, for every method."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.harmless import version
from tests.methods import FIELDS, METHODS

from finlink.config import v1
from finlink_server.storage.models import App

pytestmark = pytest.mark.either("refused before any database is asked")

UNREADABLE = {
    "no tag": b"\xff",
    "a tag of no field": b"\x00",
    "cut off": b"\x0a\x7fab",
    "wire type 7": b"\x0f\x01",
    "the end of no group": b"\x0c",
    "a varint without an end": b"\x08" + b"\x80" * 11,
}
ENDS_ITS_CALLER = {"SignOut", "EndSession"}  # whatever fields it may be sent


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_bytes_that_are_no_message_are_unreadable(outcome_of, method):
    for raw in UNREADABLE.values():
        outcome = outcome_of(method, raw)
        assert (outcome.code, outcome.reason) == ("INVALID_ARGUMENT", "REQUEST_UNREADABLE")
        assert outcome.facts == {"request_type": method.request.full_name}


@pytest.mark.parametrize(
    "method", [one for one in METHODS if one.name not in ENDS_ITS_CALLER], ids=str
)
def test_random_bytes_are_answered_with_a_reason(outcome_of, method):
    dice = random.Random(str(method))  # noqa: S311 - the same bytes in every run

    for _ in range(20):
        raw = dice.randbytes(dice.randrange(1, 60))
        assert outcome_of(method, raw).code not in {"UNKNOWN", "INTERNAL"}


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "\x00", "\u202e", "🙂" * 9, "x" * 10**6])
def test_whatever_stands_for_a_session_token_is_answered(verifier, token):
    answer = verifier.sessions.ValidateSession(access_token=token)

    assert not answer.active
    assert answer.inactive_reason == v1.INACTIVE_REASON_MALFORMED


@pytest.mark.parametrize("field", [one for one in FIELDS if one.is_text], ids=str)
def test_text_that_is_not_utf_8_is_unreadable(outcome_of, field):
    request = field.put(field.method.new_request(), "~~~~").SerializeToString()

    outcome = outcome_of(field.method, request.replace(b"~~~~", b"~\xc3\x28~"))

    assert (outcome.code, outcome.reason) == ("INVALID_ARGUMENT", "REQUEST_UNREADABLE")


def test_harm_would_be_noticed_also_without_a_new_row(env, account, app):
    before = version(env)
    rename = App.update(display_name="Renamed").where(App.id == app.id)

    account.accounts.GetApp(app_id=app.id)
    assert version(env) == before

    with ThreadPoolExecutor() as another_thread:
        another_thread.submit(rename.execute).result()
    assert version(env) != before
