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
