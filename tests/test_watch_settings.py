"""WatchSettings: every new version of some apps' settings, and of no others."""

from __future__ import annotations

from typing import Any

import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused
from tests.races import Race
from tests.watches import Watch, Watches

from finlink.config import v1
from finlink_server.services import watch as watch_methods


@pytest.fixture
def watches():
    opened = Watches()
    yield opened
    opened.close()


@pytest.fixture
def other_app(account) -> v1.App:
    return people.new_app(account)


def change(account: Any, app: v1.App, *, on: bool = True) -> v1.Settings:
    """Make a new version."""
    people.force_auth_token(account, app, on=on)
    settings: v1.Settings = account.settings.GetSettings(app_id=app.id).settings
    return settings


def versions(watch: Watch, app: v1.App) -> list[int]:
    return [one.version for one in watch.told if one.app_id == app.id]


def test_it_begins_with_the_present_settings_of_each_app(watches, account, app, other_app):
    present = change(account, app)

    watch = watches.settings(account, app.id, other_app.id).until_caught_up()

    assert versions(watch, app) == [2]
    assert versions(watch, other_app) == [1]
    assert present in watch.told
    assert [message.caught_up for message in watch.messages[:3]] == [False, False, True]


@pytest.mark.parametrize("who", ["account", "operator", "verifier"])
def test_a_new_version_is_told_whole_as_it_is_made(request, watches, account, app, who):
    watch = watches.settings(request.getfixturevalue(who), app.id).until_caught_up()

    made = change(account, app)

    watch.until(lambda: made in watch.told)
    assert versions(watch, app) == [1, 2]


def test_a_rollback_is_a_new_version_too(watches, account, app):
    change(account, app)
    watch = watches.settings(account, app.id).until_caught_up()

    account.settings.RollbackSettings(app_id=app.id, version=1)

    watch.until(lambda: versions(watch, app) == [2, 3])
    assert not watch.told[-1].link.force_auth_token


def test_with_a_cursor_it_goes_on_after_that_and_sends_no_snapshot(
    watches, account, app, other_app
):
    apps = (app.id, other_app.id)
    cursor = watches.settings(account, *apps).until_caught_up().close().cursor
    missed = change(account, app)

    watch = watches.settings(account, *apps, cursor=cursor).until_caught_up()

    assert watch.told == [missed]
    live = change(account, other_app)
    watch.until(lambda: watch.told == [missed, live])


def test_several_versions_within_a_moment_end_with_the_newest_and_go_never_back(
    watches, account, app
):
    watch = watches.settings(account, app.id).until_caught_up()

    Race(8, lambda _: people.add_redirect(account, app))  # at most 5
    newest = account.settings.GetSettings(app_id=app.id).settings

    watch.until(lambda: newest in watch.told)
    told = versions(watch, app)
    assert told == sorted(told)


@pytest.mark.parametrize("name", ["garbage", "old"])
def test_a_cursor_that_is_too_old_begins_with_a_snapshot(watches, account, app, clock, name):
    cursor = watches.settings(account, app.id).until_caught_up().close().cursor
    if name == "old":
        clock.advance(seconds=3602)

    watch = watches.settings(account, app.id, cursor=cursor if name == "old" else "garbage")

    assert versions(watch.until_caught_up(), app) == [1]


def test_for_all_apps_a_cursor_that_is_too_old_is_refused_and_no_gap_is_hidden(
    watches, verifier, clock
):
    cursor = watches.settings(verifier).until_caught_up().close().cursor
    clock.advance(seconds=3602)

    with refused(StatusCode.OUT_OF_RANGE, "CURSOR_TOO_OLD"):
        list(verifier.settings.WatchSettings(cursor=cursor))


def test_nothing_is_told_of_other_apps(watches, account, stranger, app, other_app):
    theirs = people.new_app(stranger)
    watch = watches.settings(account, app.id).until_caught_up()
    changed = [change(account, other_app), change(stranger, theirs)]
    people.new_endpoint(account, other_app)
    people.new_endpoint(stranger, theirs)

    last = change(account, app)

    watch.until(lambda: last in watch.told)
    assert {one.app_id for one in watch.told} == {app.id}
    assert not any(one in watch.told for one in changed)
    assert not any(one.webhook_endpoints for one in watch.told)


def test_a_customer_watches_own_apps_only_and_names_them(account, stranger, app):
    theirs = people.new_app(stranger)

    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        list(account.settings.WatchSettings(app_ids=[app.id, theirs.id]))
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        list(account.settings.WatchSettings())
    assert list(refusal.fields) == ["app_ids"]


@pytest.mark.parametrize("who", ["session", "link_front_end", "publisher"])
def test_others_may_not_watch(request, app, who):
    with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
        list(request.getfixturevalue(who).settings.WatchSettings(app_ids=[app.id]))


@pytest.mark.parametrize("who", ["operator", "verifier"])
def test_a_service_that_names_no_app_is_told_of_all_from_now_on(
    request, watches, account, stranger, app, who
):
    change(account, app)
    theirs = people.new_app(stranger)

    watch = watches.settings(request.getfixturevalue(who)).until_caught_up()

    assert watch.told == []
    changed = [change(account, app, on=False), change(stranger, theirs)]
    watch.until(lambda: watch.told == changed)


def test_an_app_that_is_deleted_is_told_of_no_more(watches, operator, account, app, other_app):
    apps = (app.id, other_app.id)
    watch = watches.settings(operator).until_caught_up()
    cursor = watch.cursor
    change(account, app)
    watch.until(lambda: versions(watch, app) == [2])

    account.accounts.DeleteApp(app_id=app.id, password=account.password)

    change(account, other_app)
    watch.until(lambda: versions(watch, other_app) == [2])
    assert versions(watch, app) == [2]
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        list(operator.settings.WatchSettings(app_ids=apps))
    resumed = watches.settings(operator, cursor=cursor).until_caught_up()
    assert (versions(resumed, app), versions(resumed, other_app)) == ([], [2])


@pytest.mark.parametrize("end", ["sign_out", "reset", "suspend"])
def test_a_stream_ends_when_the_account_token_that_opened_it_does(
    watches, operator, account, app, end
):
    watch = watches.settings(account, app.id).until_caught_up()

    match end:
        case "sign_out":
            account.accounts.SignOut()
        case "reset":
            operator.admin.ResetPassword(account_id=account.id)
        case "suspend":
            operator.admin.SuspendAccount(account_id=account.id)

    refusal = watch.until_refused()
    assert (refusal.code, refusal.reason) == (StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID")


def test_a_stream_ends_when_its_account_token_expires(watches, account, app, clock):
    watch = watches.settings(account, app.id).until_caught_up()

    clock.advance(hours=12)

    assert watch.until_refused().reason == "CREDENTIAL_INVALID"


def test_heartbeats_come_without_news(watches, account, app):
    watch = watches.settings(account, app.id).until_caught_up()

    watch.until_heartbeat()

    times = [message.read_time.ToMicroseconds() for message in watch.messages[1:]]
    assert times == sorted(set(times))
    assert versions(watch, app) == [1]


def test_one_customer_may_not_take_all_the_streams(watches, account, stranger, app, monkeypatch):
    monkeypatch.setattr(watch_methods, "_MOST_OF_ONE", 2)
    for _ in range(2):
        watches.settings(account, app.id).until_caught_up()

    refused_one = watches.settings(account, app.id).until_refused()

    assert refused_one.reason == "OVERLOADED"
    watches.settings(stranger, people.new_app(stranger).id).until_caught_up()
