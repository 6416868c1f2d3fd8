"""`client.events`.

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

_SEND_TEST = Method(
    "/finlink.config.v1.WebhookService/SendTestEvent",
    v1.SendTestEventRequest,
    v1.SendTestEventResponse,
)
_PUBLISH = Method(
    "/finlink.config.v1.WebhookService/PublishEvent",
    v1.PublishEventRequest,
    v1.PublishEventResponse,
)
_LIST = Method(
    "/finlink.config.v1.WebhookService/ListEvents", v1.ListEventsRequest, v1.ListEventsResponse
)
_REDELIVER = Method(
    "/finlink.config.v1.WebhookService/RedeliverEvents",
    v1.RedeliverEventsRequest,
    v1.RedeliverEventsResponse,
)
_LIST_TYPES = Method(
    "/finlink.config.v1.WebhookService/ListEventTypes",
    v1.ListEventTypesRequest,
    v1.ListEventTypesResponse,
)


class Events:
    """`client.events`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def send_test(
        self, endpoint_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.SendTestEventResponse:
        """Sends an event `webhook.test` to one endpoint, whatever types it wants.

        The delivery in the answer is on its way: GetDelivery tells how it went.
        Journal: `webhook.test`.

        Errors:
        - NOT_FOUND (ENDPOINT_NOT_FOUND).
        - FAILED_PRECONDITION (ENDPOINT_DISABLED).

        Args:
            endpoint_id: `whe_…`.
        """
        return self._calls.unary(_SEND_TEST, timeout, metadata, endpoint_id=endpoint_id)

    def publish(
        self,
        app_id: str,
        *,
        event_id: str,
        type: str,
        payload_json: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.PublishEventResponse:
        """Publishes an event of another service of the platform, such as
        `connection.ready`, to the endpoints of an app.

        Idempotent by event_id: the same event again is harmless and gives the one
        that is there. Journal: `event.published`.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - PERMISSION_DENIED (CALLER_NOT_ALLOWED): the type is not under one of the
          service key's event_prefixes.
        - INVALID_ARGUMENT (FIELD_INVALID): the type is one of this service's own;
          payload_json is no JSON object; event_id was used for another event.

        Args:
            app_id: `app_…`.
            event_id: The publisher's id of the event, unique for the app: 1 to 100 of letters,
                digits and `.`, `_`, `:`, `-`. It becomes Event.id.
            type: Lower-case words joined by dots, two at least, such as `connection.ready`; at
                most 100 characters.
            payload_json: The event's data: a JSON object of at most 16 kB (16,384 bytes of
                UTF-8), sent as it is given. No member twice; nested at most 64 levels deep.
        """
        return self._calls.unary(
            _PUBLISH,
            timeout,
            metadata,
            app_id=app_id,
            event_id=event_id,
            type=type,
            payload_json=payload_json,
        )

    def list(
        self,
        app_id: str = "",
        *,
        types: Sequence[str] = (),
        start_time: arguments.Time | None = None,
        end_time: arguments.Time | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.Event, v1.ListEventsResponse]:
        """Lists the events of an app, newest first, whether or not an endpoint wanted
        them.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            types: Types such as `secret.revoked`, or groups such as `connection.*`; empty: all.
                At most 50, each once.
            start_time: From this time on.
            end_time: Before this time.
            page_size: At most so many; 0 means 50, more than 500 means 500. Negative is
                refused. A page holds fewer where their bodies are large.
            page_token: The next_page_token of the page before; empty for the first. At most
                1,024 characters.
        """
        return self._calls.pages(
            lambda page: page.events,
            _LIST,
            timeout,
            metadata,
            app_id=app_id,
            types=types,
            start_time=start_time,
            end_time=end_time,
            page_size=page_size,
            page_token=page_token,
        )

    def redeliver(
        self,
        endpoint_id: str,
        *,
        event_id: str = "",
        start_time: arguments.Time | None = None,
        end_time: arguments.Time | None = None,
        validate_only: bool = False,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.RedeliverEventsResponse:
        """Sends events to an endpoint again: one event, or those of a window of time
        that it wants and has not got.

        An event that waits for its next attempt is tried at once, and its schedule
        begins anew; one that is finished gets a new delivery. A named event is
        sent whether or not it was delivered before and whether or not the endpoint
        wants its type. Works through a window piece by piece: what was taken up
        before a deadline stays, and a repeat takes up the rest. Journal:
        `endpoint.redelivered`.

        Errors:
        - NOT_FOUND (ENDPOINT_NOT_FOUND, EVENT_NOT_FOUND).
        - FAILED_PRECONDITION (ENDPOINT_DISABLED).
        - INVALID_ARGUMENT (FIELD_INVALID): neither an event nor a window, or both.

        Args:
            endpoint_id: `whe_…`.
            event_id: One event; empty: those of the window. As PublishEventRequest.event_id; at
                most 100 characters.
            start_time: The window begins here; required without event_id.
            end_time: The window ends before; unset: now.
            validate_only: Tell how many it would be, and send nothing.
        """
        return self._calls.unary(
            _REDELIVER,
            timeout,
            metadata,
            endpoint_id=endpoint_id,
            event_id=event_id,
            start_time=start_time,
            end_time=end_time,
            validate_only=validate_only,
        )

    def list_types(
        self, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.ListEventTypesResponse:
        """Lists the types of events, each with what it tells and a sample.

        Types that other services publish are not among them.
        """
        return self._calls.unary(_LIST_TYPES, timeout, metadata)


class AsyncEvents:
    """`client.events`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def send_test(
        self, endpoint_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.SendTestEventResponse:
        """Sends an event `webhook.test` to one endpoint, whatever types it wants.

        The delivery in the answer is on its way: GetDelivery tells how it went.
        Journal: `webhook.test`.

        Errors:
        - NOT_FOUND (ENDPOINT_NOT_FOUND).
        - FAILED_PRECONDITION (ENDPOINT_DISABLED).

        Args:
            endpoint_id: `whe_…`.
        """
        return await self._calls.unary(_SEND_TEST, timeout, metadata, endpoint_id=endpoint_id)

    async def publish(
        self,
        app_id: str,
        *,
        event_id: str,
        type: str,
        payload_json: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.PublishEventResponse:
        """Publishes an event of another service of the platform, such as
        `connection.ready`, to the endpoints of an app.

        Idempotent by event_id: the same event again is harmless and gives the one
        that is there. Journal: `event.published`.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - PERMISSION_DENIED (CALLER_NOT_ALLOWED): the type is not under one of the
          service key's event_prefixes.
        - INVALID_ARGUMENT (FIELD_INVALID): the type is one of this service's own;
          payload_json is no JSON object; event_id was used for another event.

        Args:
            app_id: `app_…`.
            event_id: The publisher's id of the event, unique for the app: 1 to 100 of letters,
                digits and `.`, `_`, `:`, `-`. It becomes Event.id.
            type: Lower-case words joined by dots, two at least, such as `connection.ready`; at
                most 100 characters.
            payload_json: The event's data: a JSON object of at most 16 kB (16,384 bytes of
                UTF-8), sent as it is given. No member twice; nested at most 64 levels deep.
        """
        return await self._calls.unary(
            _PUBLISH,
            timeout,
            metadata,
            app_id=app_id,
            event_id=event_id,
            type=type,
            payload_json=payload_json,
        )

    def list(
        self,
        app_id: str = "",
        *,
        types: Sequence[str] = (),
        start_time: arguments.Time | None = None,
        end_time: arguments.Time | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.Event, v1.ListEventsResponse]:
        """Lists the events of an app, newest first, whether or not an endpoint wanted
        them.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            types: Types such as `secret.revoked`, or groups such as `connection.*`; empty: all.
                At most 50, each once.
            start_time: From this time on.
            end_time: Before this time.
            page_size: At most so many; 0 means 50, more than 500 means 500. Negative is
                refused. A page holds fewer where their bodies are large.
            page_token: The next_page_token of the page before; empty for the first. At most
                1,024 characters.
        """
        return self._calls.pages(
            lambda page: page.events,
            _LIST,
            timeout,
            metadata,
            app_id=app_id,
            types=types,
            start_time=start_time,
            end_time=end_time,
            page_size=page_size,
            page_token=page_token,
        )

    async def redeliver(
        self,
        endpoint_id: str,
        *,
        event_id: str = "",
        start_time: arguments.Time | None = None,
        end_time: arguments.Time | None = None,
        validate_only: bool = False,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.RedeliverEventsResponse:
        """Sends events to an endpoint again: one event, or those of a window of time
        that it wants and has not got.

        An event that waits for its next attempt is tried at once, and its schedule
        begins anew; one that is finished gets a new delivery. A named event is
        sent whether or not it was delivered before and whether or not the endpoint
        wants its type. Works through a window piece by piece: what was taken up
        before a deadline stays, and a repeat takes up the rest. Journal:
        `endpoint.redelivered`.

        Errors:
        - NOT_FOUND (ENDPOINT_NOT_FOUND, EVENT_NOT_FOUND).
        - FAILED_PRECONDITION (ENDPOINT_DISABLED).
        - INVALID_ARGUMENT (FIELD_INVALID): neither an event nor a window, or both.

        Args:
            endpoint_id: `whe_…`.
            event_id: One event; empty: those of the window. As PublishEventRequest.event_id; at
                most 100 characters.
            start_time: The window begins here; required without event_id.
            end_time: The window ends before; unset: now.
            validate_only: Tell how many it would be, and send nothing.
        """
        return await self._calls.unary(
            _REDELIVER,
            timeout,
            metadata,
            endpoint_id=endpoint_id,
            event_id=event_id,
            start_time=start_time,
            end_time=end_time,
            validate_only=validate_only,
        )

    async def list_types(
        self, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.ListEventTypesResponse:
        """Lists the types of events, each with what it tells and a sample.

        Types that other services publish are not among them.
        """
        return await self._calls.unary(_LIST_TYPES, timeout, metadata)
