"""Leaked client secrets: whoever holds one can end it, and learns nothing by that."""

from dataclasses import replace

import pytest
from grpc import StatusCode
from tests import people
from tests.changes import journal
from tests.errors import refused
from tests.guests import new_address
from tests.races import Race

from finlink.config import v1
from finlink_server import credentials

MOST = 3  # reports a minute from one client address


def report(caller, plaintext, address=""):
    # An address of its own unless told otherwise: the limit is another test's matter.
    from_there = (("x-forwarded-for", address or new_address()),)
    return caller.secrets.ReportLeakedSecret(client_secret=plaintext, metadata=from_there)


def unknown():
    return credentials.CLIENT_SECRET_TEST.new().text


def reports_of(account):
    return journal(account, types=["secret.leaked"])


# ------------------------------------------------------------------------ what a report does


def test_a_reported_secret_and_its_session_end_at_once(
    account, app, secret, session, nobody, verifier
):
    report(nobody, secret.plaintext)

    assert people.why_inactive(verifier, session) == "SECRET_REVOKED"
    with refused(StatusCode.UNAUTHENTICATED, "SESSION_INACTIVE"):
        session.sessions.GetSession()
    with refused(StatusCode.UNAUTHENTICATED, "CLIENT_CREDENTIALS_INVALID"):
        secret.start()
    (ended,) = account.secrets.ListSecrets(app_id=app.id, show_inactive=True).secrets
    assert ended.state == v1.SECRET_STATE_REVOKED
    assert ended.end_reason == v1.SECRET_END_REASON_LEAKED
    assert ended.HasField("revoke_time")


def test_the_journal_tells_when_from_where_and_what_ended_but_not_the_secret(
    account, secret, session, nobody
):
    report(nobody, secret.plaintext, "203.0.113.80")

    (row,) = reports_of(account)
    assert (row.target_id, row.client_address) == (secret.id, "203.0.113.80")
    assert dict(row.facts) == {"hint": secret.plaintext[-4:], "ended_session": session.id}
    assert secret.plaintext not in str(row)


def test_the_customer_is_told_by_one_event(account, app, secret, session, nobody, operator):
    report(nobody, secret.plaintext)

    wanted = ["secret.leaked", "secret.revoked", "session.revoked"]
    (event,) = operator.webhooks.ListEvents(app_id=app.id, types=wanted).events
    assert event.type == "secret.leaked"
    assert secret.plaintext not in event.payload_json


def test_a_retiring_secret_can_be_reported(account, secret, nobody):
    new = account.secrets.RotateSecret(secret_id=secret.id, password=account.password)

    report(nobody, secret.plaintext)

    assert new.retiring_secret.state == v1.SECRET_STATE_RETIRING
    ended = account.secrets.GetSecret(secret_id=secret.id).secret
    assert ended.end_reason == v1.SECRET_END_REASON_LEAKED
    assert account.secrets.GetSecret(secret_id=new.secret.id).secret.state == (
        v1.SECRET_STATE_ACTIVE
    )


def test_a_secret_reported_many_times_at_once_ends_once(account, secret, session, nobody):
    race = Race(32, lambda _: report(nobody, secret.plaintext))

    assert race.refusals == []
    assert race.answers == [v1.ReportLeakedSecretResponse()] * 32
    assert len(reports_of(account)) == 1


def test_a_secret_is_reported_and_revoked_at_once_and_ends_once(account, secret, nobody):
    def end(number):
        if number % 2:
            return report(nobody, secret.plaintext)
        return account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)

    race = Race(8, end)

    assert race.refusals == []
    assert len(journal(account, types=["secret.leaked", "secret.revoked"])) == 1


# ------------------------------------------------------------------- what a report gives away


def of_nobody(account, app, clock):
    return unknown()


def wrong_but_for_its_lookup_id(account, app, clock):
    text = people.new_secret(account, app).plaintext[:-10] + "0000"
    return text + credentials.checksum(text)


def revoked(account, app, clock):
    secret = people.new_secret(account, app)
    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)
    return secret.plaintext


def expired(account, app, clock):
    end = clock() // 1_000_000 + 60
    secret = people.new_secret(account, app, expire_time={"seconds": end})
    clock.advance_to(end)
    return secret.plaintext


def of_a_deleted_app(account, app, clock):
    secret = people.new_secret(account, app)
    account.accounts.DeleteApp(app_id=app.id, password=account.password)
    return secret.plaintext


@pytest.mark.parametrize(
    "kind", [of_nobody, wrong_but_for_its_lookup_id, revoked, expired, of_a_deleted_app]
)
def test_a_report_of_no_live_secret_is_answered_like_one_and_changes_nothing(
    account, app, secret, clock, nobody, operator, kind
):
    plaintext = kind(account, app, clock)
    before = journal(operator, account_id=account.id)

    answer = report(nobody, plaintext)

    assert answer == report(nobody, secret.plaintext) == v1.ReportLeakedSecretResponse()
    after = journal(operator, account_id=account.id)
    assert [row for row in after if row.target_id != secret.id] == [
        row for row in before if row.target_id != secret.id
    ]


def test_a_secret_of_a_suspended_account_can_be_reported(account, secret, nobody, operator):
    operator.admin.SuspendAccount(account_id=account.id)

    report(nobody, secret.plaintext)

    (row,) = journal(operator, account_id=account.id, types=["secret.leaked"])
    assert row.target_id == secret.id


@pytest.mark.parametrize(
    "wrong",
    [
        lambda text: text[:-1],
        lambda text: text + "x",
        lambda text: text[:20] + ("a" if text[20] != "a" else "b") + text[21:],
        lambda text: text.replace("fls_test_", "fls_live_"),
        lambda _: "",
        lambda text: f" {text}",
    ],
    ids=["cut off", "too long", "typo", "environment", "empty", "space"],
)
def test_a_mistyped_secret_is_refused_by_its_checksum(account, secret, nobody, wrong):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        report(nobody, wrong(secret.plaintext))

    assert list(refusal.fields) == ["client_secret"]
    assert secret.plaintext not in refusal.message
    assert reports_of(account) == []


# ---------------------------------------------------------------------------------- the limit


@pytest.fixture
def limited(env, clock):
    """Let few reports through, at the beginning of a minute."""
    usual = env.limits
    object.__setattr__(env, "limits", replace(usual, leak_reports=MOST))
    clock.advance_to((env.now() // 60_000_000 + 1) * 60)
    yield
    object.__setattr__(env, "limits", usual)


def use_up(nobody, address):
    for _ in range(MOST):
        report(nobody, unknown(), address)


@pytest.mark.usefixtures("limited")
def test_an_address_that_reports_too_much_has_to_wait_for_the_next_minute(
    account, secret, nobody, clock
):
    address = new_address()
    use_up(nobody, address)

    with refused(StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED") as refusal:
        report(nobody, secret.plaintext, address)
    wait = refusal.retry_seconds or 0
    assert 59 <= wait <= 60
    assert reports_of(account) == []

    clock.advance(seconds=wait - 1)
    with refused(StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED"):
        report(nobody, secret.plaintext, address)
    clock.advance(seconds=1)
    report(nobody, secret.plaintext, address)
    assert len(reports_of(account)) == 1


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("203.0.113.80", "203.0.113.81"),
        ("2001:db8:0:1::1", "2001:db8:0:2::1"),
        ("2001:db8:0:1::1", "203.0.113.80"),
    ],
)
def test_other_addresses_are_not_affected(nobody, one, other):
    use_up(nobody, one)

    use_up(nobody, other)


@pytest.mark.usefixtures("limited")
def test_a_network_of_ipv6_addresses_is_one_address(nobody):
    for last in ("::1", ":ffff:ffff:ffff:ffff", "::abcd"):
        report(nobody, unknown(), "2001:db8:0:1" + last)

    with refused(StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED"):
        report(nobody, unknown(), "2001:db8:0:1::2")


@pytest.mark.usefixtures("limited")
def test_the_limit_holds_for_many_reports_at_once(nobody):
    address = new_address()

    race = Race(32, lambda _: report(nobody, unknown(), address))

    assert len(race.answers) == MOST
    assert race.reasons == {"RATE_LIMITED"}


@pytest.mark.usefixtures("limited")
def test_a_mistyped_secret_costs_nothing(nobody):
    address = new_address()
    for _ in range(2 * MOST):
        with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"):
            report(nobody, unknown()[:-1], address)

    use_up(nobody, address)


def test_the_operator_sets_the_limit(home):
    with home.serving(LIMIT_LEAK_REPORTS="1") as process:
        # The minute may end between two of them, but hardly twice.
        race = Race(8, lambda _: report(process.caller(), unknown()))

    assert 1 <= len(race.answers) <= 2
    assert race.reasons == {"RATE_LIMITED"}
