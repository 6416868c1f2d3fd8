"""`client.sessions`.

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

_START = Method(
    "/finlink.config.v1.SessionService/StartSession",
    v1.StartSessionRequest,
    v1.StartSessionResponse,
)
_VALIDATE = Method(
    "/finlink.config.v1.SessionService/ValidateSession",
    v1.ValidateSessionRequest,
    v1.ValidateSessionResponse,
)
_BATCH_VALIDATE = Method(
    "/finlink.config.v1.SessionService/BatchValidateSessions",
    v1.BatchValidateSessionsRequest,
    v1.BatchValidateSessionsResponse,
)
_WATCH_REVOCATIONS = Method(
    "/finlink.config.v1.SessionService/WatchRevocations",
    v1.WatchRevocationsRequest,
    v1.WatchRevocationsResponse,
)
_END = Method(
    "/finlink.config.v1.SessionService/EndSession", v1.EndSessionRequest, v1.EndSessionResponse
)
_GET = Method(
    "/finlink.config.v1.SessionService/GetSession", v1.GetSessionRequest, v1.GetSessionResponse
)
_LIST = Method(
    "/finlink.config.v1.SessionService/ListSessions",
    v1.ListSessionsRequest,
    v1.ListSessionsResponse,
)
_REVOKE = Method(
    "/finlink.config.v1.SessionService/RevokeSession",
    v1.RevokeSessionRequest,
    v1.RevokeSessionResponse,
)


class Sessions:
    """`client.sessions`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def start(
        self,
        client_id: str,
        *,
        client_secret: str,
        scopes: Sequence[str] = (),
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.StartSessionResponse:
        """Opens a session with a client secret, and ends the session that the secret
        had open (SUPERSEDED): a secret has at most one, so give each replica of a
        server a secret of its own.

        Needs no credential but the client secret in the request. A session lasts
        one hour, or as long as the secret if that is shorter, and cannot be
        renewed: open a new one. Journal: `session.started`, which names the
        superseded session.

        Errors:
        - UNAUTHENTICATED (CLIENT_CREDENTIALS_INVALID): unknown client_id, wrong
          secret, or one that has ended; the same answer for all.
        - PERMISSION_DENIED (CLIENT_ADDRESS_NOT_ALLOWED): the secret's
          allowed_cidrs do not hold the client address.
        - PERMISSION_DENIED (SCOPE_MISSING): a scope that the secret does not
          grant.
        - PERMISSION_DENIED (ACCOUNT_SUSPENDED).

        Args:
            client_id: The app's id, `app_…`.
            client_secret: The client secret, whole: `fls_(live|test)_[0-9A-Za-z]{45}`. Its
                checksum finds a typo (FIELD_INVALID).
            scopes: The scopes wanted, of `read`, `write`, `delete`, each once; empty: all that
                the secret grants.
        """
        return self._calls.unary(
            _START,
            timeout,
            metadata,
            client_id=client_id,
            client_secret=client_secret,
            scopes=scopes,
        )

    def validate(
        self,
        *,
        access_token: str = "",
        required_scopes: Sequence[str] = (),
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.ValidateSessionResponse:
        """Tells whether a session token is good, for which app and with which scopes.

        A bad token is an answer, never an error. Once any call that ends the
        session has answered, no call of this method that starts later says active.

        Args:
            access_token: The token as it was received: whatever it is, it is answered. One
                longer than 8,192 characters is MALFORMED.
            required_scopes: Scopes that the session should have, of `read`, `write`, `delete`,
                each once.
        """
        return self._calls.unary(
            _VALIDATE, timeout, metadata, access_token=access_token, required_scopes=required_scopes
        )

    def batch_validate(
        self,
        *,
        access_tokens: Sequence[str],
        required_scopes: Sequence[str] = (),
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.BatchValidateSessionsResponse:
        """Does the same for many tokens, which each get an answer of their own, in
        order.

        Args:
            access_tokens: The tokens; 1 to 100. What is no token gets its answer too.
            required_scopes: As ValidateSessionRequest.required_scopes, for all of them: of
                `read`, `write`, `delete`, each once.
        """
        return self._calls.unary(
            _BATCH_VALIDATE,
            timeout,
            metadata,
            access_tokens=access_tokens,
            required_scopes=required_scopes,
        )

    def watch_revocations(
        self, *, cursor: str = "", metadata: Metadata = None
    ) -> Watch[v1.WatchRevocationsResponse]:
        """Tells of every session that ends before its token does, and of every
        signing key that is revoked, as it happens: with it and ListSigningKeys a
        service verifies session tokens by itself.

        Without a cursor it begins with what has ended although its token has not
        expired, sets caught_up, and goes on live; with the cursor of a message
        that was received, it goes on after that. What ends while a stream begins
        without a cursor may be told twice. What happens within 20 ms comes in one
        message, of which a busy server with many watchers makes fewer and larger
        ones. A message without revocations is a heartbeat: about every 500 ms, and
        only when the journal was read with success since the one before, so that
        read_time can be relied on.

        The stream ends when the credential that opened it does. A reader that
        does not read is cut off, with CANCELLED.

        Errors:
        - OUT_OF_RANGE (CURSOR_TOO_OLD): the cursor is of more than an hour ago, or
          not one of this database: begin without one.
        - UNAUTHENTICATED (CREDENTIAL_INVALID, SESSION_INACTIVE): the credential has
          ended.
        - RESOURCE_EXHAUSTED (OVERLOADED): too many streams.
        - UNAVAILABLE (SHUTTING_DOWN): go on at another server with the cursor.

        Args:
            cursor: The cursor of the last message that was received; empty: from the beginning.
                At most 64 characters.
        """
        return self._calls.watch(_WATCH_REVOCATIONS, metadata, cursor=cursor)

    def end(self, *, timeout: Timeout = None, metadata: Metadata = None) -> v1.EndSessionResponse:
        """Ends the session whose token the call carries. A repeat is refused, because
        the token is dead. Journal: `session.ended`.
        """
        return self._calls.unary(_END, timeout, metadata)

    def get(
        self, session_id: str = "", *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.Session:
        """Gives one session. A session token may ask for its own session only.

        Errors:
        - NOT_FOUND (SESSION_NOT_FOUND).

        Args:
            session_id: `ses_…`. A session token may leave it empty: its own.
        """
        return self._calls.unary(_GET, timeout, metadata, session_id=session_id).session

    def list(
        self,
        app_id: str,
        *,
        active_only: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.Session, v1.ListSessionsResponse]:
        """Lists an app's sessions, newest first.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`.
            active_only: Leave out sessions that have ended.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.sessions,
            _LIST,
            timeout,
            metadata,
            app_id=app_id,
            active_only=active_only,
            page_size=page_size,
            page_token=page_token,
        )

    def revoke(
        self, session_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.RevokeSessionResponse:
        """Ends a session. Its secret stays live and can open the next one: revoke
        the secret if it leaked. Revoking an ended session changes nothing and
        returns it as it is. Journal: `session.revoked`.

        Errors:
        - NOT_FOUND (SESSION_NOT_FOUND).

        Args:
            session_id: `ses_…`.
        """
        return self._calls.unary(_REVOKE, timeout, metadata, session_id=session_id)


class AsyncSessions:
    """`client.sessions`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def start(
        self,
        client_id: str,
        *,
        client_secret: str,
        scopes: Sequence[str] = (),
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.StartSessionResponse:
        """Opens a session with a client secret, and ends the session that the secret
        had open (SUPERSEDED): a secret has at most one, so give each replica of a
        server a secret of its own.

        Needs no credential but the client secret in the request. A session lasts
        one hour, or as long as the secret if that is shorter, and cannot be
        renewed: open a new one. Journal: `session.started`, which names the
        superseded session.

        Errors:
        - UNAUTHENTICATED (CLIENT_CREDENTIALS_INVALID): unknown client_id, wrong
          secret, or one that has ended; the same answer for all.
        - PERMISSION_DENIED (CLIENT_ADDRESS_NOT_ALLOWED): the secret's
          allowed_cidrs do not hold the client address.
        - PERMISSION_DENIED (SCOPE_MISSING): a scope that the secret does not
          grant.
        - PERMISSION_DENIED (ACCOUNT_SUSPENDED).

        Args:
            client_id: The app's id, `app_…`.
            client_secret: The client secret, whole: `fls_(live|test)_[0-9A-Za-z]{45}`. Its
                checksum finds a typo (FIELD_INVALID).
            scopes: The scopes wanted, of `read`, `write`, `delete`, each once; empty: all that
                the secret grants.
        """
        return await self._calls.unary(
            _START,
            timeout,
            metadata,
            client_id=client_id,
            client_secret=client_secret,
            scopes=scopes,
        )

    async def validate(
        self,
        *,
        access_token: str = "",
        required_scopes: Sequence[str] = (),
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.ValidateSessionResponse:
        """Tells whether a session token is good, for which app and with which scopes.

        A bad token is an answer, never an error. Once any call that ends the
        session has answered, no call of this method that starts later says active.

        Args:
            access_token: The token as it was received: whatever it is, it is answered. One
                longer than 8,192 characters is MALFORMED.
            required_scopes: Scopes that the session should have, of `read`, `write`, `delete`,
                each once.
        """
        return await self._calls.unary(
            _VALIDATE, timeout, metadata, access_token=access_token, required_scopes=required_scopes
        )

    async def batch_validate(
        self,
        *,
        access_tokens: Sequence[str],
        required_scopes: Sequence[str] = (),
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.BatchValidateSessionsResponse:
        """Does the same for many tokens, which each get an answer of their own, in
        order.

        Args:
            access_tokens: The tokens; 1 to 100. What is no token gets its answer too.
            required_scopes: As ValidateSessionRequest.required_scopes, for all of them: of
                `read`, `write`, `delete`, each once.
        """
        return await self._calls.unary(
            _BATCH_VALIDATE,
            timeout,
            metadata,
            access_tokens=access_tokens,
            required_scopes=required_scopes,
        )

    def watch_revocations(
        self, *, cursor: str = "", metadata: Metadata = None
    ) -> AsyncWatch[v1.WatchRevocationsResponse]:
        """Tells of every session that ends before its token does, and of every
        signing key that is revoked, as it happens: with it and ListSigningKeys a
        service verifies session tokens by itself.

        Without a cursor it begins with what has ended although its token has not
        expired, sets caught_up, and goes on live; with the cursor of a message
        that was received, it goes on after that. What ends while a stream begins
        without a cursor may be told twice. What happens within 20 ms comes in one
        message, of which a busy server with many watchers makes fewer and larger
        ones. A message without revocations is a heartbeat: about every 500 ms, and
        only when the journal was read with success since the one before, so that
        read_time can be relied on.

        The stream ends when the credential that opened it does. A reader that
        does not read is cut off, with CANCELLED.

        Errors:
        - OUT_OF_RANGE (CURSOR_TOO_OLD): the cursor is of more than an hour ago, or
          not one of this database: begin without one.
        - UNAUTHENTICATED (CREDENTIAL_INVALID, SESSION_INACTIVE): the credential has
          ended.
        - RESOURCE_EXHAUSTED (OVERLOADED): too many streams.
        - UNAVAILABLE (SHUTTING_DOWN): go on at another server with the cursor.

        Args:
            cursor: The cursor of the last message that was received; empty: from the beginning.
                At most 64 characters.
        """
        return self._calls.watch(_WATCH_REVOCATIONS, metadata, cursor=cursor)

    async def end(
        self, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.EndSessionResponse:
        """Ends the session whose token the call carries. A repeat is refused, because
        the token is dead. Journal: `session.ended`.
        """
        return await self._calls.unary(_END, timeout, metadata)

    async def get(
        self, session_id: str = "", *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.Session:
        """Gives one session. A session token may ask for its own session only.

        Errors:
        - NOT_FOUND (SESSION_NOT_FOUND).

        Args:
            session_id: `ses_…`. A session token may leave it empty: its own.
        """
        return (await self._calls.unary(_GET, timeout, metadata, session_id=session_id)).session

    def list(
        self,
        app_id: str,
        *,
        active_only: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.Session, v1.ListSessionsResponse]:
        """Lists an app's sessions, newest first.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`.
            active_only: Leave out sessions that have ended.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.sessions,
            _LIST,
            timeout,
            metadata,
            app_id=app_id,
            active_only=active_only,
            page_size=page_size,
            page_token=page_token,
        )

    async def revoke(
        self, session_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.RevokeSessionResponse:
        """Ends a session. Its secret stays live and can open the next one: revoke
        the secret if it leaked. Revoking an ended session changes nothing and
        returns it as it is. Journal: `session.revoked`.

        Errors:
        - NOT_FOUND (SESSION_NOT_FOUND).

        Args:
            session_id: `ses_…`.
        """
        return await self._calls.unary(_REVOKE, timeout, metadata, session_id=session_id)
