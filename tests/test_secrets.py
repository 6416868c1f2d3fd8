"""Client secrets."""

import grpc
from tests.errors import refused

from finlink.config import v1


def test_revoking_a_secret_ends_its_session(account, secret, session, verifier):
    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)

    answer = verifier.sessions.ValidateSession(access_token=session.token)
    assert not answer.active
    assert answer.inactive_reason == v1.INACTIVE_REASON_SECRET_REVOKED


def test_another_accounts_secret_looks_like_none(stranger, secret):
    with refused(grpc.StatusCode.NOT_FOUND, "SECRET_NOT_FOUND"):
        stranger.secrets.GetSecret(secret_id=secret.id)
