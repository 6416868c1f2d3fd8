"""Every call that ends a session, a secret, an account token or a service key (rule 4)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc
from tests import people
from tests.processes import Process

from finlink.config import v1

# Method of `Victim` → what its call ends.
ENDINGS: dict[str, tuple[str, ...]] = {
    "end_session": ("session",),
    "revoke_session": ("session",),
    "start_another_session": ("session",),
    "revoke_secret": ("session",),
    "rotate_secret": ("session",),
    "report_leaked_secret": ("session",),
    "end_secret": ("session",),
    "delete_app": ("session",),
    "suspend_account": ("session", "account_token", "other_account_token"),
    "sign_out": ("account_token",),
    "change_password": ("other_account_token",),
    "reset_password": ("account_token", "other_account_token"),
    "guess_a_password_five_times": ("account_token",),
    "revoke_service_key": ("service_key",),
}


class Victim:
    """A customer, a service, and their credentials; each method ends some of those."""

    def __init__(self, operator: people.Caller) -> None:
        self.operator, self.nobody = operator, operator.using("")
        self.account = people.new_account(operator)
        self.other = self.account.sign_in()
        self.app = people.new_app(self.account)
        self.secret = people.new_secret(self.account, self.app)
        self.session = self.secret.start()
        self.key = operator.admin.CreateServiceKey(display_name="Gateway", roles=[v1.ROLE_VERIFIER])

    def credential(self, name: str) -> str:
        return {
            "session": self.session.token,
            "account_token": self.account.token,
            "other_account_token": self.other.token,
            "service_key": str(self.key.key),
        }[name]

    def end_session(self) -> None:
        self.session.sessions.EndSession()

    def revoke_session(self) -> None:
        self.account.sessions.RevokeSession(session_id=self.session.id)

    def start_another_session(self) -> None:
        self.secret.start()

    def revoke_secret(self) -> None:
        self.account.secrets.RevokeSecret(secret_id=self.secret.id, **self._password)

    def rotate_secret(self) -> None:
        self.account.secrets.RotateSecret(
            secret_id=self.secret.id, overlap={"seconds": 0}, **self._password
        )

    def report_leaked_secret(self) -> None:
        self.nobody.secrets.ReportLeakedSecret(client_secret=self.secret.plaintext)

    def end_secret(self) -> None:
        self.operator.admin.EndSecret(secret_id=self.secret.id, comment="Seen in a log")

    def delete_app(self) -> None:
        self.account.accounts.DeleteApp(app_id=self.app.id, **self._password)

    def suspend_account(self) -> None:
        self.operator.admin.SuspendAccount(account_id=self.account.id)

    def sign_out(self) -> None:
        self.account.accounts.SignOut()

    def change_password(self) -> None:
        self.account.accounts.ChangePassword(
            current_password=self.account.password, new_password=f"pw-{uuid.uuid4()}"
        )

    def reset_password(self) -> None:
        self.operator.admin.ResetPassword(account_id=self.account.id)

    def guess_a_password_five_times(self) -> None:
        for _ in range(5):
            with suppress(grpc.RpcError):
                self.account.secrets.RevokeSecret(
                    secret_id=self.secret.id, password="not-the-password"
                )

    def revoke_service_key(self) -> None:
        self.operator.admin.RevokeServiceKey(service_key_id=self.key.service_key.id)

    @property
    def _password(self) -> dict[str, Any]:
        return {"password": self.account.password}


# Whether a process accepts a credential.
Question = Callable[[], bool]


def questions(process: Process, verifier_key: str, name: str, credential: str) -> list[Question]:
    """Every way to ask a process for a credential: as a subject, and as the caller's own."""
    verifier, own = process.caller(verifier_key), process.caller(credential)

    def alone() -> bool:
        return bool(verifier.sessions.ValidateSession(access_token=credential).active)

    def in_a_batch() -> bool:
        answer = verifier.sessions.BatchValidateSessions(access_tokens=["x", credential])
        return bool(answer.results[1].active)

    if name == "session":
        return [alone, in_a_batch, lambda: _works(own.sessions.GetSession)]
    if name == "service_key":
        return [lambda: _works(lambda: own.sessions.ValidateSession(access_token="x"))]
    return [lambda: _works(own.accounts.GetAccount)]


def _works(call: Callable[[], object]) -> bool:
    try:
        call()
    except grpc.RpcError as error:
        status: Any = error
        # NOT_FOUND: the credential was accepted, and its app deleted before it was looked for.
        accepted = status.code() is grpc.StatusCode.NOT_FOUND
        assert accepted or status.code() is grpc.StatusCode.UNAUTHENTICATED, status.details()
        return accepted
    return True
