"""`client.deliveries`.

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
    "/finlink.config.v1.WebhookService/ListDeliveries",
    v1.ListDeliveriesRequest,
    v1.ListDeliveriesResponse,
)
_GET = Method(
    "/finlink.config.v1.WebhookService/GetDelivery", v1.GetDeliveryRequest, v1.GetDeliveryResponse
)


class Deliveries:
    """`client.deliveries`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(
        self,
        app_id: str = "",
        *,
        endpoint_id: str = "",
        event_id: str = "",
        state: arguments.DeliveryStateName | int | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.Delivery, v1.ListDeliveriesResponse]:
        """Lists an app's deliveries, newest first.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND, ENDPOINT_NOT_FOUND, EVENT_NOT_FOUND).

        Args:
            app_id: `app_…`. May be empty where endpoint_id is given; a session token may leave
                it empty: its own app.
            endpoint_id: `whe_…`; empty: of all endpoints, deleted ones included.
            event_id: Of this event; empty: of any. As PublishEventRequest.event_id; at most 100
                characters.
            state: In this state.
            page_size: At most so many; 0 means 50, more than 500 means 500. Negative is
                refused.
            page_token: The next_page_token of the page before; empty for the first. At most
                1,024 characters.
        """
        return self._calls.pages(
            lambda page: page.deliveries,
            _LIST,
            timeout,
            metadata,
            app_id=app_id,
            endpoint_id=endpoint_id,
            event_id=event_id,
            state=state,
            page_size=page_size,
            page_token=page_token,
        )

    def get(
        self, delivery_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.Delivery:
        """Gives one delivery with its attempts.

        Errors:
        - NOT_FOUND (DELIVERY_NOT_FOUND).

        Args:
            delivery_id: `dlv_…`.
        """
        return self._calls.unary(_GET, timeout, metadata, delivery_id=delivery_id).delivery


class AsyncDeliveries:
    """`client.deliveries`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    def list(
        self,
        app_id: str = "",
        *,
        endpoint_id: str = "",
        event_id: str = "",
        state: arguments.DeliveryStateName | int | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.Delivery, v1.ListDeliveriesResponse]:
        """Lists an app's deliveries, newest first.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND, ENDPOINT_NOT_FOUND, EVENT_NOT_FOUND).

        Args:
            app_id: `app_…`. May be empty where endpoint_id is given; a session token may leave
                it empty: its own app.
            endpoint_id: `whe_…`; empty: of all endpoints, deleted ones included.
            event_id: Of this event; empty: of any. As PublishEventRequest.event_id; at most 100
                characters.
            state: In this state.
            page_size: At most so many; 0 means 50, more than 500 means 500. Negative is
                refused.
            page_token: The next_page_token of the page before; empty for the first. At most
                1,024 characters.
        """
        return self._calls.pages(
            lambda page: page.deliveries,
            _LIST,
            timeout,
            metadata,
            app_id=app_id,
            endpoint_id=endpoint_id,
            event_id=event_id,
            state=state,
            page_size=page_size,
            page_token=page_token,
        )

    async def get(
        self, delivery_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.Delivery:
        """Gives one delivery with its attempts.

        Errors:
        - NOT_FOUND (DELIVERY_NOT_FOUND).

        Args:
            delivery_id: `dlv_…`.
        """
        return (await self._calls.unary(_GET, timeout, metadata, delivery_id=delivery_id)).delivery
