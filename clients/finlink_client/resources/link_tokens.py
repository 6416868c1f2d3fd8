"""`client.link_tokens`.

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
    "/finlink.config.v1.LinkService/CreateLinkToken",
    v1.CreateLinkTokenRequest,
    v1.CreateLinkTokenResponse,
)
_GET = Method(
    "/finlink.config.v1.LinkService/GetLinkToken", v1.GetLinkTokenRequest, v1.GetLinkTokenResponse
)
_LIST = Method(
    "/finlink.config.v1.LinkService/ListLinkTokens",
    v1.ListLinkTokensRequest,
    v1.ListLinkTokensResponse,
)
_REVOKE = Method(
    "/finlink.config.v1.LinkService/RevokeLinkToken",
    v1.RevokeLinkTokenRequest,
    v1.RevokeLinkTokenResponse,
)


class LinkTokens:
    """`client.link_tokens`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def create(
        self,
        app_id: str = "",
        *,
        parameters: arguments.LinkParametersDict | v1.LinkParameters,
        ttl: arguments.Span | None = None,
        max_opens: int = 0,
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.CreateLinkTokenResponse:
        """Stores Link parameters and gives an auth token that stands for them.

        What could not open under the app's settings of this moment is refused.
        Idempotent by request_id: a repeat signs the same claims again. Journal:
        `link_token.created`.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - FAILED_PRECONDITION (LINK_REDIRECT_UNKNOWN): the app has no such
          redirect.
        - FAILED_PRECONDITION (LINK_BANK_NOT_AVAILABLE): the app's widget does not
          show a bank that is named.
        - FAILED_PRECONDITION (LINK_PARAMETER_INVALID): no bank is left to show.
        - INVALID_ARGUMENT (FIELD_INVALID, REQUEST_ID_REUSED).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            parameters: What Link shall open with.
            ttl: How long the token opens Links: 1 minute to 24 hours, in whole seconds. Unset:
                30 minutes.
            max_opens: How many Links it may open: 1 to 100; 0 means 1.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return self._calls.unary(
            _CREATE,
            timeout,
            metadata,
            app_id=app_id,
            parameters=parameters,
            ttl=ttl,
            max_opens=max_opens,
            request_id=request_id,
        )

    def get(
        self, link_token_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.LinkToken:
        """Gives one Link token.

        Errors:
        - NOT_FOUND (LINK_TOKEN_NOT_FOUND).

        Args:
            link_token_id: `ltk_…`.
        """
        return self._calls.unary(_GET, timeout, metadata, link_token_id=link_token_id).link_token

    def list(
        self,
        app_id: str = "",
        *,
        state: arguments.LinkTokenStateName | int | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.LinkToken, v1.ListLinkTokensResponse]:
        """Lists an app's Link tokens, newest first.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            state: Only tokens in this state; unspecified: in any.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.link_tokens,
            _LIST,
            timeout,
            metadata,
            app_id=app_id,
            state=state,
            page_size=page_size,
            page_token=page_token,
        )

    def revoke(
        self, link_token_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.RevokeLinkTokenResponse:
        """Ends a Link token for good, and the open Links that it opened.

        Revoking a revoked token changes nothing and returns it as it is. Journal:
        `link_token.revoked`.

        Errors:
        - NOT_FOUND (LINK_TOKEN_NOT_FOUND).

        Args:
            link_token_id: `ltk_…`.
        """
        return self._calls.unary(_REVOKE, timeout, metadata, link_token_id=link_token_id)


class AsyncLinkTokens:
    """`client.link_tokens`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def create(
        self,
        app_id: str = "",
        *,
        parameters: arguments.LinkParametersDict | v1.LinkParameters,
        ttl: arguments.Span | None = None,
        max_opens: int = 0,
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.CreateLinkTokenResponse:
        """Stores Link parameters and gives an auth token that stands for them.

        What could not open under the app's settings of this moment is refused.
        Idempotent by request_id: a repeat signs the same claims again. Journal:
        `link_token.created`.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - FAILED_PRECONDITION (LINK_REDIRECT_UNKNOWN): the app has no such
          redirect.
        - FAILED_PRECONDITION (LINK_BANK_NOT_AVAILABLE): the app's widget does not
          show a bank that is named.
        - FAILED_PRECONDITION (LINK_PARAMETER_INVALID): no bank is left to show.
        - INVALID_ARGUMENT (FIELD_INVALID, REQUEST_ID_REUSED).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            parameters: What Link shall open with.
            ttl: How long the token opens Links: 1 minute to 24 hours, in whole seconds. Unset:
                30 minutes.
            max_opens: How many Links it may open: 1 to 100; 0 means 1.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return await self._calls.unary(
            _CREATE,
            timeout,
            metadata,
            app_id=app_id,
            parameters=parameters,
            ttl=ttl,
            max_opens=max_opens,
            request_id=request_id,
        )

    async def get(
        self, link_token_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.LinkToken:
        """Gives one Link token.

        Errors:
        - NOT_FOUND (LINK_TOKEN_NOT_FOUND).

        Args:
            link_token_id: `ltk_…`.
        """
        return (
            await self._calls.unary(_GET, timeout, metadata, link_token_id=link_token_id)
        ).link_token

    def list(
        self,
        app_id: str = "",
        *,
        state: arguments.LinkTokenStateName | int | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.LinkToken, v1.ListLinkTokensResponse]:
        """Lists an app's Link tokens, newest first.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            state: Only tokens in this state; unspecified: in any.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.link_tokens,
            _LIST,
            timeout,
            metadata,
            app_id=app_id,
            state=state,
            page_size=page_size,
            page_token=page_token,
        )

    async def revoke(
        self, link_token_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.RevokeLinkTokenResponse:
        """Ends a Link token for good, and the open Links that it opened.

        Revoking a revoked token changes nothing and returns it as it is. Journal:
        `link_token.revoked`.

        Errors:
        - NOT_FOUND (LINK_TOKEN_NOT_FOUND).

        Args:
            link_token_id: `ltk_…`.
        """
        return await self._calls.unary(_REVOKE, timeout, metadata, link_token_id=link_token_id)
