"""SecretService."""

from finlink.config import v1
from finlink_server.domain import leaks, secrets, visible
from finlink_server.domain.caller import Caller
from finlink_server.env import MICROSECONDS, Env
from finlink_server.plaintext import Plaintext
from finlink_server.services import convert

_DEFAULT_OVERLAP = 24 * 3600  # seconds


class SecretService:
    """The client secrets of an app."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def CreateSecret(
        self, request: v1.CreateSecretRequest, caller: Caller
    ) -> v1.CreateSecretResponse:
        created = secrets.create(
            self.env,
            caller,
            request.app_id,
            request.display_name,
            request.scopes,
            convert.micros(request, "expire_time"),
            request.allowed_cidrs,
            convert.once(request),
        )
        return v1.CreateSecretResponse(
            secret=convert.secret(self.env, created.secret), client_secret=created.plaintext
        )

    def GetSecret(self, request: v1.GetSecretRequest, caller: Caller) -> v1.GetSecretResponse:
        row = visible.secret(caller, request.secret_id)
        return v1.GetSecretResponse(secret=convert.secret(self.env, row))

    def ListSecrets(self, request: v1.ListSecretsRequest, caller: Caller) -> v1.ListSecretsResponse:
        page = secrets.page(
            self.env,
            caller,
            request.app_id,
            request.page_size,
            request.page_token,
            show_inactive=request.show_inactive,
        )
        return v1.ListSecretsResponse(
            secrets=[convert.secret(self.env, row) for row in page.rows],
            next_page_token=page.next_token,
        )

    def UpdateSecret(
        self, request: v1.UpdateSecretRequest, caller: Caller
    ) -> v1.UpdateSecretResponse:
        row = secrets.update(
            self.env,
            caller,
            request.secret.id,
            request.secret.etag,
            secrets.Change(
                paths=frozenset(request.update_mask.paths),
                display_name=request.secret.display_name,
                allowed_cidrs=request.secret.allowed_cidrs,
            ),
        )
        return v1.UpdateSecretResponse(secret=convert.secret(self.env, row))

    def RotateSecret(
        self, request: v1.RotateSecretRequest, caller: Caller
    ) -> v1.RotateSecretResponse:
        rotated = secrets.rotate(
            self.env,
            caller,
            request.secret_id,
            Plaintext(request.password),
            convert.seconds(request, "overlap", _DEFAULT_OVERLAP) * MICROSECONDS,
            request.display_name,
            convert.once(request),
        )
        return v1.RotateSecretResponse(
            secret=convert.secret(self.env, rotated.secret),
            client_secret=rotated.plaintext,
            retiring_secret=convert.secret(self.env, rotated.retiring),
        )

    def RevokeSecret(
        self, request: v1.RevokeSecretRequest, caller: Caller
    ) -> v1.RevokeSecretResponse:
        done = secrets.revoke(
            self.env,
            caller,
            request.secret_id,
            Plaintext(request.password),
            validate_only=request.validate_only,
        )
        return v1.RevokeSecretResponse(
            secret=convert.secret(self.env, done.secret),
            ended_session=convert.session(self.env, done.ended) if done.ended else None,
        )

    def ReportLeakedSecret(
        self, request: v1.ReportLeakedSecretRequest, caller: Caller
    ) -> v1.ReportLeakedSecretResponse:
        leaks.report(self.env, caller, Plaintext(request.client_secret))
        return v1.ReportLeakedSecretResponse()
