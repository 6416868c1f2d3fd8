"""`client.apps`.

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
    "/finlink.config.v1.AccountService/CreateApp", v1.CreateAppRequest, v1.CreateAppResponse
)
_GET = Method("/finlink.config.v1.AccountService/GetApp", v1.GetAppRequest, v1.GetAppResponse)
_LIST = Method(
    "/finlink.config.v1.AccountService/ListApps", v1.ListAppsRequest, v1.ListAppsResponse
)
_UPDATE = Method(
    "/finlink.config.v1.AccountService/UpdateApp", v1.UpdateAppRequest, v1.UpdateAppResponse
)
_DELETE = Method(
    "/finlink.config.v1.AccountService/DeleteApp", v1.DeleteAppRequest, v1.DeleteAppResponse
)
_LIST_BANKS = Method(
    "/finlink.config.v1.SettingsService/ListAppBanks",
    v1.ListAppBanksRequest,
    v1.ListAppBanksResponse,
)


class Apps:
    """`client.apps`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def create(
        self,
        *,
        display_name: str,
        public_name: str,
        environment: arguments.EnvironmentName | int,
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.CreateAppResponse:
        """Makes an app, with settings at version 1: auth token not forced, no
        redirects.

        Idempotent by request_id. Journal: `app.created`.

        Errors:
        - FAILED_PRECONDITION (APP_LIMIT_REACHED): an account has at most 5 apps.
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            display_name: The name that the customer's own people see; as App.display_name.
            public_name: The name that the widget shows; 1 to 100 characters, as
                App.display_name. Cannot change later.
            environment: SANDBOX or LIVE. Cannot change later.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return self._calls.unary(
            _CREATE,
            timeout,
            metadata,
            display_name=display_name,
            public_name=public_name,
            environment=environment,
            request_id=request_id,
        )

    def get(self, app_id: str, *, timeout: Timeout = None, metadata: Metadata = None) -> v1.App:
        """Gives one app.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`.
        """
        return self._calls.unary(_GET, timeout, metadata, app_id=app_id).app

    def list(
        self,
        account_id: str = "",
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.App, v1.ListAppsResponse]:
        """Lists apps, oldest first.

        Args:
            account_id: `acc_…`. Empty: the caller's own account. An operator must name one.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.apps,
            _LIST,
            timeout,
            metadata,
            account_id=account_id,
            page_size=page_size,
            page_token=page_token,
        )

    def update(
        self,
        *,
        app: arguments.AppDict | v1.App,
        update_mask: arguments.Paths,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.UpdateAppResponse:
        """Changes an app's display_name: the only thing about an app that can change.

        Journal: `app.updated`.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - ABORTED (ETAG_MISMATCH): app.etag was given and is not the present one.

        Args:
            app: The app, named by its id; etag makes the change conditional.
            update_mask: Which fields to take from `app`: `display_name`, or `*` for all that
                can change. 1 to 100 paths.
        """
        return self._calls.unary(_UPDATE, timeout, metadata, app=app, update_mask=update_mask)

    def delete(
        self, app_id: str, *, password: str, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.DeleteAppResponse:
        """Deletes an app for good: its secrets are revoked, its sessions, Link tokens
        and Links end in the same instant.

        Needs the account's password. Deleting a deleted app is answered with
        NOT_FOUND. Journal: `app.deleted`.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - PERMISSION_DENIED (PASSWORD_WRONG): five such failures end the account
          token.
        - RESOURCE_EXHAUSTED (HASH_QUEUE_FULL): wait as RetryInfo says.

        Args:
            app_id: `app_…`.
            password: The account's password: 10 to 256 characters.
        """
        return self._calls.unary(_DELETE, timeout, metadata, app_id=app_id, password=password)

    def list_banks(
        self,
        app_id: str = "",
        *,
        product: arguments.ProductName | int | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.AppBank, v1.ListAppBanksResponse]:
        """Lists what the app's widget will show, in its order: pinned banks in theirs,
        then the others by name, blind to case and accents.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            product: Only banks that offer this product; unspecified: any.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.banks,
            _LIST_BANKS,
            timeout,
            metadata,
            app_id=app_id,
            product=product,
            page_size=page_size,
            page_token=page_token,
        )


class AsyncApps:
    """`client.apps`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def create(
        self,
        *,
        display_name: str,
        public_name: str,
        environment: arguments.EnvironmentName | int,
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.CreateAppResponse:
        """Makes an app, with settings at version 1: auth token not forced, no
        redirects.

        Idempotent by request_id. Journal: `app.created`.

        Errors:
        - FAILED_PRECONDITION (APP_LIMIT_REACHED): an account has at most 5 apps.
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            display_name: The name that the customer's own people see; as App.display_name.
            public_name: The name that the widget shows; 1 to 100 characters, as
                App.display_name. Cannot change later.
            environment: SANDBOX or LIVE. Cannot change later.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return await self._calls.unary(
            _CREATE,
            timeout,
            metadata,
            display_name=display_name,
            public_name=public_name,
            environment=environment,
            request_id=request_id,
        )

    async def get(
        self, app_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.App:
        """Gives one app.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`.
        """
        return (await self._calls.unary(_GET, timeout, metadata, app_id=app_id)).app

    def list(
        self,
        account_id: str = "",
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.App, v1.ListAppsResponse]:
        """Lists apps, oldest first.

        Args:
            account_id: `acc_…`. Empty: the caller's own account. An operator must name one.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.apps,
            _LIST,
            timeout,
            metadata,
            account_id=account_id,
            page_size=page_size,
            page_token=page_token,
        )

    async def update(
        self,
        *,
        app: arguments.AppDict | v1.App,
        update_mask: arguments.Paths,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.UpdateAppResponse:
        """Changes an app's display_name: the only thing about an app that can change.

        Journal: `app.updated`.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - ABORTED (ETAG_MISMATCH): app.etag was given and is not the present one.

        Args:
            app: The app, named by its id; etag makes the change conditional.
            update_mask: Which fields to take from `app`: `display_name`, or `*` for all that
                can change. 1 to 100 paths.
        """
        return await self._calls.unary(_UPDATE, timeout, metadata, app=app, update_mask=update_mask)

    async def delete(
        self, app_id: str, *, password: str, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.DeleteAppResponse:
        """Deletes an app for good: its secrets are revoked, its sessions, Link tokens
        and Links end in the same instant.

        Needs the account's password. Deleting a deleted app is answered with
        NOT_FOUND. Journal: `app.deleted`.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - PERMISSION_DENIED (PASSWORD_WRONG): five such failures end the account
          token.
        - RESOURCE_EXHAUSTED (HASH_QUEUE_FULL): wait as RetryInfo says.

        Args:
            app_id: `app_…`.
            password: The account's password: 10 to 256 characters.
        """
        return await self._calls.unary(_DELETE, timeout, metadata, app_id=app_id, password=password)

    def list_banks(
        self,
        app_id: str = "",
        *,
        product: arguments.ProductName | int | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.AppBank, v1.ListAppBanksResponse]:
        """Lists what the app's widget will show, in its order: pinned banks in theirs,
        then the others by name, blind to case and accents.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            product: Only banks that offer this product; unspecified: any.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.banks,
            _LIST_BANKS,
            timeout,
            metadata,
            app_id=app_id,
            product=product,
            page_size=page_size,
            page_token=page_token,
        )
