"""`client.signing_keys`.

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

_LIST = Method(
    "/finlink.config.v1.SessionService/ListSigningKeys",
    v1.ListSigningKeysRequest,
    v1.ListSigningKeysResponse,
)
_ROTATE = Method(
    "/finlink.config.v1.AdminService/RotateSigningKey",
    v1.RotateSigningKeyRequest,
    v1.RotateSigningKeyResponse,
)


class SigningKeys:
    """`client.signing_keys`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(
        self, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.ListSigningKeysResponse:
        """Gives the public keys with which session tokens can be verified. Needs no
        credential.

        A key is listed before its first use and until its last token is dead. Only
        the keys of session tokens are listed: other kinds of token are for this
        service alone.
        """
        return self._calls.unary(_LIST, timeout, metadata)

    def rotate(
        self,
        *,
        kind: arguments.TokenKindName | int,
        revoke_previous: bool = False,
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.RotateSigningKeyResponse:
        """Makes a new signing key for one kind of token.

        The new key is published at once and signs from 30 seconds later on, so that
        everybody knows it before its first token. The old ones verify until their
        last token is dead. With revoke_previous they are revoked instead, the new
        key signs at once, and everything that they signed has ended (KEY_REVOKED):
        for a key that leaked.

        Idempotent by request_id: a repeat makes and revokes nothing, and gives the
        key that was made. Journal: `signing_key.created`, `signing_key.revoked`.

        Errors:
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            kind: Whose key.
            revoke_previous: Whether everything that was signed before has ended.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return self._calls.unary(
            _ROTATE,
            timeout,
            metadata,
            kind=kind,
            revoke_previous=revoke_previous,
            request_id=request_id,
        )


class AsyncSigningKeys:
    """`client.signing_keys`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def list(
        self, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.ListSigningKeysResponse:
        """Gives the public keys with which session tokens can be verified. Needs no
        credential.

        A key is listed before its first use and until its last token is dead. Only
        the keys of session tokens are listed: other kinds of token are for this
        service alone.
        """
        return await self._calls.unary(_LIST, timeout, metadata)

    async def rotate(
        self,
        *,
        kind: arguments.TokenKindName | int,
        revoke_previous: bool = False,
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.RotateSigningKeyResponse:
        """Makes a new signing key for one kind of token.

        The new key is published at once and signs from 30 seconds later on, so that
        everybody knows it before its first token. The old ones verify until their
        last token is dead. With revoke_previous they are revoked instead, the new
        key signs at once, and everything that they signed has ended (KEY_REVOKED):
        for a key that leaked.

        Idempotent by request_id: a repeat makes and revokes nothing, and gives the
        key that was made. Journal: `signing_key.created`, `signing_key.revoked`.

        Errors:
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            kind: Whose key.
            revoke_previous: Whether everything that was signed before has ended.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return await self._calls.unary(
            _ROTATE,
            timeout,
            metadata,
            kind=kind,
            revoke_previous=revoke_previous,
            request_id=request_id,
        )
