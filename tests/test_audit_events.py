"""The journal as its readers see it: filtered, newest first, and each account its own."""

import pytest
from grpc import StatusCode
from tests.changes import Changes, journal
from tests.errors import refused


@pytest.fixture
def changes(operator, link_front_end, publisher):
    return Changes(operator, link_front_end, publisher)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda _: {"types": ["secret.created", "secret.revoked"]},
        lambda c: {"actor_id": c.session.id},
        lambda c: {"target_id": c.secret.id},
        lambda c: {"app_id": c.app.id},
        lambda c: {"account_id": c.account.id},
        lambda c: {"app_id": c.app.id, "target_id": c.secret.id, "types": ["secret.created"]},
    ],
    ids=["types", "actor_id", "target_id", "app_id", "account_id", "several"],
)
def test_a_filter_leaves_what_fits_all_of_it(changes, wanted):
    changes.create_link_token()
    changes.revoke_secret()
    filters = wanted(changes)

    def fits(row):
        return all(
            row.type in value
            if name == "types"
            else value == (row.actor.id if name == "actor_id" else getattr(row, name))
            for name, value in filters.items()
        )

    got = journal(changes.account, **filters)

    assert got == [row for row in journal(changes.account) if fits(row)]
    assert got


def test_times_hold_from_the_first_to_before_the_last(changes):
    changes.update_app()
    changes.create_secret()
    newest, middle, *older = journal(changes.account)

    since = journal(changes.account, start_time=middle.event_time)
    until = journal(changes.account, end_time=middle.event_time)

    assert since == [newest, middle]
    assert until == older


def test_the_journal_is_read_newest_first(changes):
    rows = journal(changes.account)

    times = [row.event_time.ToMicroseconds() for row in rows]
    assert times == sorted(times, reverse=True)
    assert rows[-1].type == "account.created"


def test_a_stranger_sees_nothing_and_an_operator_sees_all(changes, operator, stranger):
    own = {row.id for row in journal(changes.account)}

    assert own <= {row.id for row in journal(operator)}
    assert own == {row.id for row in journal(operator, account_id=changes.account.id)}
    assert not own & {row.id for row in journal(stranger)}
    assert journal(stranger, target_id=changes.secret.id) == []
    with refused(StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND"):
        journal(stranger, account_id=changes.account.id)
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        journal(stranger, app_id=changes.app.id)


def test_a_deleted_apps_rows_stay_with_its_account(changes):
    changes.delete_app()

    types = {row.type for row in journal(changes.account) if row.app_id == changes.app.id}
    assert {"app.created", "secret.created", "session.started", "app.deleted"} <= types
