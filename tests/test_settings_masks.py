"""Update masks: a change takes the paths that they name, and no others."""

import pytest
from grpc import StatusCode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import app_settings, people
from tests.app_settings import VALUES, change, differing, read
from tests.errors import refused

from finlink.config import v1
from finlink_server.domain import document

pytestmark = pytest.mark.either("a mask is taken apart before any database is asked")

DISARMING = ["link.force_auth_token", "link.redirects", "link.terms_uri", "link.privacy_uri"]
HARMLESS = [path for path in VALUES if path not in DISARMING]
PARENTS = ["*", "link", "banks", "link.appearance"]
EMPTY: dict[str, object] = {}


def below(*mask):
    """The paths that a mask names, taken apart as its documentation says."""
    return {
        path for path in VALUES for one in mask if one in {"*", path} or path.startswith(f"{one}.")
    }


@pytest.fixture
def full(account, app):
    """Settings that differ from a new app's at every path."""
    return change(account, app, VALUES)


def test_the_table_of_values_has_every_path():
    assert list(VALUES) == list(document.PATHS)
    assert set(DISARMING) == document.DISARMING


@pytest.mark.parametrize("path", [*VALUES, *PARENTS])
def test_a_mask_sets_what_it_names_and_nothing_else(account, app, path):
    new = read(account, app)

    changed = change(account, app, VALUES, path)

    assert differing(new, changed) == below(path)
    assert read(account, app) == changed


@pytest.mark.parametrize("path", [*VALUES, *PARENTS])
def test_a_mask_resets_what_it_names_and_nothing_else(account, app, full, path):
    changed = change(account, app, EMPTY, path)

    assert differing(full, changed) == below(path)
    for one in below(path):
        assert app_settings.leaf(changed, one) == app_settings.leaf(read(account, app, 1), one)


@given(st.lists(st.sampled_from([*VALUES, *PARENTS]), min_size=1, max_size=20))
@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
def test_a_mask_names_the_union_of_its_paths_in_any_order_and_however_often(account, app, mask):
    new = change(account, app, EMPTY, "*")

    changed = change(account, app, VALUES, *mask)

    assert differing(new, changed) == below(*mask)
    assert changed.version == new.version + 1


@pytest.mark.parametrize(
    "path",
    [
        "",
        " ",
        ".",
        "**",
        "*.*",
        "link.*",
        "link.",
        ".link",
        "LINK",
        "link.forceAuthToken",
        "link.force_auth_token ",
        "link.force_auth_token.on",
        "link.redirects[0]",
        "link.redirects.uri",
        "link.appearance.light.primary",
        "links",
        "app_id",
        "version",
        "etag",
        "update_time",
        "banks.missing_bank_ids",
        "banks.bank_ids\x00",
        "\u202elink",
        "'; DROP TABLE app; --",
        "x" * 10_000,
    ],
    ids=lambda path: repr(path[:30]),
)
def test_a_path_that_is_none_is_refused_with_all_beside_it(account, app, path):
    for mask in ([path], ["link.texts", path], [path, "*"]):
        with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
            change(account, app, VALUES, *mask)

        assert set(refusal.fields) == {"update_mask"}
        assert "link.force_auth_token" in refusal.fields["update_mask"]
        assert refusal.message.isprintable()
    assert read(account, app).version == 1


def test_a_hundred_paths_are_a_mask_like_any_other(account, app):
    new = read(account, app)

    changed = change(account, app, VALUES, *["link.texts", "banks.mode"] * 50)

    assert differing(new, changed) == {"link.texts", "banks.mode"}
    assert changed.version == 2


def test_more_than_a_hundred_paths_are_refused(account, app):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        change(account, app, VALUES, *["link.texts"] * 101)

    assert "100" in refusal.fields["update_mask"]


def test_a_thousand_paths_that_are_none_are_refused_in_few_words(account, app):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        change(account, app, VALUES, *[f"link.nonsense_{number}" for number in range(1000)])

    assert len(refusal.fields["update_mask"]) < 1000


@pytest.mark.parametrize("path", [*HARMLESS, "banks", "link.appearance"])
def test_a_session_token_with_write_may_change_what_disarms_nothing(account, app, secret, path):
    new = read(account, app)

    changed = change(secret.start(("write",)), app, VALUES, path)

    assert differing(new, changed) == below(path)


@pytest.mark.parametrize("path", [*DISARMING, "link", "*"])
@pytest.mark.parametrize("beside", [[], HARMLESS, ["banks", "link.appearance"]], ids=len)
def test_a_session_token_changes_nothing_once_a_path_could_disarm_the_app(
    account, app, session, full, path, beside
):
    named = path if path in DISARMING else "link.force_auth_token"

    for mask in ([path, *beside], [*beside, path]):
        for values in (EMPTY, VALUES):
            for validate_only in (False, True):
                with refused(StatusCode.PERMISSION_DENIED, "ACCOUNT_TOKEN_REQUIRED") as refusal:
                    change(session, app, values, *mask, validate_only=validate_only)
                assert refusal.facts == {"path": named}

    assert read(account, app) == full


@given(st.lists(st.sampled_from([*VALUES, *PARENTS]), min_size=1, max_size=6), st.booleans())
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
def test_by_no_mask_does_a_session_token_change_a_path_that_could_disarm_the_app(
    account, app, session, mask, from_full
):
    before = change(account, app, VALUES if from_full else EMPTY, "*")
    values = EMPTY if from_full else VALUES

    if below(*mask) & set(DISARMING):
        with refused(StatusCode.PERMISSION_DENIED, "ACCOUNT_TOKEN_REQUIRED"):
            change(session, app, values, *mask)
        assert read(account, app) == before
    else:
        assert differing(before, change(session, app, values, *mask)) == below(*mask)


def test_what_a_mask_does_not_name_is_not_looked_at(account, app, session, full):
    hostile = {**VALUES, "link.force_auth_token": False, "link.terms_uri": "javascript:alert(1)"}

    changed = change(session, app, hostile | {"link.texts": []}, "link.texts")

    assert differing(full, changed) == {"link.texts"}


@pytest.mark.parametrize("mask", [["link.texts"], ["*"], ["link.redirects"]])
def test_a_session_token_without_write_changes_nothing(account, app, secret, mask):
    reader = secret.start(("read", "delete"))

    with refused(StatusCode.PERMISSION_DENIED, "SCOPE_MISSING"):
        change(reader, app, VALUES, *mask)

    assert read(account, app).version == 1


@pytest.mark.parametrize("mask", [["link.texts"], ["*"], ["link.redirects"]])
def test_to_a_session_token_another_app_looks_like_none_by_every_mask(account, session, mask):
    other = people.new_app(account)

    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        change(session, other, VALUES, *mask)

    assert read(account, other).version == 1


def test_a_session_token_may_leave_its_app_unnamed(account, app, session):
    change(session, v1.App(), {"link.default_language": "es"})

    assert read(account, app).link.default_language == "es"
