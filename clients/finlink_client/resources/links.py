"""`client.links`.

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

_OPEN = Method("/finlink.config.v1.LinkService/OpenLink", v1.OpenLinkRequest, v1.OpenLinkResponse)
_EXPLAIN = Method(
    "/finlink.config.v1.LinkService/ExplainLink", v1.ExplainLinkRequest, v1.ExplainLinkResponse
)
_GET = Method("/finlink.config.v1.LinkService/GetLink", v1.GetLinkRequest, v1.GetLinkResponse)
_LIST = Method(
    "/finlink.config.v1.LinkService/ListLinks", v1.ListLinksRequest, v1.ListLinksResponse
)
_LIST_BANKS = Method(
    "/finlink.config.v1.LinkService/ListLinkBanks",
    v1.ListLinkBanksRequest,
    v1.ListLinkBanksResponse,
)


class Links:
    """`client.links`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def open(
        self,
        query: str = "",
        *,
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.OpenLinkResponse:
        """Decides whether the Link with this URL may start, and opens it if so.

        Idempotent by request_id: a repeat gives the same Link and uses the auth
        token up no further. An auth token opens at most max_opens Links, however
        many call at once. Journal: `link.opened`.

        Errors, all of them FAILED_PRECONDITION but the last two, with nothing
        opened and nothing used up:
        - LINK_AUTH_TOKEN_REQUIRED: the app opens Link with an auth token only.
        - LINK_TOKEN_INVALID, LINK_TOKEN_EXPIRED, LINK_TOKEN_USED_UP,
          LINK_TOKEN_REVOKED.
        - LINK_REDIRECT_UNKNOWN: no such redirect, or removed since.
        - LINK_BANK_NOT_AVAILABLE: a bank is named that the widget does not show,
          or shows no more since the token was made.
        - LINK_PARAMETER_INVALID: names the parameter.
        - PERMISSION_DENIED (ACCOUNT_SUSPENDED).
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            query: The query of the Link URL as the browser sent it, undecoded, without the `?`:
                at most 8,192 bytes of printable ASCII. Never logged.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return self._calls.unary(_OPEN, timeout, metadata, query=query, request_id=request_id)

    def explain(
        self,
        query: str = "",
        *,
        bank_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.ExplainLinkResponse:
        """Tells what OpenLink would decide about this URL now, and why: the same
        decision by the same code, with nothing opened and nothing used up.

        A refusal of Link is an answer here, never an error. To a customer, what
        belongs to another account looks like what does not exist.

        Args:
            query: As OpenLinkRequest.query.
            bank_id: A bank about which to tell whether it would show, as
                LinkParameters.bank_id; empty: the one that the Link names, if it names one.
        """
        return self._calls.unary(_EXPLAIN, timeout, metadata, query=query, bank_id=bank_id)

    def get(self, link_id: str, *, timeout: Timeout = None, metadata: Metadata = None) -> v1.Link:
        """Gives one Link: whether this attempt was accepted, and with which
        parameters.

        Errors:
        - NOT_FOUND (LINK_NOT_FOUND).

        Args:
            link_id: `lnk_…`.
        """
        return self._calls.unary(_GET, timeout, metadata, link_id=link_id).link

    def list(
        self,
        app_id: str = "",
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.Link, v1.ListLinksResponse]:
        """Lists an app's Links, newest first.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.links,
            _LIST,
            timeout,
            metadata,
            app_id=app_id,
            page_size=page_size,
            page_token=page_token,
        )

    def list_banks(
        self,
        link_id: str,
        *,
        query: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.AppBank, v1.ListLinkBanksResponse]:
        """Lists the banks that an open Link shows, in the widget's order, or those of
        them that a query finds. They follow the settings of the moment of the call,
        while a Link's look, language and texts stay those of its opening.

        Errors:
        - NOT_FOUND (LINK_NOT_FOUND).
        - FAILED_PRECONDITION (LINK_ENDED): the Link has expired or was revoked.

        Args:
            link_id: `lnk_…`.
            query: As ListBanksRequest.query.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, or of OpenLink with an empty query,
                at most 1,024 characters; empty: the first page.
        """
        return self._calls.pages(
            lambda page: page.banks,
            _LIST_BANKS,
            timeout,
            metadata,
            link_id=link_id,
            query=query,
            page_size=page_size,
            page_token=page_token,
        )


class AsyncLinks:
    """`client.links`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def open(
        self,
        query: str = "",
        *,
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.OpenLinkResponse:
        """Decides whether the Link with this URL may start, and opens it if so.

        Idempotent by request_id: a repeat gives the same Link and uses the auth
        token up no further. An auth token opens at most max_opens Links, however
        many call at once. Journal: `link.opened`.

        Errors, all of them FAILED_PRECONDITION but the last two, with nothing
        opened and nothing used up:
        - LINK_AUTH_TOKEN_REQUIRED: the app opens Link with an auth token only.
        - LINK_TOKEN_INVALID, LINK_TOKEN_EXPIRED, LINK_TOKEN_USED_UP,
          LINK_TOKEN_REVOKED.
        - LINK_REDIRECT_UNKNOWN: no such redirect, or removed since.
        - LINK_BANK_NOT_AVAILABLE: a bank is named that the widget does not show,
          or shows no more since the token was made.
        - LINK_PARAMETER_INVALID: names the parameter.
        - PERMISSION_DENIED (ACCOUNT_SUSPENDED).
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            query: The query of the Link URL as the browser sent it, undecoded, without the `?`:
                at most 8,192 bytes of printable ASCII. Never logged.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return await self._calls.unary(_OPEN, timeout, metadata, query=query, request_id=request_id)

    async def explain(
        self,
        query: str = "",
        *,
        bank_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.ExplainLinkResponse:
        """Tells what OpenLink would decide about this URL now, and why: the same
        decision by the same code, with nothing opened and nothing used up.

        A refusal of Link is an answer here, never an error. To a customer, what
        belongs to another account looks like what does not exist.

        Args:
            query: As OpenLinkRequest.query.
            bank_id: A bank about which to tell whether it would show, as
                LinkParameters.bank_id; empty: the one that the Link names, if it names one.
        """
        return await self._calls.unary(_EXPLAIN, timeout, metadata, query=query, bank_id=bank_id)

    async def get(
        self, link_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.Link:
        """Gives one Link: whether this attempt was accepted, and with which
        parameters.

        Errors:
        - NOT_FOUND (LINK_NOT_FOUND).

        Args:
            link_id: `lnk_…`.
        """
        return (await self._calls.unary(_GET, timeout, metadata, link_id=link_id)).link

    def list(
        self,
        app_id: str = "",
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.Link, v1.ListLinksResponse]:
        """Lists an app's Links, newest first.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.links,
            _LIST,
            timeout,
            metadata,
            app_id=app_id,
            page_size=page_size,
            page_token=page_token,
        )

    def list_banks(
        self,
        link_id: str,
        *,
        query: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.AppBank, v1.ListLinkBanksResponse]:
        """Lists the banks that an open Link shows, in the widget's order, or those of
        them that a query finds. They follow the settings of the moment of the call,
        while a Link's look, language and texts stay those of its opening.

        Errors:
        - NOT_FOUND (LINK_NOT_FOUND).
        - FAILED_PRECONDITION (LINK_ENDED): the Link has expired or was revoked.

        Args:
            link_id: `lnk_…`.
            query: As ListBanksRequest.query.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, or of OpenLink with an empty query,
                at most 1,024 characters; empty: the first page.
        """
        return self._calls.pages(
            lambda page: page.banks,
            _LIST_BANKS,
            timeout,
            metadata,
            link_id=link_id,
            query=query,
            page_size=page_size,
            page_token=page_token,
        )
