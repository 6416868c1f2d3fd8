"""`client.service_keys`.

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
    "/finlink.config.v1.AdminService/CreateServiceKey",
    v1.CreateServiceKeyRequest,
    v1.CreateServiceKeyResponse,
)
_LIST = Method(
    "/finlink.config.v1.AdminService/ListServiceKeys",
    v1.ListServiceKeysRequest,
    v1.ListServiceKeysResponse,
)
_REVOKE = Method(
    "/finlink.config.v1.AdminService/RevokeServiceKey",
    v1.RevokeServiceKeyRequest,
    v1.RevokeServiceKeyResponse,
)


class ServiceKeys:
    """`client.service_keys`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def create(
        self,
        *,
        display_name: str,
        roles: Sequence[arguments.RoleName | int],
        event_prefixes: Sequence[str] = (),
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.CreateServiceKeyResponse:
        """Makes a service key and shows it, once.

        Idempotent by request_id: a repeat makes nothing and is answered with
        ALREADY_EXISTS. Journal: `service_key.created`.

        Errors:
        - ALREADY_EXISTS (SERVICE_KEY_ALREADY_EXISTS): a repeat; names the key.
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            display_name: What it is for; 1 to 100 characters, as App.display_name.
            roles: What it may do: 1 to 4 roles, each once.
            event_prefixes: Which types of event a PUBLISHER may publish, such as `connection.`:
                at most 20, each once, each of at most 100 characters: lower-case words joined and
                ended by dots. Required with PUBLISHER, refused without.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return self._calls.unary(
            _CREATE,
            timeout,
            metadata,
            display_name=display_name,
            roles=roles,
            event_prefixes=event_prefixes,
            request_id=request_id,
        )

    def list(
        self,
        *,
        show_inactive: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.ServiceKey, v1.ListServiceKeysResponse]:
        """Lists the service keys, oldest first.

        Args:
            show_inactive: List revoked keys too.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.service_keys,
            _LIST,
            timeout,
            metadata,
            show_inactive=show_inactive,
            page_size=page_size,
            page_token=page_token,
        )

    def revoke(
        self, service_key_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.RevokeServiceKeyResponse:
        """Ends a service key for good, the caller's own included.

        Revoking a revoked key changes nothing and returns it as it is. Journal:
        `service_key.revoked`.

        Errors:
        - NOT_FOUND (SERVICE_KEY_NOT_FOUND).

        Args:
            service_key_id: `key_…`.
        """
        return self._calls.unary(_REVOKE, timeout, metadata, service_key_id=service_key_id)


class AsyncServiceKeys:
    """`client.service_keys`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def create(
        self,
        *,
        display_name: str,
        roles: Sequence[arguments.RoleName | int],
        event_prefixes: Sequence[str] = (),
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.CreateServiceKeyResponse:
        """Makes a service key and shows it, once.

        Idempotent by request_id: a repeat makes nothing and is answered with
        ALREADY_EXISTS. Journal: `service_key.created`.

        Errors:
        - ALREADY_EXISTS (SERVICE_KEY_ALREADY_EXISTS): a repeat; names the key.
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            display_name: What it is for; 1 to 100 characters, as App.display_name.
            roles: What it may do: 1 to 4 roles, each once.
            event_prefixes: Which types of event a PUBLISHER may publish, such as `connection.`:
                at most 20, each once, each of at most 100 characters: lower-case words joined and
                ended by dots. Required with PUBLISHER, refused without.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return await self._calls.unary(
            _CREATE,
            timeout,
            metadata,
            display_name=display_name,
            roles=roles,
            event_prefixes=event_prefixes,
            request_id=request_id,
        )

    def list(
        self,
        *,
        show_inactive: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.ServiceKey, v1.ListServiceKeysResponse]:
        """Lists the service keys, oldest first.

        Args:
            show_inactive: List revoked keys too.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.service_keys,
            _LIST,
            timeout,
            metadata,
            show_inactive=show_inactive,
            page_size=page_size,
            page_token=page_token,
        )

    async def revoke(
        self, service_key_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.RevokeServiceKeyResponse:
        """Ends a service key for good, the caller's own included.

        Revoking a revoked key changes nothing and returns it as it is. Journal:
        `service_key.revoked`.

        Errors:
        - NOT_FOUND (SERVICE_KEY_NOT_FOUND).

        Args:
            service_key_id: `key_…`.
        """
        return await self._calls.unary(_REVOKE, timeout, metadata, service_key_id=service_key_id)
