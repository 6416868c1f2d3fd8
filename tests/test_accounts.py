"""Accounts and their apps."""

import uuid

import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused
from tests.link_urls import auth_token_for, open_link
from tests.races import Race

from finlink.config import v1

NAMES = {"display_name": "Till", "public_name": "Shop", "environment": v1.ENVIRONMENT_SANDBOX}


def fresh_email():
    return f"{uuid.uuid4().hex[:12]}@example.com"


def rename(account, app, name, **fields):
    answer = account.accounts.UpdateApp(
        app={"id": app.id, "display_name": name, **fields}, update_mask={"paths": ["display_name"]}
    )
    return answer.app


def test_a_new_account_waits_for_its_password(operator, nobody):
    made = operator.admin.CreateAccount(email=fresh_email(), display_name="Ana")

    lifetime = made.setup_token_expire_time.ToSeconds() - made.account.create_time.ToSeconds()
    assert made.account.state == v1.ACCOUNT_STATE_PENDING
    assert lifetime == pytest.approx(24 * 3600, abs=1)
    done = nobody.accounts.SetPassword(setup_token=made.setup_token, new_password="opensesame")
    assert done.account.state == v1.ACCOUNT_STATE_ACTIVE


def test_an_email_has_one_account_blind_to_case(operator, account):
    with refused(StatusCode.ALREADY_EXISTS, "ACCOUNT_ALREADY_EXISTS") as refusal:
        operator.admin.CreateAccount(email=account.email.upper(), display_name="Ana")

    assert refusal.facts["account_id"] == account.id


def test_operators_who_race_for_one_email_make_one_account(operator):
    email = fresh_email()

    race = Race(16, lambda _: operator.admin.CreateAccount(email=email, display_name="Ana"))

    (made,) = race.answers
    assert race.reasons == {"ACCOUNT_ALREADY_EXISTS"}
    assert {refusal.facts["account_id"] for refusal in race.refusals} == {made.account.id}


def test_accounts_are_found_by_email_blind_to_case(operator, account, stranger):
    found = operator.admin.ListAccounts(email=account.email.upper())
    none = operator.admin.ListAccounts(email=fresh_email())

    assert [one.id for one in found.accounts] == [account.id]
    assert list(none.accounts) == []


def test_a_customer_sees_its_own_account_only(account, stranger):
    assert account.accounts.GetAccount().account.email == account.email
    assert account.accounts.GetAccount(account_id=account.id).account.id == account.id
    with refused(StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND"):
        account.accounts.GetAccount(account_id=stranger.id)


def test_an_operator_sees_any_account_but_must_name_it(operator, account):
    assert operator.accounts.GetAccount(account_id=account.id).account.email == account.email
    for method in (operator.accounts.GetAccount, operator.accounts.ListApps):
        with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
            method()
        assert set(refusal.fields) == {"account_id"}


def test_a_new_app_is_what_was_asked_for(account):
    app = account.accounts.CreateApp(
        display_name="Till 3", public_name="Shop", environment=v1.ENVIRONMENT_LIVE
    ).app

    assert (app.display_name, app.public_name) == ("Till 3", "Shop")
    assert (app.environment, app.account_id) == (v1.ENVIRONMENT_LIVE, account.id)
    assert not app.HasField("delete_time")
    assert account.accounts.GetApp(app_id=app.id).app == app


def test_an_account_has_five_apps_at_most_however_many_ask_at_once(account):
    race = Race(16, lambda _: account.accounts.CreateApp(**NAMES))

    listed = account.accounts.ListApps().apps
    assert len(race.answers) == len(listed) == 5
    assert race.reasons == {"APP_LIMIT_REACHED"}
    assert {refusal.code for refusal in race.refusals} == {StatusCode.FAILED_PRECONDITION}
    assert {refusal.facts["limit"] for refusal in race.refusals} == {"5"}


def test_a_deleted_app_makes_room_for_another(account):
    apps = [people.new_app(account) for _ in range(5)]

    account.accounts.DeleteApp(app_id=apps[0].id, password=account.password)
    newest = people.new_app(account)

    listed = [app.id for app in account.accounts.ListApps().apps]
    assert listed == [app.id for app in [*apps[1:], newest]]


def test_only_an_apps_display_name_changes(account, app):
    answer = account.accounts.UpdateApp(
        app={
            "id": app.id,
            "display_name": "Renamed",
            "public_name": "Forged",
            "environment": v1.ENVIRONMENT_LIVE,
        },
        update_mask={"paths": ["*"]},
    )

    changed = answer.app
    assert (changed.display_name, changed.public_name) == ("Renamed", app.public_name)
    assert changed.environment == app.environment
    assert changed.etag != app.etag
    assert changed.update_time.ToMicroseconds() > app.update_time.ToMicroseconds()
    assert account.accounts.GetApp(app_id=app.id).app == changed


def test_a_change_that_changes_nothing_leaves_the_app_as_it_is(account, app):
    assert rename(account, app, app.display_name) == app


def test_an_old_etag_stops_the_change_and_tells_the_present_one(account, app):
    renamed = rename(account, app, "First", etag=app.etag)

    with refused(StatusCode.ABORTED, "ETAG_MISMATCH") as refusal:
        rename(account, app, "Second", etag=app.etag)

    assert refusal.facts["etag"] == renamed.etag
    assert account.accounts.GetApp(app_id=app.id).app.display_name == "First"


def test_of_many_writers_with_one_etag_one_wins(account, app):
    race = Race(16, lambda number: rename(account, app, f"Writer {number}", etag=app.etag))

    (winner,) = race.answers
    assert race.reasons == {"ETAG_MISMATCH"}
    assert account.accounts.GetApp(app_id=app.id).app == winner


@pytest.mark.parametrize(
    ("name", "paths", "field"),
    [
        ("Till", [], "update_mask"),
        ("Till", ["public_name"], "update_mask"),
        ("Till", ["display_name", "nonsense"], "update_mask"),
        ("", ["display_name"], "app.display_name"),
    ],
)
def test_an_update_must_say_what_and_to_what(account, app, name, paths, field):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        account.accounts.UpdateApp(
            app={"id": app.id, "display_name": name}, update_mask={"paths": paths}
        )

    assert set(refusal.fields) == {field}


def test_deleting_an_app_ends_all_that_hung_on_it_at_once(
    account, app, secret, session, redirect_id, nobody, verifier, link_front_end
):
    token = auth_token_for(account, app, redirect_id, max_opens=2)
    opened = {"query": f"authToken={token}", "request_id": str(uuid.uuid4())}
    link_front_end.links.OpenLink(**opened)

    deleted = account.accounts.DeleteApp(app_id=app.id, password=account.password).app

    assert deleted.HasField("delete_time")
    assert people.why_inactive(verifier, session) == "APP_DELETED"
    with refused(StatusCode.UNAUTHENTICATED, "SESSION_INACTIVE") as refusal:
        session.sessions.GetSession()
    assert refusal.facts["inactive_reason"] == "APP_DELETED"
    with refused(StatusCode.UNAUTHENTICATED, "CLIENT_CREDENTIALS_INVALID"):
        secret.start()
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_TOKEN_REVOKED"):
        open_link(link_front_end, authToken=token)
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_REDIRECT_UNKNOWN"):
        open_link(link_front_end, id=redirect_id, product="TRANSACTIONS")
    assert link_front_end.links.OpenLink(**opened).link.state == v1.LINK_STATE_REVOKED


def test_a_deleted_app_is_gone(account, app, secret, session):
    account.accounts.DeleteApp(app_id=app.id, password=account.password)

    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        account.accounts.GetApp(app_id=app.id)
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        account.accounts.DeleteApp(app_id=app.id, password=account.password)
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        account.settings.GetSettings(app_id=app.id)
    with refused(StatusCode.NOT_FOUND, "SECRET_NOT_FOUND"):
        account.secrets.GetSecret(secret_id=secret.id)
    with refused(StatusCode.NOT_FOUND, "SESSION_NOT_FOUND"):
        account.sessions.GetSession(session_id=session.id)


def test_deleting_an_app_needs_the_password(account, app, session, verifier):
    with refused(StatusCode.PERMISSION_DENIED, "PASSWORD_WRONG") as refusal:
        account.accounts.DeleteApp(app_id=app.id, password="not the password")

    assert refusal.facts["attempts_left"] == "4"
    assert account.accounts.GetApp(app_id=app.id).app == app
    assert people.why_inactive(verifier, session) == ""


def test_an_operator_may_look_at_an_app_but_not_touch_it(operator, account, app):
    assert operator.accounts.GetApp(app_id=app.id).app == app
    assert list(operator.accounts.ListApps(account_id=account.id).apps) == [app]

    with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
        operator.accounts.CreateApp(**NAMES)
    with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
        rename(operator, app, "Mine")
    with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
        operator.accounts.DeleteApp(app_id=app.id, password=account.password)


def test_another_accounts_app_looks_like_none(stranger, account, app):
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        stranger.accounts.GetApp(app_id=app.id)
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        rename(stranger, app, "Mine")
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        stranger.accounts.DeleteApp(app_id=app.id, password=stranger.password)
    with refused(StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND"):
        stranger.accounts.ListApps(account_id=account.id)
    assert list(stranger.accounts.ListApps().apps) == []
