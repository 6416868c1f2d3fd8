"""`client.audit`.

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

_LIST_EVENTS = Method(
    "/finlink.config.v1.AccountService/ListAuditEvents",
    v1.ListAuditEventsRequest,
    v1.ListAuditEventsResponse,
)
_VERIFY_LOG = Method(
    "/finlink.config.v1.AccountService/VerifyAuditLog",
    v1.VerifyAuditLogRequest,
    v1.VerifyAuditLogResponse,
)


class Audit:
    """`client.audit`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list_events(
        self,
        app_id: str = "",
        *,
        account_id: str = "",
        types: Sequence[str] = (),
        actor_id: str = "",
        target_id: str = "",
        call_id: str = "",
        start_time: arguments.Time | None = None,
        end_time: arguments.Time | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.AuditEvent, v1.ListAuditEventsResponse]:
        r"""Reads the journal, newest first: who did what, on what, from where, and
        which sign-ins, logins and passwords were refused.

        A row of a refusal counts the refusals of one credential from one client
        address for one reason in one minute.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND, ACCOUNT_NOT_FOUND).

        Args:
            app_id: `app_…`. Empty: the whole account.
            account_id: `acc_…`. Empty: the caller's own account. An operator may leave both
                empty to read the whole journal.
            types: Only these types, such as `secret.revoked`: `[a-z_]{1,50}\.[a-z_]{1,50}`;
                empty: all. At most 50, each once.
            actor_id: Only what this caller did: the id of an account, session or service key.
                At most 100 characters of printable ASCII without a space.
            target_id: Only what was done to this: an id, as actor_id.
            call_id: Only what this call did: a call id, as actor_id.
            start_time: Only events at or after this time. Unset: from the beginning.
            end_time: Only events before this time. Unset: to this day.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.events,
            _LIST_EVENTS,
            timeout,
            metadata,
            app_id=app_id,
            account_id=account_id,
            types=types,
            actor_id=actor_id,
            target_id=target_id,
            call_id=call_id,
            start_time=start_time,
            end_time=end_time,
            page_size=page_size,
            page_token=page_token,
        )

    def verify_log(
        self,
        account_id: str = "",
        *,
        known_row_count: int = 0,
        known_head: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.VerifyAuditLogResponse:
        """Tells whether the journal of an account is as it was written: whether
        anybody altered, removed, added or moved a row, or cut some off at the end.

        Each account's rows are a chain, in which every row bears a MAC over itself
        and the row before it, under a key that is not in the database. What no MAC
        can tell is an older state that was put back as a whole, of the database or
        of this chain together with the record of its end: keep the head of an
        answer elsewhere and hand it in later, as known_row_count and known_head.

        Reads the whole chain, so it takes as long as that is; for a caller who
        gives no deadline it ends after 30 s. An account has one such call at a
        time, and few run at once: others wait for their turn.

        Errors:
        - NOT_FOUND (ACCOUNT_NOT_FOUND).
        - RESOURCE_EXHAUSTED (RATE_LIMITED): the account has such a call running.
        - RESOURCE_EXHAUSTED (OVERLOADED): too many wait for their turn.

        Args:
            account_id: `acc_…`. Empty: the caller's own account; to an operator the system's
                chain, of the rows that concern no account.
            known_row_count: row_count of an earlier answer, together with its head. At least 0;
                0: not compared.
            known_head: head of that answer: 64 hexadecimal digits.
        """
        return self._calls.unary(
            _VERIFY_LOG,
            timeout,
            metadata,
            account_id=account_id,
            known_row_count=known_row_count,
            known_head=known_head,
        )


class AsyncAudit:
    """`client.audit`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    def list_events(
        self,
        app_id: str = "",
        *,
        account_id: str = "",
        types: Sequence[str] = (),
        actor_id: str = "",
        target_id: str = "",
        call_id: str = "",
        start_time: arguments.Time | None = None,
        end_time: arguments.Time | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.AuditEvent, v1.ListAuditEventsResponse]:
        r"""Reads the journal, newest first: who did what, on what, from where, and
        which sign-ins, logins and passwords were refused.

        A row of a refusal counts the refusals of one credential from one client
        address for one reason in one minute.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND, ACCOUNT_NOT_FOUND).

        Args:
            app_id: `app_…`. Empty: the whole account.
            account_id: `acc_…`. Empty: the caller's own account. An operator may leave both
                empty to read the whole journal.
            types: Only these types, such as `secret.revoked`: `[a-z_]{1,50}\.[a-z_]{1,50}`;
                empty: all. At most 50, each once.
            actor_id: Only what this caller did: the id of an account, session or service key.
                At most 100 characters of printable ASCII without a space.
            target_id: Only what was done to this: an id, as actor_id.
            call_id: Only what this call did: a call id, as actor_id.
            start_time: Only events at or after this time. Unset: from the beginning.
            end_time: Only events before this time. Unset: to this day.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.events,
            _LIST_EVENTS,
            timeout,
            metadata,
            app_id=app_id,
            account_id=account_id,
            types=types,
            actor_id=actor_id,
            target_id=target_id,
            call_id=call_id,
            start_time=start_time,
            end_time=end_time,
            page_size=page_size,
            page_token=page_token,
        )

    async def verify_log(
        self,
        account_id: str = "",
        *,
        known_row_count: int = 0,
        known_head: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.VerifyAuditLogResponse:
        """Tells whether the journal of an account is as it was written: whether
        anybody altered, removed, added or moved a row, or cut some off at the end.

        Each account's rows are a chain, in which every row bears a MAC over itself
        and the row before it, under a key that is not in the database. What no MAC
        can tell is an older state that was put back as a whole, of the database or
        of this chain together with the record of its end: keep the head of an
        answer elsewhere and hand it in later, as known_row_count and known_head.

        Reads the whole chain, so it takes as long as that is; for a caller who
        gives no deadline it ends after 30 s. An account has one such call at a
        time, and few run at once: others wait for their turn.

        Errors:
        - NOT_FOUND (ACCOUNT_NOT_FOUND).
        - RESOURCE_EXHAUSTED (RATE_LIMITED): the account has such a call running.
        - RESOURCE_EXHAUSTED (OVERLOADED): too many wait for their turn.

        Args:
            account_id: `acc_…`. Empty: the caller's own account; to an operator the system's
                chain, of the rows that concern no account.
            known_row_count: row_count of an earlier answer, together with its head. At least 0;
                0: not compared.
            known_head: head of that answer: 64 hexadecimal digits.
        """
        return await self._calls.unary(
            _VERIFY_LOG,
            timeout,
            metadata,
            account_id=account_id,
            known_row_count=known_row_count,
            known_head=known_head,
        )
