"""The journal: one row for every change, and counted rows for refused credentials."""

import re
import uuid

import pytest
from grpc import StatusCode
from tests.changes import ABOUT_NO_ACCOUNT, CHANGES, MADE_ONCE, Changes, journal
from tests.errors import refused
from tests.link_urls import open_link

from finlink.config import v1
from finlink_server import access
from finlink_server.domain import idempotency


@pytest.fixture
def changes(operator, link_front_end, publisher):
    changes = Changes(operator, link_front_end, publisher)
    yield changes
    changes.restore_bank_status()  # the banks are everybody's


def rows_of(changes):
    return [
        event for event in journal(changes.operator) if event.client_trace_id == changes.trace_id
    ]


def test_every_changing_method_is_in_the_table_above():
    reads = ("Get", "List", "Validate", "BatchValidate", "Explain", "Watch", "Verify")
    methods = {
        re.sub(r"(?<!^)(?=[A-Z])", "_", method).lower()
        for service in access.TABLE.values()
        for method in service
        if not method.startswith(reads)
    }

    assert {change.__name__ for change, _, _ in CHANGES} == methods


@pytest.mark.parametrize(
    ("change", "event", "actor"), CHANGES, ids=[change.__name__ for change, _, _ in CHANGES]
)
def test_a_change_writes_one_row_that_says_who_did_what_to_what_and_from_where(
    changes, change, event, actor
):
    target_id = change(changes)

    (row,) = rows_of(changes)
    assert row.type == event
    assert v1.ActorKind.Name(row.actor.kind) == f"ACTOR_KIND_{actor}"
    assert bool(row.actor.id) == (actor != "ANONYMOUS")
    assert row.actor.id == changes.account.id or actor != "ACCOUNT"
    assert row.target_id == (target_id or row.target_id)
    assert row.target_id
    assert row.client_address == changes.address
    assert row.count == 1
    assert bool(row.account_id) == (event not in ABOUT_NO_ACCOUNT)
    assert journal(changes.operator, call_id=row.call_id) == [row]


def test_a_rows_call_id_is_the_one_that_the_caller_got(server, account):
    stub = v1.AccountServiceStub(server.channel)
    request = v1.CreateAppRequest(
        display_name="Till", public_name="Shop", environment=v1.ENVIRONMENT_SANDBOX
    )

    answer, call = stub.CreateApp.with_call(request, metadata=account.caller.metadata)

    call_id = dict(call.trailing_metadata())["x-call-id"]
    (row,) = journal(account, call_id=call_id)
    assert row.target_id == answer.app.id


def test_a_started_session_names_the_one_that_it_ended(account, secret):
    older, newer = secret.start(), secret.start()

    (row,) = journal(account, target_id=newer.id)
    assert row.facts["superseded"] == older.id
    assert row.facts["secret_id"] == secret.id


def test_every_signing_key_that_is_revoked_has_a_row(changes):
    changes.rotate_signing_key()
    changes.how["revoke_previous"] = True
    before = rows_of(changes)

    new = changes.rotate_signing_key()

    created, *revoked = [row for row in rows_of(changes) if row not in before]
    assert (created.type, created.target_id) == ("signing_key.created", new)
    assert {row.type for row in revoked} == {"signing_key.revoked"}
    assert before[0].target_id in {row.target_id for row in revoked}
    assert {row.facts["kind"] for row in (created, *revoked)} == {"LINK"}


def test_the_token_that_five_wrong_passwords_end_has_a_row(changes):
    for _ in range(5):
        wrong_password(changes, **changes.how)

    (row,) = [row for row in rows_of(changes) if row.type == "account.token_ended"]
    assert row.account_id == row.actor.id == changes.account.id
    assert row.facts == {"reason": "PASSWORD_FAILURES"}


@pytest.mark.parametrize("change", MADE_ONCE, ids=[change.__name__ for change in MADE_ONCE])
def test_a_change_of_nothing_writes_nothing(changes, change):
    change(changes)
    before = rows_of(changes)

    change(changes)

    assert rows_of(changes) == before


def test_the_facts_of_a_rollback_name_the_version_and_what_it_changed(changes):
    changes.how["comment"] = "We were phished"

    changes.rollback_settings()

    (row,) = rows_of(changes)
    assert row.facts == {
        "version": 3,
        "rolled_back_to": 1,
        "paths": ["link.redirects"],
        "comment": "We were phished",
    }


def test_the_facts_of_a_revoked_token_count_the_links_that_ended(changes):
    token = changes.session.links.CreateLinkToken(
        parameters={"redirect_id": changes.redirect_id, "product": v1.PRODUCT_TRANSACTIONS},
        max_opens=5,
    )
    for _ in range(3):
        open_link(changes.front_end, authToken=token.auth_token)
    changes.link_token_id = token.link_token.id

    changes.revoke_link_token()

    (row,) = rows_of(changes)
    assert row.facts == {"ended_links": 3}


def test_the_facts_of_a_banks_status_tell_the_old_one_the_new_one_and_why(changes):
    changes.how["comment"] = "Their certificate ran out"

    changes.set_bank_status()

    (row,) = rows_of(changes)
    assert row.facts == {
        "old": "OPERATIONAL",
        "new": "DOWN",
        "comment": "Their certificate ran out",
    }


def test_a_refused_change_writes_nothing(changes, stranger):
    how = changes.how
    stale = {"id": changes.app.id, "display_name": "New", "etag": "outdated"}
    with refused(StatusCode.ABORTED, "ETAG_MISMATCH"):
        changes.account.accounts.UpdateApp(app=stale, update_mask={"paths": ["*"]}, **how)
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        stranger.secrets.CreateSecret(app_id=changes.app.id, display_name="mine", **how)
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"):
        changes.account.secrets.CreateSecret(app_id=changes.app.id, **how)
    with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
        changes.session.secrets.CreateSecret(app_id=changes.app.id, display_name="x", **how)
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_REDIRECT_UNKNOWN"):
        query = f"id={changes.redirect_id[:-4]}zzzz&product=TRANSACTIONS"
        changes.front_end.links.OpenLink(query=query, **how)

    assert rows_of(changes) == []


def test_a_rehearsal_writes_nothing(changes):
    changes.how["validate_only"] = True
    changes.with_password["validate_only"] = True

    changes.update_settings()
    changes.revoke_secret()

    assert rows_of(changes) == []


def test_a_change_that_fails_halfway_leaves_neither_itself_nor_a_row(changes, monkeypatch):
    def fail(*_):
        raise RuntimeError

    monkeypatch.setattr(idempotency, "remember", fail)
    with refused(StatusCode.INTERNAL, "INTERNAL"):
        changes.create_secret()

    monkeypatch.undo()
    listed = changes.account.secrets.ListSecrets(app_id=changes.app.id, show_inactive=True)
    assert [one.id for one in listed.secrets] == [changes.secret.id]
    assert rows_of(changes) == []


def wrong_sign_in(changes, **how):
    email = changes.account.email
    with refused(StatusCode.UNAUTHENTICATED, "SIGN_IN_FAILED"):
        changes.nobody.accounts.SignIn(email=email, password="not the password", **how)


def wrong_login(changes, **how):
    plaintext = changes.secret.plaintext
    with refused(StatusCode.UNAUTHENTICATED, "CLIENT_CREDENTIALS_INVALID"):
        changes.nobody.sessions.StartSession(
            client_id=changes.app.id[:-4] + "zzzz", client_secret=plaintext, **how
        )


def wrong_password(changes, **how):
    with refused(StatusCode.PERMISSION_DENIED, "PASSWORD_WRONG"):
        changes.account.secrets.RevokeSecret(
            secret_id=changes.secret.id, password="not the password", **how
        )


@pytest.mark.parametrize(
    ("fail", "event", "reason"),
    [
        (wrong_sign_in, "sign_in.refused", "SIGN_IN_FAILED"),
        (wrong_login, "session.refused", "CLIENT_CREDENTIALS_INVALID"),
        (wrong_password, "password.refused", "PASSWORD_WRONG"),
    ],
)
def test_refused_credentials_are_counted_by_address_and_minute(
    changes, clock, env, fail, event, reason
):
    minute = env.now() // 60_000_000 + 1
    here, there = ({"metadata": (("x-forwarded-for", ip),)} for ip in ("192.0.2.1", "192.0.2.2"))

    clock.advance_to(minute * 60 + 1)
    fail(changes, **here)
    fail(changes, **here)
    fail(changes, **there)
    clock.advance_to(minute * 60 + 61)
    fail(changes, **here)

    rows = list(reversed(journal(changes.account, types=[event])))
    assert [(row.client_address, row.count) for row in rows] == [
        ("192.0.2.1", 2),
        ("192.0.2.2", 1),
        ("192.0.2.1", 1),
    ]
    assert {row.facts["reason"] for row in rows} == {reason}


def test_a_call_id_is_never_taken_from_outside(changes):
    forged = f"call_{uuid.uuid4().hex}"
    changes.how["metadata"] += (("x-call-id", forged),)

    changes.create_app()

    assert len(rows_of(changes)) == 1
    assert journal(changes.operator, call_id=forged) == []
