"""Rotating client secrets, and rule 1: at most 5 live ones."""

import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused
from tests.races import Race

from finlink.config import v1

DAY = 86_400


def rotate(account, secret, **fields):
    """Rotate a secret: the answer, and the new secret."""
    answer = account.secrets.RotateSecret(secret_id=secret.id, password=account.password, **fields)
    return answer, people.Secret(
        answer.secret.id, answer.client_secret, secret.app_id, secret.caller
    )


def live_secrets(account, app):
    return account.secrets.ListSecrets(app_id=app.id).secrets


def test_a_rotation_makes_a_secret_with_the_same_scopes_and_cidrs(account, app):
    old = people.new_secret(account, app, scopes=["read"], allowed_cidrs=["127.0.0.0/8"])

    answer, new = rotate(account, old)

    assert answer.secret.state == v1.SECRET_STATE_ACTIVE
    assert answer.secret.display_name == "backend"
    assert list(answer.secret.scopes) == ["read"]
    assert list(answer.secret.allowed_cidrs) == ["127.0.0.0/8"]
    assert answer.retiring_secret.replaced_by == new.id
    assert new.plaintext != old.plaintext
    assert new.start()


def test_a_rotation_may_name_the_new_secret(account, secret):
    answer, _ = rotate(account, secret, display_name="backend 2")

    assert answer.secret.display_name == "backend 2"
    assert answer.retiring_secret.display_name == "backend"


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [({}, DAY), ({"overlap": {"seconds": 7 * DAY}}, 7 * DAY), ({"overlap": {"seconds": 60}}, 60)],
    ids=["the default of 24 hours", "7 days", "a minute"],
)
def test_a_retiring_secret_works_until_the_overlap_ends_and_dies_then_with_its_session(
    account, secret, env, clock, verifier, fields, seconds
):
    now = env.now() / 1_000_000
    answer, _ = rotate(account, secret, **fields)
    end = answer.retiring_secret.expire_time.ToSeconds()
    assert end == pytest.approx(now + seconds, abs=1)
    assert answer.retiring_secret.state == v1.SECRET_STATE_RETIRING

    clock.advance_to(end - 30)
    session = secret.start()
    assert session.claims["exp"] == end
    clock.advance_to(end - 0.5)
    assert people.why_inactive(verifier, session) == ""

    clock.advance_to(end)
    assert people.why_inactive(verifier, session) == "SECRET_EXPIRED"
    with refused(StatusCode.UNAUTHENTICATED, "CLIENT_CREDENTIALS_INVALID"):
        secret.start()
    ended = account.sign_in().secrets.GetSecret(secret_id=secret.id).secret
    assert ended.state == v1.SECRET_STATE_EXPIRED
    assert ended.end_reason == v1.SECRET_END_REASON_ROTATED


def test_a_session_opened_before_a_rotation_ends_with_the_overlap_too(
    account, secret, session, clock, verifier
):
    answer, _ = rotate(account, secret, overlap={"seconds": 600})
    end = answer.retiring_secret.expire_time.ToSeconds()

    seen = account.sessions.GetSession(session_id=session.id).session
    assert seen.expire_time.ToSeconds() == end < session.claims["exp"]
    clock.advance_to(end - 0.5)
    assert people.why_inactive(verifier, session) == ""
    clock.advance_to(end)
    assert people.why_inactive(verifier, session) == "SECRET_EXPIRED"


def test_overlap_0_ends_the_old_secret_and_its_session_at_once(account, secret, session, verifier):
    answer, new = rotate(account, secret, overlap={"seconds": 0})

    assert answer.retiring_secret.state == v1.SECRET_STATE_REVOKED
    assert answer.retiring_secret.end_reason == v1.SECRET_END_REASON_ROTATED
    assert people.why_inactive(verifier, session) == "SECRET_REVOKED"
    with refused(StatusCode.UNAUTHENTICATED, "CLIENT_CREDENTIALS_INVALID"):
        secret.start()
    assert people.why_inactive(verifier, new.start()) == ""


@pytest.mark.parametrize(
    "overlap",
    [{"seconds": 7 * DAY + 1}, {"seconds": -1}, {"seconds": 1, "nanos": 1}],
    ids=["above 7 days", "negative", "a fraction"],
)
def test_an_overlap_is_0_to_7_days_of_whole_seconds(account, secret, overlap):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        rotate(account, secret, overlap=overlap)

    assert set(refusal.fields) == {"overlap"}


def test_an_overlap_never_outlives_the_secrets_own_end(account, app, env, clock):
    own_end = env.now() // 1_000_000 + 600
    secret = people.new_secret(account, app, expire_time={"seconds": own_end})

    answer, _ = rotate(account, secret)

    assert answer.retiring_secret.state == v1.SECRET_STATE_RETIRING
    assert answer.retiring_secret.expire_time.ToSeconds() == own_end
    clock.advance_to(own_end)
    ended = account.secrets.GetSecret(secret_id=secret.id).secret
    assert ended.end_reason == v1.SECRET_END_REASON_EXPIRED


def test_a_retiring_secret_can_be_revoked(account, secret, session, verifier):
    rotate(account, secret)

    ended = account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)

    assert ended.secret.state == v1.SECRET_STATE_REVOKED
    assert ended.secret.end_reason == v1.SECRET_END_REASON_REVOKED
    assert people.why_inactive(verifier, session) == "SECRET_REVOKED"


@pytest.mark.parametrize(("overlap", "state"), [(60, "RETIRING"), (0, "REVOKED")])
def test_a_secret_is_rotated_once(account, secret, overlap, state):
    rotate(account, secret, overlap={"seconds": overlap})

    with refused(StatusCode.FAILED_PRECONDITION, "SECRET_NOT_ACTIVE") as refusal:
        rotate(account, secret)

    assert refusal.facts == {"secret_id": secret.id, "state": state}


def test_rotating_needs_the_password(account, app, secret):
    with refused(StatusCode.PERMISSION_DENIED, "PASSWORD_WRONG"):
        account.secrets.RotateSecret(secret_id=secret.id, password="not the password")

    assert [one.id for one in live_secrets(account, app)] == [secret.id]


def test_at_5_live_secrets_only_overlap_0_fits(account, app):
    secrets = [people.new_secret(account, app) for _ in range(5)]

    with refused(StatusCode.FAILED_PRECONDITION, "SECRET_LIMIT_REACHED"):
        rotate(account, secrets[0], overlap={"seconds": 1})
    rotate(account, secrets[0], overlap={"seconds": 0})

    assert len(live_secrets(account, app)) == 5


def test_a_retiring_secret_counts_as_live(account, app, clock):
    first = people.new_secret(account, app)
    rotate(account, first, overlap={"seconds": 60})
    for _ in range(3):
        people.new_secret(account, app)

    with refused(StatusCode.FAILED_PRECONDITION, "SECRET_LIMIT_REACHED"):
        people.new_secret(account, app)
    clock.advance(seconds=61)
    assert people.new_secret(account, app).id


def test_an_app_never_has_more_than_5_live_secrets_however_many_are_asked_for_at_once(account, app):
    olds = [people.new_secret(account, app) for _ in range(3)]

    def make(number):
        if number % 2:
            return people.new_secret(account, app)
        return rotate(account, olds[number // 2 % 3])

    race = Race(64, make)

    every = account.secrets.ListSecrets(app_id=app.id, show_inactive=True).secrets
    assert len(race.answers) == 2
    assert len(every) == len(live_secrets(account, app)) == 5
    assert race.reasons <= {"SECRET_LIMIT_REACHED", "SECRET_NOT_ACTIVE"}
    assert "SECRET_LIMIT_REACHED" in race.reasons


def test_a_secret_rotated_by_many_at_once_gets_one_successor(account, app):
    olds = [people.new_secret(account, app) for _ in range(5)]

    def make(number):
        if number % 4 == 0:
            return people.new_secret(account, app)
        return rotate(account, olds[0], overlap={"seconds": 0})

    race = Race(64, make)

    ((answer, new),) = race.answers
    assert answer.retiring_secret.replaced_by == new.id
    assert {one.id for one in live_secrets(account, app)} == {
        *(old.id for old in olds[1:]),
        new.id,
    }


def test_the_new_secret_does_not_inherit_the_old_ones_end(account, app, env):
    tomorrow = env.now() // 1_000_000 + DAY
    old = people.new_secret(account, app, expire_time={"seconds": tomorrow})

    answer, _ = rotate(account, old)

    assert not answer.secret.HasField("expire_time")
