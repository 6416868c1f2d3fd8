"""An app's settings: one document, a new version with each change."""

import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused
from tests.races import Race

from finlink.config import v1

BACK = {"display_name": "Back", "uri": "https://shop.example/back"}


def settings_of(caller, app, version=0):
    return caller.settings.GetSettings(app_id=app.id, version=version).settings


def update(caller, app, *paths, link, etag="", **fields):
    answer = caller.settings.UpdateSettings(
        settings={"app_id": app.id, "etag": etag, "link": link},
        update_mask={"paths": paths},
        **fields,
    )
    return answer.settings


def force(caller, app, *, on=True, **fields):
    return update(caller, app, "link.force_auth_token", link={"force_auth_token": on}, **fields)


def test_a_new_app_has_version_1_with_force_off_all_banks_and_no_redirects(account, app):
    first = settings_of(account, app)

    assert (first.app_id, first.version) == (app.id, 1)
    assert first.etag
    assert first.update_time.ToMicroseconds() >= app.create_time.ToMicroseconds()
    assert first.link == v1.LinkSettings()
    assert first.banks == v1.BankSettings(mode=v1.BANK_LIST_MODE_ALL)


@pytest.mark.parametrize(
    ("paths", "forced", "redirected"),
    [
        (["link.force_auth_token"], True, False),
        (["link.redirects"], False, True),
        (["link"], True, True),
        (["*"], True, True),
        (["link.redirects", "link", "*"], True, True),
    ],
)
def test_a_change_takes_what_its_mask_names(account, app, paths, forced, redirected):
    wanted = {"force_auth_token": True, "redirects": [BACK]}

    changed = update(account, app, *paths, link=wanted)

    assert changed.version == 2
    assert changed.link.force_auth_token == forced
    assert [one.uri for one in changed.link.redirects] == [BACK["uri"]] * redirected
    assert settings_of(account, app) == changed


def test_what_a_mask_names_and_the_request_leaves_out_is_reset(account, app, redirect_id):
    force(account, app)

    reset = update(account, app, "link", link={})

    assert reset.link == v1.LinkSettings()


@pytest.mark.parametrize("paths", [[], ["nonsense"], ["link.force_auth_token", "version"]])
def test_a_mask_must_name_what_there_is(account, app, paths):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        update(account, app, *paths, link={"force_auth_token": True})

    assert set(refusal.fields) == {"update_mask"}
    assert settings_of(account, app).version == 1


def test_a_change_that_changes_nothing_makes_no_version(account, app, redirect_id):
    present = settings_of(account, app)

    same = account.settings.UpdateSettings(settings=present, update_mask={"paths": ["*"]})

    assert same.settings == present == settings_of(account, app)


def test_old_versions_stay_readable_as_they_were(account, app):
    first = settings_of(account, app)
    second = force(account, app)
    third = force(account, app, on=False)

    assert [settings_of(account, app, version) for version in (1, 2, 3)] == [first, second, third]
    assert settings_of(account, app) == third
    assert len({one.etag for one in (first, second, third)}) == 3


@pytest.mark.parametrize("version", [2, 2**62])
def test_a_version_that_was_never_made_is_not_found(account, app, version):
    with refused(StatusCode.NOT_FOUND, "SETTINGS_VERSION_NOT_FOUND") as refusal:
        settings_of(account, app, version)

    assert refusal.facts == {"app_id": app.id, "version": str(version)}


def test_an_old_etag_stops_the_change_and_tells_the_present_one(account, app):
    old = settings_of(account, app).etag
    present = force(account, app, etag=old)

    with refused(StatusCode.ABORTED, "ETAG_MISMATCH") as refusal:
        force(account, app, on=False, etag=old)

    assert refusal.facts == {"etag": present.etag}
    assert settings_of(account, app) == present


def test_of_many_writers_with_one_etag_one_wins(account, app):
    etag = settings_of(account, app).etag

    def write(number):
        redirect = {**BACK, "display_name": f"Writer {number}"}
        return update(account, app, "link.redirects", link={"redirects": [redirect]}, etag=etag)

    race = Race(16, write)

    (winner,) = race.answers
    assert race.reasons == {"ETAG_MISMATCH"}
    assert settings_of(account, app) == winner
    assert winner.version == 2


def test_writers_without_an_etag_make_a_version_each(account, app):
    def write(number):
        redirect = {**BACK, "display_name": f"Writer {number}"}
        return update(account, app, "link.redirects", link={"redirects": [redirect]})

    race = Race(16, write)

    assert race.refusals == []
    assert sorted(one.version for one in race.answers) == list(range(2, 18))


def test_a_rehearsal_answers_with_what_would_be_and_changes_nothing(account, app):
    before = settings_of(account, app)

    would = update(
        account,
        app,
        "*",
        link={"force_auth_token": True, "redirects": [BACK]},
        validate_only=True,
    )

    assert would.link.force_auth_token
    assert [(one.id, one.uri) for one in would.link.redirects] == [("", BACK["uri"])]
    assert settings_of(account, app) == before


def test_a_rehearsal_is_refused_like_the_change_itself(account, app):
    bad = {"redirects": [{**BACK, "uri": "javascript:alert(1)"}]}

    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"):
        update(account, app, "link.redirects", link=bad, validate_only=True)
    with refused(StatusCode.ABORTED, "ETAG_MISMATCH"):
        force(account, app, etag="outdated", validate_only=True)


def test_a_comment_stands_in_the_journal(account, app):
    force(account, app, comment="We were phished")

    (event,) = account.accounts.ListAuditEvents(types=["settings.updated"]).events
    assert event.facts["comment"] == "We were phished"
    assert list(event.facts["paths"]) == ["link.force_auth_token"]
    assert event.facts["version"] == 2


@pytest.mark.parametrize("comment", ["x" * 501, "two\nlines", "zero\u200bwidth", "\u202ereversed"])
def test_a_comment_is_one_line_of_500_characters_at_most(account, app, comment):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        force(account, app, comment=comment)

    assert set(refusal.fields) == {"comment"}


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("link.force_auth_token", "link.force_auth_token"),
        ("link.redirects", "link.redirects"),
        ("link", "link.force_auth_token"),
        ("*", "link.force_auth_token"),
    ],
)
def test_a_session_token_cannot_disarm_its_app(account, app, session, path, named):
    force(account, app)
    before = settings_of(account, app)

    for validate_only in (False, True):
        with refused(StatusCode.PERMISSION_DENIED, "ACCOUNT_TOKEN_REQUIRED") as refusal:
            update(session, app, path, link={}, validate_only=validate_only)
        assert refusal.facts == {"path": named}

    assert settings_of(account, app) == before


def test_a_session_token_reads_the_settings_of_its_own_app_and_may_leave_its_id_empty(
    account, app, session
):
    other = people.new_app(account)

    assert session.settings.GetSettings().settings == settings_of(account, app)
    assert settings_of(session, app) == settings_of(account, app)
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        settings_of(session, other)


def test_services_read_settings_and_do_not_change_them(operator, verifier, account, app):
    assert settings_of(verifier, app) == settings_of(operator, app) == settings_of(account, app)

    for caller in (operator, verifier):
        with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
            force(caller, app)


def test_a_customer_must_name_the_app(account):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        account.settings.GetSettings()

    assert set(refusal.fields) == {"app_id"}


def test_another_accounts_settings_look_like_none(stranger, app):
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        settings_of(stranger, app)
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        force(stranger, app)
