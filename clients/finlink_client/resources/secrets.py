"""`client.secrets`.

Made by protos/generate.py: do not edit.
"""

from collections.abc import Sequence

from finlink.config import v1
from finlink_client.async_calls import AsyncCalls
from finlink_client.calls import Calls
from finlink_client.deadlines import Timeout
from finlink_client.messages import Method
from finlink_client.outgoing import Metadata
from finlink_client.pages import AsyncPages, Pages
from finlink_client.resources import arguments
from finlink_client.watches import AsyncWatch, Watch

_CREATE = Method(
    "/finlink.config.v1.SecretService/CreateSecret", v1.CreateSecretRequest, v1.CreateSecretResponse
)
_GET = Method(
    "/finlink.config.v1.SecretService/GetSecret", v1.GetSecretRequest, v1.GetSecretResponse
)
_LIST = Method(
    "/finlink.config.v1.SecretService/ListSecrets", v1.ListSecretsRequest, v1.ListSecretsResponse
)
_UPDATE = Method(
    "/finlink.config.v1.SecretService/UpdateSecret", v1.UpdateSecretRequest, v1.UpdateSecretResponse
)
_ROTATE = Method(
    "/finlink.config.v1.SecretService/RotateSecret", v1.RotateSecretRequest, v1.RotateSecretResponse
)
_REVOKE = Method(
    "/finlink.config.v1.SecretService/RevokeSecret", v1.RevokeSecretRequest, v1.RevokeSecretResponse
)
_REPORT_LEAKED = Method(
    "/finlink.config.v1.SecretService/ReportLeakedSecret",
    v1.ReportLeakedSecretRequest,
    v1.ReportLeakedSecretResponse,
)
_END = Method(
    "/finlink.config.v1.AdminService/EndSecret", v1.EndSecretRequest, v1.EndSecretResponse
)


class Secrets:
    """`client.secrets`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def create(
        self,
        app_id: str,
        *,
        display_name: str,
        scopes: Sequence[str] = (),
        expire_time: arguments.Time | None = None,
        allowed_cidrs: Sequence[str] = (),
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.CreateSecretResponse:
        """Makes a client secret and shows it, once.

        Idempotent by request_id: a repeat makes nothing and is answered with
        ALREADY_EXISTS, because the plaintext is not kept. Journal:
        `secret.created`.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - FAILED_PRECONDITION (SECRET_LIMIT_REACHED): 5 secrets are live.
        - ALREADY_EXISTS (SECRET_ALREADY_EXISTS): a repeat; names the secret.
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            app_id: `app_…`.
            display_name: What it is for; as Secret.display_name.
            scopes: What its sessions may do: of `read`, `write`, `delete`, each once; empty:
                all.
            expire_time: When it ends by itself: in the future, at most 10 years ahead; rounded
                down to the second. Unset: never.
            allowed_cidrs: As Secret.allowed_cidrs.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return self._calls.unary(
            _CREATE,
            timeout,
            metadata,
            app_id=app_id,
            display_name=display_name,
            scopes=scopes,
            expire_time=expire_time,
            allowed_cidrs=allowed_cidrs,
            request_id=request_id,
        )

    def get(
        self, secret_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.Secret:
        """Gives one secret, never its plaintext.

        Errors:
        - NOT_FOUND (SECRET_NOT_FOUND).

        Args:
            secret_id: `sec_…`.
        """
        return self._calls.unary(_GET, timeout, metadata, secret_id=secret_id).secret

    def list(
        self,
        app_id: str,
        *,
        show_inactive: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.Secret, v1.ListSecretsResponse]:
        """Lists an app's secrets, oldest first.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`.
            show_inactive: List secrets that have ended too.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.secrets,
            _LIST,
            timeout,
            metadata,
            app_id=app_id,
            show_inactive=show_inactive,
            page_size=page_size,
            page_token=page_token,
        )

    def update(
        self,
        *,
        secret: arguments.SecretDict | v1.Secret,
        update_mask: arguments.Paths,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.UpdateSecretResponse:
        """Changes a secret's display_name or allowed_cidrs, from the next call on.

        Journal: `secret.updated`.

        Errors:
        - NOT_FOUND (SECRET_NOT_FOUND).
        - FAILED_PRECONDITION (SECRET_NOT_ACTIVE): the secret has ended.
        - ABORTED (ETAG_MISMATCH): secret.etag was given and is not the present
          one.

        Args:
            secret: The secret, named by its id; etag makes the change conditional.
            update_mask: Which fields to take from `secret`: `display_name`, `allowed_cidrs`, or
                `*` for both. 1 to 100 paths.
        """
        return self._calls.unary(_UPDATE, timeout, metadata, secret=secret, update_mask=update_mask)

    def rotate(
        self,
        secret_id: str,
        *,
        password: str,
        overlap: arguments.Span | None = None,
        display_name: str = "",
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.RotateSecretResponse:
        """Replaces a secret without downtime: makes a new one with the same scopes
        and CIDRs and without an expire_time, and sets an end to the old one, which
        stays live for the overlap (RETIRING).

        Needs the account's password. Idempotent by request_id like CreateSecret.
        Journal: `secret.rotated`.

        Errors:
        - NOT_FOUND (SECRET_NOT_FOUND).
        - PERMISSION_DENIED (PASSWORD_WRONG): five such failures end the account
          token.
        - FAILED_PRECONDITION (SECRET_NOT_ACTIVE): it is retiring or has ended.
        - FAILED_PRECONDITION (SECRET_LIMIT_REACHED): 5 secrets are live, so only
          overlap 0 fits.
        - ALREADY_EXISTS (SECRET_ALREADY_EXISTS): a repeat; names the new secret.
        - RESOURCE_EXHAUSTED (HASH_QUEUE_FULL): wait as RetryInfo says.

        Args:
            secret_id: The secret to replace, `sec_…`.
            password: The account's password: 10 to 256 characters.
            overlap: How long the old secret stays live: 0 to 7 days in whole seconds. Unset: 24
                hours. It never outlives its own expire_time.
            display_name: Name of the new secret; as Secret.display_name. Empty: the old one's.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return self._calls.unary(
            _ROTATE,
            timeout,
            metadata,
            secret_id=secret_id,
            password=password,
            overlap=overlap,
            display_name=display_name,
            request_id=request_id,
        )

    def revoke(
        self,
        secret_id: str,
        *,
        password: str,
        validate_only: bool = False,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.RevokeSecretResponse:
        """Ends a secret for good, and the session that it opened.

        Needs the account's password. Revoking a secret that has ended changes
        nothing and returns it as it is, so a retry is safe. Journal:
        `secret.revoked`.

        Errors:
        - NOT_FOUND (SECRET_NOT_FOUND).
        - PERMISSION_DENIED (PASSWORD_WRONG): five such failures end the account
          token.
        - RESOURCE_EXHAUSTED (HASH_QUEUE_FULL): wait as RetryInfo says.

        Args:
            secret_id: `sec_…`.
            password: The account's password: 10 to 256 characters.
            validate_only: Change nothing, and tell what would end: the session, and when the
                secret was last used. The password is checked all the same.
        """
        return self._calls.unary(
            _REVOKE,
            timeout,
            metadata,
            secret_id=secret_id,
            password=password,
            validate_only=validate_only,
        )

    def report_leaked(
        self, *, client_secret: str, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.ReportLeakedSecretResponse:
        """Ends a client secret that somebody found where it should not be, for good,
        and the session that it opened. Whoever holds a secret can do so: no other
        credential is needed.

        The answer is empty and the same whether or not the secret existed.
        Emits `secret.leaked`, which is also its row in the journal. Calls are
        limited for each client address: 30 a minute.

        Errors:
        - INVALID_ARGUMENT (FIELD_INVALID): not a whole client secret.
        - RESOURCE_EXHAUSTED (RATE_LIMITED): wait as RetryInfo says.

        Args:
            client_secret: The whole client secret, `fls_live_…` or `fls_test_…`.
        """
        return self._calls.unary(_REPORT_LEAKED, timeout, metadata, client_secret=client_secret)

    def end(
        self,
        secret_id: str,
        *,
        comment: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.EndSecretResponse:
        """Ends a customer's secret for good, and the session that it opened, without
        the account's password: for the case that the customer cannot be reached.

        Ending a secret that has ended changes nothing and returns it as it is.
        Journal: `secret.revoked`.

        Errors:
        - NOT_FOUND (SECRET_NOT_FOUND).

        Args:
            secret_id: `sec_…`.
            comment: Why, for the journal: the customer reads it in ListAuditEvents. At most 500
                characters, as UpdateSettingsRequest.comment.
        """
        return self._calls.unary(_END, timeout, metadata, secret_id=secret_id, comment=comment)


class AsyncSecrets:
    """`client.secrets`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def create(
        self,
        app_id: str,
        *,
        display_name: str,
        scopes: Sequence[str] = (),
        expire_time: arguments.Time | None = None,
        allowed_cidrs: Sequence[str] = (),
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.CreateSecretResponse:
        """Makes a client secret and shows it, once.

        Idempotent by request_id: a repeat makes nothing and is answered with
        ALREADY_EXISTS, because the plaintext is not kept. Journal:
        `secret.created`.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - FAILED_PRECONDITION (SECRET_LIMIT_REACHED): 5 secrets are live.
        - ALREADY_EXISTS (SECRET_ALREADY_EXISTS): a repeat; names the secret.
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            app_id: `app_…`.
            display_name: What it is for; as Secret.display_name.
            scopes: What its sessions may do: of `read`, `write`, `delete`, each once; empty:
                all.
            expire_time: When it ends by itself: in the future, at most 10 years ahead; rounded
                down to the second. Unset: never.
            allowed_cidrs: As Secret.allowed_cidrs.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return await self._calls.unary(
            _CREATE,
            timeout,
            metadata,
            app_id=app_id,
            display_name=display_name,
            scopes=scopes,
            expire_time=expire_time,
            allowed_cidrs=allowed_cidrs,
            request_id=request_id,
        )

    async def get(
        self, secret_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.Secret:
        """Gives one secret, never its plaintext.

        Errors:
        - NOT_FOUND (SECRET_NOT_FOUND).

        Args:
            secret_id: `sec_…`.
        """
        return (await self._calls.unary(_GET, timeout, metadata, secret_id=secret_id)).secret

    def list(
        self,
        app_id: str,
        *,
        show_inactive: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.Secret, v1.ListSecretsResponse]:
        """Lists an app's secrets, oldest first.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`.
            show_inactive: List secrets that have ended too.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.secrets,
            _LIST,
            timeout,
            metadata,
            app_id=app_id,
            show_inactive=show_inactive,
            page_size=page_size,
            page_token=page_token,
        )

    async def update(
        self,
        *,
        secret: arguments.SecretDict | v1.Secret,
        update_mask: arguments.Paths,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.UpdateSecretResponse:
        """Changes a secret's display_name or allowed_cidrs, from the next call on.

        Journal: `secret.updated`.

        Errors:
        - NOT_FOUND (SECRET_NOT_FOUND).
        - FAILED_PRECONDITION (SECRET_NOT_ACTIVE): the secret has ended.
        - ABORTED (ETAG_MISMATCH): secret.etag was given and is not the present
          one.

        Args:
            secret: The secret, named by its id; etag makes the change conditional.
            update_mask: Which fields to take from `secret`: `display_name`, `allowed_cidrs`, or
                `*` for both. 1 to 100 paths.
        """
        return await self._calls.unary(
            _UPDATE, timeout, metadata, secret=secret, update_mask=update_mask
        )

    async def rotate(
        self,
        secret_id: str,
        *,
        password: str,
        overlap: arguments.Span | None = None,
        display_name: str = "",
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.RotateSecretResponse:
        """Replaces a secret without downtime: makes a new one with the same scopes
        and CIDRs and without an expire_time, and sets an end to the old one, which
        stays live for the overlap (RETIRING).

        Needs the account's password. Idempotent by request_id like CreateSecret.
        Journal: `secret.rotated`.

        Errors:
        - NOT_FOUND (SECRET_NOT_FOUND).
        - PERMISSION_DENIED (PASSWORD_WRONG): five such failures end the account
          token.
        - FAILED_PRECONDITION (SECRET_NOT_ACTIVE): it is retiring or has ended.
        - FAILED_PRECONDITION (SECRET_LIMIT_REACHED): 5 secrets are live, so only
          overlap 0 fits.
        - ALREADY_EXISTS (SECRET_ALREADY_EXISTS): a repeat; names the new secret.
        - RESOURCE_EXHAUSTED (HASH_QUEUE_FULL): wait as RetryInfo says.

        Args:
            secret_id: The secret to replace, `sec_…`.
            password: The account's password: 10 to 256 characters.
            overlap: How long the old secret stays live: 0 to 7 days in whole seconds. Unset: 24
                hours. It never outlives its own expire_time.
            display_name: Name of the new secret; as Secret.display_name. Empty: the old one's.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return await self._calls.unary(
            _ROTATE,
            timeout,
            metadata,
            secret_id=secret_id,
            password=password,
            overlap=overlap,
            display_name=display_name,
            request_id=request_id,
        )

    async def revoke(
        self,
        secret_id: str,
        *,
        password: str,
        validate_only: bool = False,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.RevokeSecretResponse:
        """Ends a secret for good, and the session that it opened.

        Needs the account's password. Revoking a secret that has ended changes
        nothing and returns it as it is, so a retry is safe. Journal:
        `secret.revoked`.

        Errors:
        - NOT_FOUND (SECRET_NOT_FOUND).
        - PERMISSION_DENIED (PASSWORD_WRONG): five such failures end the account
          token.
        - RESOURCE_EXHAUSTED (HASH_QUEUE_FULL): wait as RetryInfo says.

        Args:
            secret_id: `sec_…`.
            password: The account's password: 10 to 256 characters.
            validate_only: Change nothing, and tell what would end: the session, and when the
                secret was last used. The password is checked all the same.
        """
        return await self._calls.unary(
            _REVOKE,
            timeout,
            metadata,
            secret_id=secret_id,
            password=password,
            validate_only=validate_only,
        )

    async def report_leaked(
        self, *, client_secret: str, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.ReportLeakedSecretResponse:
        """Ends a client secret that somebody found where it should not be, for good,
        and the session that it opened. Whoever holds a secret can do so: no other
        credential is needed.

        The answer is empty and the same whether or not the secret existed.
        Emits `secret.leaked`, which is also its row in the journal. Calls are
        limited for each client address: 30 a minute.

        Errors:
        - INVALID_ARGUMENT (FIELD_INVALID): not a whole client secret.
        - RESOURCE_EXHAUSTED (RATE_LIMITED): wait as RetryInfo says.

        Args:
            client_secret: The whole client secret, `fls_live_…` or `fls_test_…`.
        """
        return await self._calls.unary(
            _REPORT_LEAKED, timeout, metadata, client_secret=client_secret
        )

    async def end(
        self,
        secret_id: str,
        *,
        comment: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.EndSecretResponse:
        """Ends a customer's secret for good, and the session that it opened, without
        the account's password: for the case that the customer cannot be reached.

        Ending a secret that has ended changes nothing and returns it as it is.
        Journal: `secret.revoked`.

        Errors:
        - NOT_FOUND (SECRET_NOT_FOUND).

        Args:
            secret_id: `sec_…`.
            comment: Why, for the journal: the customer reads it in ListAuditEvents. At most 500
                characters, as UpdateSettingsRequest.comment.
        """
        return await self._calls.unary(
            _END, timeout, metadata, secret_id=secret_id, comment=comment
        )
