"""Rollback: a new version that equals an earlier one."""

import uuid

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from grpc import StatusCode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import people
from tests.app_settings import DARK, LIGHT, change, differing, leaves, read, versions_of
from tests.errors import refused
from tests.races import Race

from finlink.config import v1

FORCE = {"link.force_auth_token": True}
SPANISH = {"link.default_language": "es"}


def roll_back(caller, app, version, **fields):
    answer = caller.settings.RollbackSettings(app_id=app.id, version=version, **fields)
    return answer.settings


def some(*values):
    return st.lists(st.sampled_from(values), unique=True, max_size=3)


TEXTS = [{"language": tag, "title": f"{tag}!", "success": "✓"} for tag in ("es", "ca", "pt-BR")]
NEW_REDIRECT = {"display_name": "Back", "uri": "https://shop.example/back"}
# For every path, values that a random history sets there; some do not go together.
POOLS = {
    "link.force_auth_token": st.booleans(),
    "link.redirects": st.lists(st.integers(0, 3), max_size=4, unique=True),  # see `edit`
    "link.languages": some("es", "ca", "pt-BR", "de"),
    "link.default_language": st.sampled_from(["", "es", "ca"]),
    "link.appearance.light": st.sampled_from([None, LIGHT, {**LIGHT, "text": "#222222"}]),
    "link.appearance.dark": st.sampled_from([None, DARK, {**DARK, "text": "#ffffff"}]),
    "link.appearance.logo_uri": st.sampled_from(["", "https://shop.example/logo.svg"]),
    "link.texts": some(*range(3)).map(lambda chosen: [TEXTS[one] for one in chosen]),
    "link.terms_uri": st.sampled_from(["", "https://shop.example/terms"]),
    "link.privacy_uri": st.sampled_from(["", "https://shop.example/privacy"]),
    "banks.mode": st.sampled_from(v1.BankListMode.values()),
    "banks.bank_ids": some("es-bbva", "fr-societe-generale", "de-jp-morgan"),
    "banks.pinned_bank_ids": some("es-bbva", "fr-societe-generale"),
    "banks.country_codes": some("ES", "FR"),
}
EDITS = st.lists(st.sampled_from(list(POOLS)), min_size=1, max_size=5, unique=True).flatmap(
    lambda paths: st.fixed_dictionaries({path: POOLS[path] for path in paths})
)


def edit(account, app, present, values):
    """Make a random edit; None if the server refused it, as it may."""
    if "link.redirects" in values:
        kept = dict(enumerate(present.link.redirects))
        values = {
            **values,
            "link.redirects": [kept.get(index, NEW_REDIRECT) for index in values["link.redirects"]],
        }
    try:
        return change(account, app, values)
    except grpc.RpcError as error:
        if error.code() is not StatusCode.INVALID_ARGUMENT:
            raise
        return None


@given(st.lists(EDITS, min_size=1, max_size=10), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
def test_from_any_history_a_rollback_gives_back_exactly_that_version(operator, edits, random):
    account = people.new_account(operator)
    app = people.new_app(account)
    history = [read(account, app)]
    for values in edits:
        made = edit(account, app, history[-1], values)
        if made is not None and made != history[-1]:
            history.append(made)

    back = random.sample(history, len(history))
    for earlier in back:
        present = read(account, app)
        now = roll_back(account, app, earlier.version)

        assert leaves(now) == leaves(earlier)
        if leaves(present) == leaves(earlier):
            assert now == present
        else:
            assert now.version == present.version + 1
            history.append(now)

    assert [read(account, app, one.version) for one in history] == history
    listed = list(reversed(versions_of(account, app, page_size=500)))
    assert [one.version for one in listed] == list(range(1, len(history) + 1))
    for before, after, entry in zip(history, history[1:], listed[1:], strict=False):
        assert {one.path for one in entry.changes} == differing(before, after)


def test_a_rollback_is_a_new_version_with_its_own_story(account, app):
    change(account, app, FORCE)

    made = roll_back(account, app, 1, comment="Too early")

    assert (made.version, made.link.force_auth_token) == (3, False)
    newest = versions_of(account, app)[0]
    assert (newest.version, newest.comment, newest.author.id) == (3, "Too early", account.id)
    assert [MessageToDict(one) for one in newest.changes] == [
        {"path": "link.force_auth_token", "oldValue": True, "newValue": False}
    ]
    event = account.accounts.ListAuditEvents(types=["settings.updated"]).events[0]
    assert event.facts["rolled_back_to"] == 1
    assert (event.facts["version"], event.facts["comment"]) == (3, "Too early")


def test_a_rollback_brings_a_removed_redirect_back_under_its_id(
    account, app, redirect_id, link_front_end
):
    change(account, app, {"link.redirects": []})

    roll_back(account, app, 2)

    query = f"id={redirect_id}&product=TRANSACTIONS"
    assert link_front_end.links.OpenLink(query=query).link.redirect_uri


def test_what_a_rollback_brought_back_can_be_edited(account, app, redirect_id):
    change(account, app, {"link.redirects": []})
    back = roll_back(account, app, 2)

    (kept,) = back.link.redirects
    kept.display_name = "Renamed"
    edited = change(account, app, {"link.redirects": [kept]})

    assert [one.id for one in edited.link.redirects] == [redirect_id]


def test_rolling_back_to_what_the_settings_say_makes_no_version(account, app):
    change(account, app, FORCE)
    present = change(account, app, {"link.force_auth_token": False})

    for version in (1, 3):
        assert roll_back(account, app, version, comment="Back") == present

    assert len(versions_of(account, app)) == 3


@pytest.mark.parametrize("version", [3, 2**62])
def test_there_is_no_way_back_to_a_version_that_was_never_made(account, app, version):
    present = change(account, app, FORCE)

    with refused(StatusCode.NOT_FOUND, "SETTINGS_VERSION_NOT_FOUND") as refusal:
        roll_back(account, app, version)

    assert refusal.facts == {"app_id": app.id, "version": str(version)}
    assert read(account, app) == present


@pytest.mark.parametrize("version", [0, -1, -(2**63)])
def test_a_rollback_must_name_a_version(account, app, version):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        roll_back(account, app, version)

    assert set(refusal.fields) == {"version"}


def test_a_rollback_stops_at_an_old_etag(account, app):
    old = read(account, app).etag
    present = change(account, app, FORCE)

    with refused(StatusCode.ABORTED, "ETAG_MISMATCH") as refusal:
        roll_back(account, app, 1, etag=old)

    assert refusal.facts == {"etag": present.etag}
    assert read(account, app) == present
    assert roll_back(account, app, 1, etag=present.etag).version == 3


def test_of_changes_and_rollbacks_with_one_etag_one_wins(account, app):
    etag = change(account, app, FORCE).etag

    def write(number):
        if number % 2:
            return roll_back(account, app, 1, etag=etag)
        return change(account, app, SPANISH, etag=etag, comment=f"Writer {number}")

    race = Race(16, write)

    (winner,) = race.answers
    assert race.reasons == {"ETAG_MISMATCH"}
    assert read(account, app) == winner
    assert winner.version == 3


def test_of_many_rollbacks_at_once_to_one_version_one_makes_it(account, app):
    change(account, app, FORCE)

    race = Race(16, lambda _: roll_back(account, app, 1))

    assert race.refusals == []
    assert {one.version for one in race.answers} == {3}
    assert len(versions_of(account, app)) == 3


def test_a_repeated_rollback_gives_the_version_that_it_made(account, app):
    change(account, app, FORCE)
    once = {"request_id": str(uuid.uuid4()), "comment": "Back"}
    made = roll_back(account, app, 1, etag=read(account, app).etag, **once)
    etag = read(account, app, 2).etag
    later = change(account, app, SPANISH)

    assert roll_back(account, app, 1, etag=etag, **once) == made
    assert read(account, app) == later


def test_a_repeat_of_a_rollback_that_made_none_still_makes_none(account, app):
    request_id = str(uuid.uuid4())
    roll_back(account, app, 1, request_id=request_id)
    changed = change(account, app, FORCE)

    assert roll_back(account, app, 1, request_id=request_id).version == 1
    assert read(account, app) == changed


def test_another_rollback_under_the_same_request_id_is_refused(account, app):
    change(account, app, FORCE)
    request_id = str(uuid.uuid4())
    made = roll_back(account, app, 1, request_id=request_id)

    for other in ({"version": 2}, {"version": 1, "comment": "Other"}):
        with refused(StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED"):
            roll_back(account, app, **other, request_id=request_id)

    assert read(account, app) == made


def test_a_rollback_needs_an_account_token(account, app, session, operator, stranger):
    changed = change(account, app, FORCE)

    with refused(StatusCode.PERMISSION_DENIED, "ACCOUNT_TOKEN_REQUIRED"):
        roll_back(session, app, 1)
    with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
        roll_back(operator, app, 1)
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        roll_back(stranger, app, 1)

    assert read(account, app) == changed
