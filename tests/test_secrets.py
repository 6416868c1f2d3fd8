"""Client secrets: making, changing and ending them."""

import re

import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused

from finlink.config import v1

HERE = (("x-forwarded-for", "203.0.113.9"),)
ELSEWHERE = (("x-forwarded-for", "198.51.100.7"),)
HERE_ONLY = ["203.0.113.0/24", "2001:db8::/32"]


def seconds_from_now(env, seconds):
    return {"seconds": env.now() // 1_000_000 + seconds}


def get(account, secret):
    return account.secrets.GetSecret(secret_id=secret.id).secret


def update(account, secret, *paths, **fields):
    answer = account.secrets.UpdateSecret(
        secret={"id": secret.id, **fields}, update_mask={"paths": paths}
    )
    return answer.secret


def revoke(account, secret, **fields):
    return account.secrets.RevokeSecret(secret_id=secret.id, password=account.password, **fields)


@pytest.mark.parametrize(
    ("environment", "word"), [(v1.ENVIRONMENT_SANDBOX, "test"), (v1.ENVIRONMENT_LIVE, "live")]
)
def test_a_plaintext_tells_its_environment_and_its_hint(account, environment, word):
    app = people.new_app(account, environment)

    made = account.secrets.CreateSecret(app_id=app.id, display_name="backend")

    assert re.fullmatch(rf"fls_{word}_[0-9A-Za-z]{{45}}", made.client_secret)
    assert made.client_secret.endswith(made.secret.hint)
    assert len(made.secret.hint) == 4


def test_a_new_secret_is_active_grants_all_and_ends_never(account, app, secret):
    stored = get(account, secret)

    assert (stored.app_id, stored.display_name) == (app.id, "backend")
    assert stored.state == v1.SECRET_STATE_ACTIVE
    assert list(stored.scopes) == ["read", "write", "delete"]
    assert list(stored.allowed_cidrs) == []
    assert stored.end_reason == v1.SECRET_END_REASON_UNSPECIFIED
    for unset in ("expire_time", "revoke_time", "last_use_time"):
        assert not stored.HasField(unset)


def test_a_secret_notes_when_it_last_opened_a_session(account, secret, session):
    assert get(account, secret).last_use_time == session.answer.session.create_time


def test_ended_secrets_are_listed_on_request_only(account, app, secret):
    ended = people.new_secret(account, app)
    revoke(account, ended)

    live = account.secrets.ListSecrets(app_id=app.id).secrets
    every = account.secrets.ListSecrets(app_id=app.id, show_inactive=True).secrets

    assert [one.id for one in live] == [secret.id]
    assert [one.id for one in every] == [secret.id, ended.id]


def test_an_operator_may_look_at_secrets_but_not_change_them(operator, account, app, secret):
    assert get(operator, secret) == get(account, secret)
    assert [one.id for one in operator.secrets.ListSecrets(app_id=app.id).secrets] == [secret.id]
    with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
        operator.secrets.CreateSecret(app_id=app.id, display_name="mine")
    with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
        operator.secrets.RevokeSecret(secret_id=secret.id, password=account.password)


def test_another_accounts_secret_looks_like_none(stranger, app, secret):
    password = stranger.password
    with refused(StatusCode.NOT_FOUND, "SECRET_NOT_FOUND"):
        get(stranger, secret)
    with refused(StatusCode.NOT_FOUND, "SECRET_NOT_FOUND"):
        update(stranger, secret, "display_name", display_name="mine")
    with refused(StatusCode.NOT_FOUND, "SECRET_NOT_FOUND"):
        stranger.secrets.RotateSecret(secret_id=secret.id, password=password)
    with refused(StatusCode.NOT_FOUND, "SECRET_NOT_FOUND"):
        revoke(stranger, secret)
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        stranger.secrets.CreateSecret(app_id=app.id, display_name="mine")
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        stranger.secrets.ListSecrets(app_id=app.id)


@pytest.mark.parametrize(
    ("path", "names", "moves"),
    [("display_name", True, False), ("allowed_cidrs", False, True), ("*", True, True)],
)
def test_an_update_takes_what_its_mask_names(account, secret, path, names, moves):
    before = get(account, secret)

    after = update(account, secret, path, display_name="renamed", allowed_cidrs=HERE_ONLY)

    assert (after.display_name == "renamed") == names
    assert (list(after.allowed_cidrs) == HERE_ONLY) == moves
    assert after.etag != before.etag
    assert get(account, secret) == after


def test_an_old_etag_stops_the_change_and_tells_the_present_one(account, secret):
    old = get(account, secret).etag
    present = update(account, secret, "display_name", display_name="first", etag=old)

    with refused(StatusCode.ABORTED, "ETAG_MISMATCH") as refusal:
        update(account, secret, "display_name", display_name="second", etag=old)

    assert refusal.facts["etag"] == present.etag
    assert get(account, secret) == present


def test_an_ended_secret_cannot_be_changed(account, secret):
    revoke(account, secret)

    with refused(StatusCode.FAILED_PRECONDITION, "SECRET_NOT_ACTIVE") as refusal:
        update(account, secret, "display_name", display_name="too late")

    assert refusal.facts["state"] == "REVOKED"


def test_cidrs_hold_for_opening_a_session(account, app, nobody):
    secret = people.new_secret(account, app, allowed_cidrs=HERE_ONLY)
    login = {"client_id": app.id, "client_secret": secret.plaintext}

    with refused(StatusCode.PERMISSION_DENIED, "CLIENT_ADDRESS_NOT_ALLOWED") as refusal:
        nobody.sessions.StartSession(**login, metadata=ELSEWHERE)

    assert refusal.facts["client_address"] == "198.51.100.7"
    assert nobody.sessions.StartSession(**login, metadata=HERE).access_token
    six = (("x-forwarded-for", "2001:db8::7"),)
    assert nobody.sessions.StartSession(**login, metadata=six).access_token


def test_cidrs_set_later_hold_for_the_next_call_of_an_open_session(account, secret, session):
    assert session.settings.GetSettings(metadata=ELSEWHERE)

    update(account, secret, "allowed_cidrs", allowed_cidrs=HERE_ONLY)

    assert session.settings.GetSettings(metadata=HERE)
    with refused(StatusCode.PERMISSION_DENIED, "CLIENT_ADDRESS_NOT_ALLOWED"):
        session.settings.GetSettings(metadata=ELSEWHERE)


def test_an_expiring_secret_dies_at_its_instant_with_its_session(
    account, app, env, clock, verifier
):
    secret = people.new_secret(account, app, expire_time=seconds_from_now(env, 600))
    end = get(account, secret).expire_time.ToSeconds()
    session = secret.start()

    assert session.claims["exp"] == session.answer.session.expire_time.ToSeconds() == end
    clock.advance_to(end - 0.5)
    assert people.why_inactive(verifier, session) == ""
    clock.advance_to(end)
    assert people.why_inactive(verifier, session) == "SECRET_EXPIRED"
    with refused(StatusCode.UNAUTHENTICATED, "CLIENT_CREDENTIALS_INVALID"):
        secret.start()
    ended = get(account, secret)
    assert ended.state == v1.SECRET_STATE_EXPIRED
    assert ended.end_reason == v1.SECRET_END_REASON_EXPIRED
    assert not ended.HasField("revoke_time")


def test_an_expiry_is_rounded_down_to_the_second(account, app, env):
    wanted = {**seconds_from_now(env, 600), "nanos": 999_999_999}

    secret = people.new_secret(account, app, expire_time=wanted)

    assert get(account, secret).expire_time.ToNanoseconds() == wanted["seconds"] * 10**9


@pytest.mark.parametrize("seconds", [-1, 0, 10 * 366 * 86_400 + 60])
def test_an_expiry_lies_in_the_next_ten_years(account, app, env, seconds):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        people.new_secret(account, app, expire_time=seconds_from_now(env, seconds))

    assert set(refusal.fields) == {"expire_time"}


def test_revoking_a_secret_ends_its_session(account, secret, session, verifier):
    answer = revoke(account, secret)

    assert answer.secret.state == v1.SECRET_STATE_REVOKED
    assert answer.secret.end_reason == v1.SECRET_END_REASON_REVOKED
    assert answer.ended_session.id == session.id
    assert people.why_inactive(verifier, session) == "SECRET_REVOKED"
    with refused(StatusCode.UNAUTHENTICATED, "CLIENT_CREDENTIALS_INVALID"):
        secret.start()


def test_revoking_again_changes_nothing(account, secret):
    first = revoke(account, secret)

    second = revoke(account, secret)

    assert second.secret == first.secret
    assert not second.HasField("ended_session")


def test_a_rehearsed_revocation_tells_what_would_end_and_ends_nothing(
    account, secret, session, verifier
):
    before = get(account, secret)

    would = revoke(account, secret, validate_only=True)

    assert would.secret.state == v1.SECRET_STATE_REVOKED
    assert would.secret.last_use_time == before.last_use_time
    assert would.ended_session.id == session.id
    assert get(account, secret) == before
    assert people.why_inactive(verifier, session) == ""


@pytest.mark.parametrize("validate_only", [False, True])
def test_revoking_needs_the_password_even_as_a_rehearsal(account, secret, validate_only):
    with refused(StatusCode.PERMISSION_DENIED, "PASSWORD_WRONG"):
        account.secrets.RevokeSecret(
            secret_id=secret.id, password="not the password", validate_only=validate_only
        )

    assert get(account, secret).state == v1.SECRET_STATE_ACTIVE


def test_an_operator_ends_a_secret_without_the_password(
    operator, account, secret, session, verifier
):
    ended = operator.admin.EndSecret(secret_id=secret.id, comment="seen in a public paste").secret
    again = operator.admin.EndSecret(secret_id=secret.id).secret

    assert ended.state == v1.SECRET_STATE_REVOKED
    assert ended.end_reason == v1.SECRET_END_REASON_ENDED_BY_OPERATOR
    assert again == ended == get(account, secret)
    assert people.why_inactive(verifier, session) == "SECRET_REVOKED"


def test_a_suspension_ends_sessions_and_reinstating_lets_secrets_open_new_ones(
    operator, account, secret, session, verifier
):
    answer = operator.admin.SuspendAccount(account_id=account.id)

    assert answer.ended_sessions == 1
    assert people.why_inactive(verifier, session) == "ACCOUNT_SUSPENDED"
    with refused(StatusCode.PERMISSION_DENIED, "ACCOUNT_SUSPENDED"):
        secret.start()
    operator.admin.ReinstateAccount(account_id=account.id)
    assert people.why_inactive(verifier, secret.start()) == ""
    assert people.why_inactive(verifier, session) == "ACCOUNT_SUSPENDED"


def test_the_sixth_live_secret_is_refused(account, app):
    for _ in range(5):
        people.new_secret(account, app)

    with refused(StatusCode.FAILED_PRECONDITION, "SECRET_LIMIT_REACHED") as refusal:
        people.new_secret(account, app)

    assert refusal.facts == {"app_id": app.id, "limit": "5"}


def test_an_expired_secret_makes_room(account, app, env, clock):
    people.new_secret(account, app, expire_time=seconds_from_now(env, 60))
    for _ in range(4):
        people.new_secret(account, app)

    clock.advance(seconds=61)

    assert people.new_secret(account, app).id
