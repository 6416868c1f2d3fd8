"""`client.settings`.

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

_GET = Method(
    "/finlink.config.v1.SettingsService/GetSettings", v1.GetSettingsRequest, v1.GetSettingsResponse
)
_UPDATE = Method(
    "/finlink.config.v1.SettingsService/UpdateSettings",
    v1.UpdateSettingsRequest,
    v1.UpdateSettingsResponse,
)
_LIST_VERSIONS = Method(
    "/finlink.config.v1.SettingsService/ListSettingsVersions",
    v1.ListSettingsVersionsRequest,
    v1.ListSettingsVersionsResponse,
)
_ROLLBACK = Method(
    "/finlink.config.v1.SettingsService/RollbackSettings",
    v1.RollbackSettingsRequest,
    v1.RollbackSettingsResponse,
)
_WATCH = Method(
    "/finlink.config.v1.SettingsService/WatchSettings",
    v1.WatchSettingsRequest,
    v1.WatchSettingsResponse,
)


class Settings:
    """`client.settings`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get(
        self,
        app_id: str = "",
        *,
        version: int = 0,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.Settings:
        """Gives the settings of an app, as they are or as they were.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND, SETTINGS_VERSION_NOT_FOUND).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            version: Which version; 0: the present one. Negative is refused.
        """
        return self._calls.unary(_GET, timeout, metadata, app_id=app_id, version=version).settings

    def update(
        self,
        *,
        settings: arguments.SettingsDict | v1.Settings,
        update_mask: arguments.Paths,
        comment: str = "",
        validate_only: bool = False,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.UpdateSettingsResponse:
        """Changes the settings of an app, as a new version, all or nothing.

        A change that changes nothing makes no version and returns the present one.
        What could disarm the app (`link.force_auth_token`, `link.redirects`,
        `link.terms_uri`, `link.privacy_uri`) needs an account token; a session token
        with scope `write` is refused path by path, and `*` and `link` stand for the
        paths below them. Journal: `settings.updated`.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - ABORTED (ETAG_MISMATCH): settings.etag was given and is not the present
          one; of two writers with the same etag one wins.
        - PERMISSION_DENIED (ACCOUNT_TOKEN_REQUIRED): names the path.
        - FAILED_PRECONDITION (REDIRECT_LIMIT_REACHED): an app has at most 5.
        - INVALID_ARGUMENT (FIELD_INVALID): also for colours without enough
          contrast (the ratio measured and the ratio needed are said), bank ids that
          the catalogue does not have, and bank lists that would be empty.

        Args:
            settings: The new values, and in app_id the app. A session token may leave app_id
                empty: its own app.
            update_mask: Which fields to take from `settings`: `*`, `link`, `banks`,
                `link.appearance`, or one of `link.force_auth_token`, `link.redirects`,
                `link.languages`, `link.default_language`, `link.appearance.light`,
                `link.appearance.dark`, `link.appearance.logo_uri`, `link.texts`, `link.terms_uri`,
                `link.privacy_uri`, `banks.mode`, `banks.bank_ids`, `banks.pinned_bank_ids`,
                `banks.country_codes`. 1 to 100 paths.
            comment: Why, for whoever reads the versions later. At most 500 characters, without
                control, bidirectional or zero-width characters.
            validate_only: Check everything, change nothing, and answer with what would be.
        """
        return self._calls.unary(
            _UPDATE,
            timeout,
            metadata,
            settings=settings,
            update_mask=update_mask,
            comment=comment,
            validate_only=validate_only,
        )

    def list_versions(
        self,
        app_id: str = "",
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.SettingsVersion, v1.ListSettingsVersionsResponse]:
        """Lists the versions of an app's settings with what each changed, newest
        first. A page of large versions has fewer than page_size, so that it can be
        received: only an empty next_page_token says that it is the last.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.versions,
            _LIST_VERSIONS,
            timeout,
            metadata,
            app_id=app_id,
            page_size=page_size,
            page_token=page_token,
        )

    def rollback(
        self,
        app_id: str,
        *,
        version: int,
        etag: str = "",
        comment: str = "",
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.RollbackSettingsResponse:
        """Makes a new version that equals an earlier one.

        Gives back exactly that document, also where a rule has changed since; banks
        that have left the catalogue are reported in missing_bank_ids. Idempotent by
        request_id. Rolling back to what the settings already say makes no version.
        Journal: `settings.updated`, with the version rolled back to.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND, SETTINGS_VERSION_NOT_FOUND).
        - PERMISSION_DENIED (ACCOUNT_TOKEN_REQUIRED): a session token, whatever its
          scopes.
        - ABORTED (ETAG_MISMATCH): etag was given and is not the present one.
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            app_id: `app_…`.
            version: The version to go back to: at least 1.
            etag: The etag of the present settings, to go back only if nobody changed them
                meanwhile; empty means unconditional. At most 64 characters.
            comment: Why; as UpdateSettingsRequest.comment.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return self._calls.unary(
            _ROLLBACK,
            timeout,
            metadata,
            app_id=app_id,
            version=version,
            etag=etag,
            comment=comment,
            request_id=request_id,
        )

    def watch(
        self, *, app_ids: Sequence[str] = (), cursor: str = "", metadata: Metadata = None
    ) -> Watch[v1.WatchSettingsResponse]:
        """Tells of every new version of some apps' settings, as it is made. What is
        no part of a version (webhook_endpoints, missing_bank_ids) comes as it is
        at that moment; a change of it alone is not told.

        Without a cursor, or with one that is too old, it begins with the present
        settings of each app, sets caught_up, and goes on live; with the cursor of
        a message that was received, it goes on after that. Several changes within
        a moment may come as one: what comes is always the newest. A message
        without settings is a heartbeat, about every 500 ms. A service key may
        leave app_ids empty: all apps, live only. An app that is deleted is
        told of no more.

        The stream ends when the credential that opened it does. A reader that
        does not read is cut off, with CANCELLED.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - UNAUTHENTICATED (CREDENTIAL_INVALID, SESSION_INACTIVE): the credential has
          ended.
        - OUT_OF_RANGE (CURSOR_TOO_OLD): the cursor is of more than an hour ago, or
          none of ours, and app_ids is empty: there is no snapshot of all apps.
        - RESOURCE_EXHAUSTED (OVERLOADED): too many streams; 100 of one customer.
        - UNAVAILABLE (SHUTTING_DOWN): go on at another server with the cursor.

        Args:
            app_ids: `app_…`; at most 100, each once. An account token names its own apps, at
                least one.
            cursor: The cursor of the last message that was received; empty: from the beginning.
                At most 64 characters.
        """
        return self._calls.watch(_WATCH, metadata, app_ids=app_ids, cursor=cursor)


class AsyncSettings:
    """`client.settings`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def get(
        self,
        app_id: str = "",
        *,
        version: int = 0,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.Settings:
        """Gives the settings of an app, as they are or as they were.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND, SETTINGS_VERSION_NOT_FOUND).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            version: Which version; 0: the present one. Negative is refused.
        """
        return (
            await self._calls.unary(_GET, timeout, metadata, app_id=app_id, version=version)
        ).settings

    async def update(
        self,
        *,
        settings: arguments.SettingsDict | v1.Settings,
        update_mask: arguments.Paths,
        comment: str = "",
        validate_only: bool = False,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.UpdateSettingsResponse:
        """Changes the settings of an app, as a new version, all or nothing.

        A change that changes nothing makes no version and returns the present one.
        What could disarm the app (`link.force_auth_token`, `link.redirects`,
        `link.terms_uri`, `link.privacy_uri`) needs an account token; a session token
        with scope `write` is refused path by path, and `*` and `link` stand for the
        paths below them. Journal: `settings.updated`.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - ABORTED (ETAG_MISMATCH): settings.etag was given and is not the present
          one; of two writers with the same etag one wins.
        - PERMISSION_DENIED (ACCOUNT_TOKEN_REQUIRED): names the path.
        - FAILED_PRECONDITION (REDIRECT_LIMIT_REACHED): an app has at most 5.
        - INVALID_ARGUMENT (FIELD_INVALID): also for colours without enough
          contrast (the ratio measured and the ratio needed are said), bank ids that
          the catalogue does not have, and bank lists that would be empty.

        Args:
            settings: The new values, and in app_id the app. A session token may leave app_id
                empty: its own app.
            update_mask: Which fields to take from `settings`: `*`, `link`, `banks`,
                `link.appearance`, or one of `link.force_auth_token`, `link.redirects`,
                `link.languages`, `link.default_language`, `link.appearance.light`,
                `link.appearance.dark`, `link.appearance.logo_uri`, `link.texts`, `link.terms_uri`,
                `link.privacy_uri`, `banks.mode`, `banks.bank_ids`, `banks.pinned_bank_ids`,
                `banks.country_codes`. 1 to 100 paths.
            comment: Why, for whoever reads the versions later. At most 500 characters, without
                control, bidirectional or zero-width characters.
            validate_only: Check everything, change nothing, and answer with what would be.
        """
        return await self._calls.unary(
            _UPDATE,
            timeout,
            metadata,
            settings=settings,
            update_mask=update_mask,
            comment=comment,
            validate_only=validate_only,
        )

    def list_versions(
        self,
        app_id: str = "",
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.SettingsVersion, v1.ListSettingsVersionsResponse]:
        """Lists the versions of an app's settings with what each changed, newest
        first. A page of large versions has fewer than page_size, so that it can be
        received: only an empty next_page_token says that it is the last.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.versions,
            _LIST_VERSIONS,
            timeout,
            metadata,
            app_id=app_id,
            page_size=page_size,
            page_token=page_token,
        )

    async def rollback(
        self,
        app_id: str,
        *,
        version: int,
        etag: str = "",
        comment: str = "",
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.RollbackSettingsResponse:
        """Makes a new version that equals an earlier one.

        Gives back exactly that document, also where a rule has changed since; banks
        that have left the catalogue are reported in missing_bank_ids. Idempotent by
        request_id. Rolling back to what the settings already say makes no version.
        Journal: `settings.updated`, with the version rolled back to.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND, SETTINGS_VERSION_NOT_FOUND).
        - PERMISSION_DENIED (ACCOUNT_TOKEN_REQUIRED): a session token, whatever its
          scopes.
        - ABORTED (ETAG_MISMATCH): etag was given and is not the present one.
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            app_id: `app_…`.
            version: The version to go back to: at least 1.
            etag: The etag of the present settings, to go back only if nobody changed them
                meanwhile; empty means unconditional. At most 64 characters.
            comment: Why; as UpdateSettingsRequest.comment.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return await self._calls.unary(
            _ROLLBACK,
            timeout,
            metadata,
            app_id=app_id,
            version=version,
            etag=etag,
            comment=comment,
            request_id=request_id,
        )

    def watch(
        self, *, app_ids: Sequence[str] = (), cursor: str = "", metadata: Metadata = None
    ) -> AsyncWatch[v1.WatchSettingsResponse]:
        """Tells of every new version of some apps' settings, as it is made. What is
        no part of a version (webhook_endpoints, missing_bank_ids) comes as it is
        at that moment; a change of it alone is not told.

        Without a cursor, or with one that is too old, it begins with the present
        settings of each app, sets caught_up, and goes on live; with the cursor of
        a message that was received, it goes on after that. Several changes within
        a moment may come as one: what comes is always the newest. A message
        without settings is a heartbeat, about every 500 ms. A service key may
        leave app_ids empty: all apps, live only. An app that is deleted is
        told of no more.

        The stream ends when the credential that opened it does. A reader that
        does not read is cut off, with CANCELLED.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - UNAUTHENTICATED (CREDENTIAL_INVALID, SESSION_INACTIVE): the credential has
          ended.
        - OUT_OF_RANGE (CURSOR_TOO_OLD): the cursor is of more than an hour ago, or
          none of ours, and app_ids is empty: there is no snapshot of all apps.
        - RESOURCE_EXHAUSTED (OVERLOADED): too many streams; 100 of one customer.
        - UNAVAILABLE (SHUTTING_DOWN): go on at another server with the cursor.

        Args:
            app_ids: `app_…`; at most 100, each once. An account token names its own apps, at
                least one.
            cursor: The cursor of the last message that was received; empty: from the beginning.
                At most 64 characters.
        """
        return self._calls.watch(_WATCH, metadata, app_ids=app_ids, cursor=cursor)
