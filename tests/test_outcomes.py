"""A call that has committed is never told as one that simply failed."""

import grpc
import pytest
from tests.errors import refused

from finlink_server.domain import events, secrets
from finlink_server.errors import DatabaseBusy, DatabaseUnavailable


@pytest.mark.parametrize("problem", [DatabaseBusy, DatabaseUnavailable])
def test_a_database_that_goes_away_after_the_commit_leaves_the_outcome_unknown(
    app, platform, monkeypatch, problem
):
    def fail(*_):
        raise problem

    with monkeypatch.context() as away:
        away.setattr(events, "body", fail)
        with refused(grpc.StatusCode.ABORTED, "OUTCOME_UNKNOWN"):
            platform.publish(app.id, "conn-unknown")

    assert platform.publish(app.id, "conn-unknown") == "conn-unknown"


def test_a_password_that_was_confirmed_is_no_change(account, secret, monkeypatch):
    def fail(*_, **__):
        raise DatabaseUnavailable

    monkeypatch.setattr(secrets, "end", fail)

    with refused(grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE"):
        account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)


def test_what_fails_before_it_has_committed_anything_may_be_tried_again(app, platform, monkeypatch):
    def fail(*_):
        raise DatabaseUnavailable

    monkeypatch.setattr(events, "publish", fail)

    with refused(grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE"):
        platform.publish(app.id, "conn-unavailable")
