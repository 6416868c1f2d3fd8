"""The versions of an app's settings: who made each, when and why, and what it changed."""

import pytest
from google.protobuf.json_format import MessageToDict
from grpc import StatusCode
from tests import people
from tests.app_settings import LIGHT, VALUES, change, differing, read, versions_of
from tests.errors import refused

from finlink.config import v1
from finlink_server.domain import banks

FORCE = {"link.force_auth_token": True}


def changes_of(version):
    """What a version changed: path → (old value, new value)."""
    dicts = (MessageToDict(one) for one in version.changes)
    return {one["path"]: (one["oldValue"], one["newValue"]) for one in dicts}


def test_a_version_tells_who_made_it_when_why_and_what_changed(account, app, secret):
    change(account, app, {**FORCE, "link.languages": ["es"]}, comment="We were phished")
    session = secret.start()
    texts = [{"language": "es", "title": "Hola"}]
    change(session, app, {"link.texts": texts, "banks.mode": v1.BANK_LIST_MODE_EXCEPT})

    third, second, first = versions_of(account, app)

    assert [one.version for one in (third, second, first)] == [3, 2, 1]
    for one in (third, second, first):
        assert one.create_time == read(account, app, one.version).update_time
    assert (first.author.kind, first.author.id) == (v1.ACTOR_KIND_ACCOUNT, account.id)
    assert (first.comment, changes_of(first)) == ("", {})
    assert second.author == first.author
    assert second.comment == "We were phished"
    assert changes_of(second) == {
        "link.force_auth_token": (False, True),
        "link.languages": ([], ["es"]),
    }
    assert third.author.kind == v1.ACTOR_KIND_SESSION
    assert third.author.id == session.id
    said = {"language": "es", "title": "Hola", "description": "", "button": "", "success": ""}
    assert changes_of(third) == {"link.texts": ([], [said]), "banks.mode": ("ALL", "EXCEPT")}


def test_every_path_is_told_with_its_old_and_new_value(account, app):
    change(account, app, VALUES)
    reset = change(account, app, {}, "*")

    down, up, _ = versions_of(account, app)

    assert reset.version == down.version
    assert [one.path for one in up.changes] == list(VALUES)
    assert {path: (new, old) for path, (old, new) in changes_of(up).items()} == changes_of(down)
    assert changes_of(up)["link.appearance.light"] == (None, LIGHT)
    assert changes_of(up)["banks.bank_ids"] == ([], ["es-bbva"])


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 500])
def test_versions_come_in_pages_that_lose_no_change(account, app, size):
    for number in range(5):
        change(account, app, {"link.force_auth_token": number % 2 == 0})
    whole = versions_of(account, app)

    paged: list[v1.SettingsVersion] = []
    more = {"app_id": app.id, "page_size": size}
    while more and len(paged) < len(whole):
        page = account.settings.ListSettingsVersions(**more)
        paged += page.versions
        more = {**more, "page_token": page.next_page_token} if page.next_page_token else {}

    assert not more
    assert paged == whole
    assert [len(one.changes) for one in whole] == [1, 1, 1, 1, 1, 0]


def test_a_page_of_versions_leads_to_no_other_app(account, app):
    change(account, app, FORCE)
    other = people.new_app(account)
    token = account.settings.ListSettingsVersions(app_id=app.id, page_size=1).next_page_token

    with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
        versions_of(account, other, page_size=1, page_token=token)


def test_versions_are_read_by_their_owner_its_sessions_and_operators(
    account, app, session, operator, stranger
):
    change(account, app, FORCE)

    own = versions_of(account, app)

    assert list(session.settings.ListSettingsVersions().versions) == list(own)
    assert list(versions_of(operator, app)) == list(own)
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        versions_of(stranger, app)


def test_a_rehearsal_answers_as_the_change_would_and_makes_nothing(account, app):
    before = read(account, app)

    would = change(account, app, VALUES, comment="Only asking", validate_only=True)

    assert (would.version, would.etag, would.HasField("update_time")) == (2, "", False)
    assert [one.id for one in would.link.redirects] == [""]
    assert read(account, app) == before
    assert len(versions_of(account, app)) == 1
    assert not account.accounts.ListAuditEvents(types=["settings.updated"]).events
    made = change(account, app, VALUES)
    assert made.link.redirects[0].id
    assert differing(made, would) == {"link.redirects"}


@pytest.mark.parametrize("validate_only", [False, True])
def test_a_change_of_nothing_answers_with_the_present_version(account, app, validate_only):
    present = change(account, app, VALUES)

    same = change(account, app, VALUES, "banks", "link.appearance", validate_only=validate_only)

    assert same == present
    assert len(versions_of(account, app)) == 2


def test_a_page_of_large_versions_is_small_enough_to_be_received(account, app, env):
    ids = [bank.id for bank in banks.catalogue(env).banks[:1000]]
    for number in range(30):
        excepted = {"banks.mode": v1.BANK_LIST_MODE_EXCEPT, "banks.bank_ids": ids[number:]}
        change(account, app, excepted)

    page = account.settings.ListSettingsVersions(app_id=app.id, page_size=500)

    assert page.ByteSize() < 3 * 1024 * 1024
    assert 1 < len(page.versions) < 31
    assert page.next_page_token
    found = list(page.versions)
    while page.next_page_token:
        page = account.settings.ListSettingsVersions(
            app_id=app.id, page_size=500, page_token=page.next_page_token
        )
        found += page.versions
    assert [one.version for one in found] == list(range(31, 0, -1))
