"""GetSettings answers from memory, and still tells everybody no more and no less than is so."""

from __future__ import annotations

import grpc
import pytest
from tests import people
from tests.errors import refused

from finlink.config import v1


@pytest.fixture
def kept(account, app):
    """An app whose settings were asked for, and are in memory."""
    for _ in range(2):
        account.settings.GetSettings(app_id=app.id)
    return app


def test_settings_in_memory_are_nobody_elses(kept, stranger):
    with refused(grpc.StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        stranger.settings.GetSettings(app_id=kept.id)


def test_settings_in_memory_are_not_those_of_a_session_of_another_app(kept, account):
    other = people.new_secret(account, people.new_app(account)).start()

    with refused(grpc.StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        other.settings.GetSettings(app_id=kept.id)
    assert other.settings.GetSettings().settings.app_id == other.answer.session.app_id


def test_settings_in_memory_go_with_their_app(kept, account, verifier):
    account.accounts.DeleteApp(app_id=kept.id, password=account.password)

    for caller in (account, verifier):
        with refused(grpc.StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
            caller.settings.GetSettings(app_id=kept.id)


def test_a_change_shows_at_once(kept, account, verifier):
    people.force_auth_token(account, kept)

    assert verifier.settings.GetSettings(app_id=kept.id).settings.link.force_auth_token
    account.settings.RollbackSettings(app_id=kept.id, version=1)
    assert not verifier.settings.GetSettings(app_id=kept.id).settings.link.force_auth_token


def test_an_endpoint_shows_at_once_and_its_end_does(kept, account, verifier):
    endpoint = people.new_endpoint(account, kept)

    shown = verifier.settings.GetSettings(app_id=kept.id).settings.webhook_endpoints
    assert [one.id for one in shown] == [endpoint.id]
    account.webhooks.DeleteEndpoint(endpoint_id=endpoint.id)
    assert not verifier.settings.GetSettings(app_id=kept.id).settings.webhook_endpoints


def test_what_is_answered_from_memory_is_what_was_answered_before(account, app):
    people.add_redirect(account, app)
    people.choose_banks(account, app, "ALL", country_codes=["ES"])

    first, *again = [account.settings.GetSettings(app_id=app.id) for _ in range(3)]

    assert all(one == first for one in again)
    assert isinstance(first, v1.GetSettingsResponse)
    assert account.settings.GetSettings(app_id=app.id, version=1).settings.version == 1
