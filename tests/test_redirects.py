"""Redirects: where Link may return to."""

import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused

from finlink.config import v1

HTTPS = "https://shop.example/back"


@pytest.fixture
def live_app(account):
    return people.new_app(account, v1.ENVIRONMENT_LIVE)


def set_redirects(account, app, *redirects):
    answer = account.settings.UpdateSettings(
        settings={"app_id": app.id, "link": {"redirects": redirects}},
        update_mask={"paths": ["link.redirects"]},
    )
    return list(answer.settings.link.redirects)


def entry(uri=HTTPS, **fields):
    return {"display_name": "Back", "uri": uri, **fields}


@pytest.mark.parametrize(
    "uri",
    [
        HTTPS,
        "https://shop.example",
        "HTTPS://SHOP.example/Back",
        "https://shop.example:8443/back?a=b&c=%20",
        "https://xn--mnchen-3ya.example/",
        "https://192.0.2.7/",
        "https://[2001:db8::7]:8443/",
        "https://localhost.example/",
        "https://shop.example/" + "x" * 2027,
    ],
)
def test_a_redirect_may_be_any_https_uri(account, live_app, uri):
    (kept,) = set_redirects(account, live_app, entry(uri))

    assert kept.uri == uri


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost/back",
        "http://localhost:3000",
        "http://127.0.0.1:3000/back",
        "http://[::1]:3000/back",
        "HTTP://LOCALHOST/back",
    ],
)
def test_http_on_localhost_is_for_sandbox_apps(account, app, live_app, uri):
    (kept,) = set_redirects(account, app, entry(uri))

    assert kept.uri == uri
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        set_redirects(account, live_app, entry(uri))
    assert "SANDBOX" in refusal.fields["settings.link.redirects[0].uri"]


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "shop.example/back",
        "//shop.example/back",
        "/back",
        "https:shop.example",
        "https://",
        "https:///back",
        "https://:443/back",
        "http://shop.example/back",
        "javascript:alert(1)",
        "javascript://shop.example/%0aalert(1)",
        "data:text/html,hello",
        "data://shop.example/",
        "file://localhost/etc/passwd",
        "ftp://shop.example/",
        "app.shop://callback",
        "http://localhost.evil.com/",
        "http://evil.com/localhost",
        "http://localhost@evil.com/",
        "http://localhost:pass@evil.com/",
        "http://localhost\\@evil.com/",
        "http://127.0.0.1.evil.com/",
        "http://127.0.0.2/",
        "http://[::2]/",
        "https://user@shop.example/",
        "https://@shop.example/",
        "https://shop.example\\@evil.com/",
        "https://shop.example%40evil.com/",
        "https://shop.example/#fragment",
        "https://shop.example/#",
        "https://*.shop.example/",
        "https://shop.example/*",
        "https://münchen.example/",
        "https://shop。example/",
        "https://shop.example:99999/",
        "https://shop.example:0/",
        "https://shop.example:http/",
        "https://[2001:db8::zz]/",
        "https://[2001:db8::7/",
        "https://shop..example/",
        "https://-shop.example/",
        "https://shop.example/two words",
        "https://shop.example/%zz",
        "https://shop.example/\tback",
        "https://shop.example/" + "x" * 2028,
    ],
)
def test_a_redirect_is_refused_whose_uri_could_lead_elsewhere(account, app, uri):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        set_redirects(account, app, entry(), entry(uri))

    assert set(refusal.fields) == {"settings.link.redirects[1].uri"}
    assert account.settings.GetSettings(app_id=app.id).settings.version == 1


def test_every_wrong_redirect_is_named_at_once(account, app):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        set_redirects(account, app, entry("ftp://a.example"), entry(), entry("data:x"))

    assert set(refusal.fields) == {
        "settings.link.redirects[0].uri",
        "settings.link.redirects[2].uri",
    }


def test_a_redirect_needs_a_name(account, app):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        set_redirects(account, app, entry(display_name=""))

    assert set(refusal.fields) == {"settings.link.redirects[0].display_name"}


def test_an_edited_redirect_keeps_its_id_and_their_order_is_kept(account, app):
    first, second = set_redirects(account, app, entry(), entry())

    moved = set_redirects(
        account,
        app,
        entry("https://new.example/"),
        entry(id=second.id, display_name="Renamed"),
        entry("https://moved.example/", id=first.id),
    )

    assert [one.id for one in moved[1:]] == [second.id, first.id]
    assert moved[0].id not in {first.id, second.id, ""}
    assert [one.display_name for one in moved] == ["Back", "Renamed", "Back"]


def test_an_id_that_the_app_does_not_have_is_refused(account, app, redirect_id):
    other = people.new_app(account)

    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        set_redirects(account, other, entry(id=redirect_id))

    assert set(refusal.fields) == {"settings.link.redirects[0].id"}


def test_a_removed_id_cannot_come_back(account, app, redirect_id):
    set_redirects(account, app)

    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        set_redirects(account, app, entry(id=redirect_id))

    assert set(refusal.fields) == {"settings.link.redirects[0].id"}


def test_an_id_may_not_stand_twice(account, app, redirect_id):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        set_redirects(account, app, entry(id=redirect_id), entry(id=redirect_id))

    assert set(refusal.fields) == {"settings.link.redirects[1].id"}


def test_an_app_has_five_redirects_at_most(account, app):
    assert len(set_redirects(account, app, *[entry()] * 5)) == 5

    with refused(StatusCode.FAILED_PRECONDITION, "REDIRECT_LIMIT_REACHED") as refusal:
        set_redirects(account, app, *[entry()] * 6)

    assert refusal.facts == {"limit": "5"}
