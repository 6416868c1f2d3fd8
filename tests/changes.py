"""Every method that changes something, called once with success."""

from __future__ import annotations

import uuid
from typing import Any

from tests import antarctica, people

from finlink.config import v1


def journal(caller: Any, **wanted: Any) -> list[v1.AuditEvent]:
    """Read the journal, newest first."""
    return list(caller.accounts.ListAuditEvents(page_size=500, **wanted).events)


class Changes:
    """An account with one of everything; a method makes the change of the same name.

    Each carries the same trace id and client address, and gives the id of what
    it changed; nothing where the answer does not tell it.
    """

    def __init__(
        self, operator: people.Caller, front_end: people.Caller, publisher: people.Caller
    ) -> None:
        self.operator, self.front_end, self.publisher = operator, front_end, publisher
        self.nobody = operator.using("")
        self.account: Any = people.new_account(operator)
        self.app = people.new_app(self.account)
        self.secret: Any = people.new_secret(self.account, self.app)
        self.session: Any = self.secret.start()
        self.redirect_id = people.add_redirect(self.account, self.app)
        self.link_token_id = str(self._new_link_token().id)
        self.endpoint_id = str(people.new_endpoint(self.account, self.app).id)
        self.trace_id, self.address = str(uuid.uuid4()), "203.0.113.9"
        metadata = (("x-client-trace-id", self.trace_id), ("x-forwarded-for", self.address))
        self.how: dict[str, Any] = {"metadata": metadata}
        self.with_password = {"password": self.account.password, **self.how}

    def sign_in(self) -> None:
        self.nobody.accounts.SignIn(email=self.account.email, **self.with_password)

    def sign_out(self) -> None:
        self.account.accounts.SignOut(**self.how)

    def set_password(self) -> str:
        reset = self.operator.admin.ResetPassword(account_id=self.account.id)
        answer = self.nobody.accounts.SetPassword(
            setup_token=reset.setup_token, new_password=f"pw-{uuid.uuid4()}", **self.how
        )
        return str(answer.account.id)

    def change_password(self) -> str:
        self.account.accounts.ChangePassword(
            current_password=self.account.password, new_password=f"pw-{uuid.uuid4()}", **self.how
        )
        return str(self.account.id)

    def create_app(self) -> str:
        names = {"display_name": "Till", "public_name": "Shop"}
        answer = self.account.accounts.CreateApp(
            environment=v1.ENVIRONMENT_SANDBOX, **names, **self.how
        )
        return str(answer.app.id)

    def update_app(self) -> str:
        self.account.accounts.UpdateApp(
            app={"id": self.app.id, "display_name": "Renamed"},
            update_mask={"paths": ["*"]},
            **self.how,
        )
        return self.app.id

    def delete_app(self) -> str:
        self.account.accounts.DeleteApp(app_id=self.app.id, **self.with_password)
        return self.app.id

    def create_account(self) -> str:
        email = f"{uuid.uuid4().hex[:12]}@example.com"
        answer = self.operator.admin.CreateAccount(email=email, display_name="Eva", **self.how)
        return str(answer.account.id)

    def reset_password(self) -> str:
        self.operator.admin.ResetPassword(account_id=self.account.id, **self.how)
        return str(self.account.id)

    def suspend_account(self) -> str:
        self.operator.admin.SuspendAccount(account_id=self.account.id, **self.how)
        return str(self.account.id)

    def reinstate_account(self) -> str:
        self.operator.admin.SuspendAccount(account_id=self.account.id)
        self.operator.admin.ReinstateAccount(account_id=self.account.id, **self.how)
        return str(self.account.id)

    def end_secret(self) -> str:
        self.operator.admin.EndSecret(secret_id=self.secret.id, **self.how)
        return str(self.secret.id)

    def create_service_key(self) -> str:
        answer = self.operator.admin.CreateServiceKey(
            display_name="a service", roles=[v1.ROLE_LINK], **self.how
        )
        return str(answer.service_key.id)

    def revoke_service_key(self) -> str:
        made = self.operator.admin.CreateServiceKey(display_name="a service", roles=[v1.ROLE_LINK])
        key_id = made.service_key.id
        self.operator.admin.RevokeServiceKey(service_key_id=key_id, **self.how)
        return str(key_id)

    def rotate_signing_key(self) -> str:
        answer = self.operator.admin.RotateSigningKey(kind=v1.TOKEN_KIND_LINK, **self.how)
        return str(answer.kid)

    def create_secret(self) -> str:
        answer = self.account.secrets.CreateSecret(
            app_id=self.app.id, display_name="spare", **self.how
        )
        return str(answer.secret.id)

    def update_secret(self) -> str:
        self.account.secrets.UpdateSecret(
            secret={"id": self.secret.id, "display_name": "Renamed"},
            update_mask={"paths": ["display_name"]},
            **self.how,
        )
        return str(self.secret.id)

    def rotate_secret(self) -> str:
        self.account.secrets.RotateSecret(secret_id=self.secret.id, **self.with_password)
        return str(self.secret.id)

    def revoke_secret(self) -> str:
        self.account.secrets.RevokeSecret(secret_id=self.secret.id, **self.with_password)
        return str(self.secret.id)

    def report_leaked_secret(self) -> str:
        self.nobody.secrets.ReportLeakedSecret(client_secret=self.secret.plaintext, **self.how)
        return str(self.secret.id)

    def start_session(self) -> str:
        answer = self.nobody.sessions.StartSession(
            client_id=self.app.id, client_secret=self.secret.plaintext, **self.how
        )
        return str(answer.session.id)

    def end_session(self) -> str:
        self.session.sessions.EndSession(**self.how)
        return str(self.session.id)

    def revoke_session(self) -> str:
        self.account.sessions.RevokeSession(session_id=self.session.id, **self.how)
        return str(self.session.id)

    def update_settings(self) -> str:
        self.account.settings.UpdateSettings(
            settings={"app_id": self.app.id, "link": {"force_auth_token": True}},
            update_mask={"paths": ["link.force_auth_token"]},
            **self.how,
        )
        return self.app.id

    def rollback_settings(self) -> str:
        self.account.settings.RollbackSettings(app_id=self.app.id, version=1, **self.how)
        return self.app.id

    def create_link_token(self) -> str:
        return str(self._new_link_token(**self.how).id)

    def revoke_link_token(self) -> str:
        self.session.links.RevokeLinkToken(link_token_id=self.link_token_id, **self.how)
        return self.link_token_id

    def open_link(self) -> str:
        query = f"id={self.redirect_id}&product=TRANSACTIONS"
        return str(self.front_end.links.OpenLink(query=query, **self.how).link.id)

    def set_bank_status(self) -> str:
        self.operator.admin.SetBankStatus(
            bank_id=antarctica.SEAL, status=v1.BANK_STATUS_DOWN, **self.how
        )
        return antarctica.SEAL

    def create_endpoint(self) -> str:
        answer = self.session.webhooks.CreateEndpoint(uri=people.NO_RECEIVER, **self.how)
        return str(answer.endpoint.id)

    def update_endpoint(self) -> str:
        self.session.webhooks.UpdateEndpoint(
            endpoint={"id": self.endpoint_id, "display_name": "Renamed"},
            update_mask={"paths": ["display_name"]},
            **self.how,
        )
        return self.endpoint_id

    def delete_endpoint(self) -> str:
        self.session.webhooks.DeleteEndpoint(endpoint_id=self.endpoint_id, **self.how)
        return self.endpoint_id

    def rotate_signing_secret(self) -> str:
        self.account.webhooks.RotateSigningSecret(endpoint_id=self.endpoint_id, **self.how)
        return self.endpoint_id

    def send_test_event(self) -> str:
        self.session.webhooks.SendTestEvent(endpoint_id=self.endpoint_id, **self.how)
        return self.endpoint_id

    def publish_event(self) -> str:
        event = {"event_id": "conn-1", "type": "connection.ready", "payload_json": "{}"}
        self.publisher.webhooks.PublishEvent(app_id=self.app.id, **event, **self.how)
        return "conn-1"

    def redeliver_events(self) -> str:
        test = self.account.webhooks.SendTestEvent(endpoint_id=self.endpoint_id)
        self.session.webhooks.RedeliverEvents(
            endpoint_id=self.endpoint_id, event_id=test.event.id, **self.how
        )
        return self.endpoint_id

    def restore_bank_status(self) -> None:
        self.operator.admin.SetBankStatus(
            bank_id=antarctica.SEAL, status=v1.BANK_STATUS_OPERATIONAL
        )

    def _new_link_token(self, **how: Any) -> v1.LinkToken:
        answer = self.session.links.CreateLinkToken(
            parameters={"redirect_id": self.redirect_id, "product": v1.PRODUCT_TRANSACTIONS}, **how
        )
        token: v1.LinkToken = answer.link_token
        return token


# The change, its row's type, and who stands in it.
CHANGES = [
    (Changes.sign_in, "account.signed_in", "ACCOUNT"),
    (Changes.sign_out, "account.signed_out", "ACCOUNT"),
    (Changes.set_password, "account.password_set", "ACCOUNT"),
    (Changes.change_password, "account.password_changed", "ACCOUNT"),
    (Changes.create_app, "app.created", "ACCOUNT"),
    (Changes.update_app, "app.updated", "ACCOUNT"),
    (Changes.delete_app, "app.deleted", "ACCOUNT"),
    (Changes.create_account, "account.created", "SERVICE_KEY"),
    (Changes.reset_password, "account.password_reset", "SERVICE_KEY"),
    (Changes.suspend_account, "account.suspended", "SERVICE_KEY"),
    (Changes.reinstate_account, "account.reinstated", "SERVICE_KEY"),
    (Changes.end_secret, "secret.revoked", "SERVICE_KEY"),
    (Changes.create_service_key, "service_key.created", "SERVICE_KEY"),
    (Changes.revoke_service_key, "service_key.revoked", "SERVICE_KEY"),
    (Changes.rotate_signing_key, "signing_key.created", "SERVICE_KEY"),
    (Changes.create_secret, "secret.created", "ACCOUNT"),
    (Changes.update_secret, "secret.updated", "ACCOUNT"),
    (Changes.rotate_secret, "secret.rotated", "ACCOUNT"),
    (Changes.revoke_secret, "secret.revoked", "ACCOUNT"),
    (Changes.report_leaked_secret, "secret.leaked", "ANONYMOUS"),
    (Changes.start_session, "session.started", "SESSION"),
    (Changes.end_session, "session.ended", "SESSION"),
    (Changes.revoke_session, "session.revoked", "ACCOUNT"),
    (Changes.update_settings, "settings.updated", "ACCOUNT"),
    (Changes.rollback_settings, "settings.updated", "ACCOUNT"),
    (Changes.create_link_token, "link_token.created", "SESSION"),
    (Changes.revoke_link_token, "link_token.revoked", "SESSION"),
    (Changes.open_link, "link.opened", "SERVICE_KEY"),
    (Changes.set_bank_status, "bank.status_changed", "SERVICE_KEY"),
    (Changes.create_endpoint, "endpoint.created", "SESSION"),
    (Changes.update_endpoint, "endpoint.updated", "SESSION"),
    (Changes.delete_endpoint, "endpoint.deleted", "SESSION"),
    (Changes.rotate_signing_secret, "endpoint.signing_secret_rotated", "ACCOUNT"),
    (Changes.send_test_event, "webhook.test", "SESSION"),
    (Changes.publish_event, "event.published", "SERVICE_KEY"),
    (Changes.redeliver_events, "endpoint.redelivered", "SESSION"),
]
ABOUT_NO_ACCOUNT = {"service_key.created", "service_key.revoked", "bank.status_changed"}
ABOUT_NO_ACCOUNT |= {"signing_key.created"}
# Changes after which there is nothing left to change.
MADE_ONCE = [
    Changes.end_secret,
    Changes.publish_event,
    Changes.report_leaked_secret,
    Changes.revoke_link_token,
    Changes.revoke_secret,
    Changes.revoke_session,
    Changes.rollback_settings,
    Changes.set_bank_status,
    Changes.suspend_account,
    Changes.update_app,
    Changes.update_endpoint,
    Changes.update_secret,
    Changes.update_settings,
]
