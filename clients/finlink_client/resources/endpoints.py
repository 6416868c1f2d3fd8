"""`client.endpoints`.

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
    "/finlink.config.v1.WebhookService/CreateEndpoint",
    v1.CreateEndpointRequest,
    v1.CreateEndpointResponse,
)
_GET = Method(
    "/finlink.config.v1.WebhookService/GetEndpoint", v1.GetEndpointRequest, v1.GetEndpointResponse
)
_LIST = Method(
    "/finlink.config.v1.WebhookService/ListEndpoints",
    v1.ListEndpointsRequest,
    v1.ListEndpointsResponse,
)
_UPDATE = Method(
    "/finlink.config.v1.WebhookService/UpdateEndpoint",
    v1.UpdateEndpointRequest,
    v1.UpdateEndpointResponse,
)
_DELETE = Method(
    "/finlink.config.v1.WebhookService/DeleteEndpoint",
    v1.DeleteEndpointRequest,
    v1.DeleteEndpointResponse,
)
_ROTATE_SIGNING_SECRET = Method(
    "/finlink.config.v1.WebhookService/RotateSigningSecret",
    v1.RotateSigningSecretRequest,
    v1.RotateSigningSecretResponse,
)


class Endpoints:
    """`client.endpoints`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def create(
        self,
        app_id: str = "",
        *,
        uri: str,
        event_types: Sequence[str] = (),
        display_name: str = "",
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.CreateEndpointResponse:
        """Makes an endpoint, and shows its signing secret, once.

        The URI must be `https`, and its host must resolve to public addresses
        only; the same is checked again whenever a connection is opened. It gets
        the events that happen from now on. Idempotent by request_id: a repeat
        makes nothing and is answered with ALREADY_EXISTS, because the signing
        secret is not shown twice. Journal: `endpoint.created`.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - FAILED_PRECONDITION (ENDPOINT_LIMIT_REACHED): the app has 10.
        - ALREADY_EXISTS (ENDPOINT_ALREADY_EXISTS): a repeat; names the endpoint.
        - INVALID_ARGUMENT (FIELD_INVALID): the host does not resolve, or leads to
          where webhooks may not go.
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            uri: As Endpoint.uri; 1 to 2,048 characters.
            event_types: As Endpoint.event_types. At most 50, each once.
            display_name: As Endpoint.display_name; at most 100 characters.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours; may be
                empty.
        """
        return self._calls.unary(
            _CREATE,
            timeout,
            metadata,
            app_id=app_id,
            uri=uri,
            event_types=event_types,
            display_name=display_name,
            request_id=request_id,
        )

    def get(
        self, endpoint_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.Endpoint:
        """Gives one endpoint, never its signing secret.

        Errors:
        - NOT_FOUND (ENDPOINT_NOT_FOUND).

        Args:
            endpoint_id: `whe_…`.
        """
        return self._calls.unary(_GET, timeout, metadata, endpoint_id=endpoint_id).endpoint

    def list(
        self,
        app_id: str = "",
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.Endpoint, v1.ListEndpointsResponse]:
        """Lists an app's endpoints, oldest first.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            page_size: At most so many; 0 means 50, more than 500 means 500. Negative is
                refused.
            page_token: The next_page_token of the page before; empty for the first. At most
                1,024 characters.
        """
        return self._calls.pages(
            lambda page: page.endpoints,
            _LIST,
            timeout,
            metadata,
            app_id=app_id,
            page_size=page_size,
            page_token=page_token,
        )

    def update(
        self,
        *,
        endpoint: arguments.EndpointDict | v1.Endpoint,
        update_mask: arguments.Paths,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.UpdateEndpointResponse:
        """Changes an endpoint: where it is, what it wants, its name; disables it, or
        enables it again.

        Disabling cancels what is not delivered yet. Enabling forgets the failures
        before, but sends nothing that was cancelled: RedeliverEvents does.
        Journal: `endpoint.updated`, which is the event `endpoint.disabled` if it
        disables.

        Errors:
        - NOT_FOUND (ENDPOINT_NOT_FOUND).
        - ABORTED (ETAG_MISMATCH): endpoint.etag was given and is not the present
          one.
        - INVALID_ARGUMENT (FIELD_INVALID): as CreateEndpoint.

        Args:
            endpoint: The new values, and in `id` the endpoint.
            update_mask: Which of them to take: `uri`, `event_types`, `display_name`,
                `disabled`, or `*` for all four. 1 to 100 paths.
        """
        return self._calls.unary(
            _UPDATE, timeout, metadata, endpoint=endpoint, update_mask=update_mask
        )

    def delete(
        self, endpoint_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.DeleteEndpointResponse:
        """Deletes an endpoint for good, and cancels what is not delivered yet.

        Deleting one that is gone is answered with NOT_FOUND. Journal:
        `endpoint.deleted`.

        Errors:
        - NOT_FOUND (ENDPOINT_NOT_FOUND).

        Args:
            endpoint_id: `whe_…`.
        """
        return self._calls.unary(_DELETE, timeout, metadata, endpoint_id=endpoint_id)

    def rotate_signing_secret(
        self,
        endpoint_id: str,
        *,
        overlap: arguments.Span | None = None,
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.RotateSigningSecretResponse:
        """Makes a new signing secret and shows it, once. For the overlap each
        delivery is signed with the old ones too, so that a receiver can change
        over at its leisure.

        Up to 5 secrets sign at one time; one more ends the oldest at once.
        Idempotent by request_id like CreateEndpoint. Journal:
        `endpoint.signing_secret_rotated`.

        Errors:
        - NOT_FOUND (ENDPOINT_NOT_FOUND).
        - ALREADY_EXISTS (ENDPOINT_ALREADY_EXISTS): a repeat; names the endpoint.
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            endpoint_id: `whe_…`.
            overlap: How long the old secrets sign too: whole seconds, 0 to 7 days; unset: 24
                hours.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours; may be
                empty.
        """
        return self._calls.unary(
            _ROTATE_SIGNING_SECRET,
            timeout,
            metadata,
            endpoint_id=endpoint_id,
            overlap=overlap,
            request_id=request_id,
        )


class AsyncEndpoints:
    """`client.endpoints`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def create(
        self,
        app_id: str = "",
        *,
        uri: str,
        event_types: Sequence[str] = (),
        display_name: str = "",
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.CreateEndpointResponse:
        """Makes an endpoint, and shows its signing secret, once.

        The URI must be `https`, and its host must resolve to public addresses
        only; the same is checked again whenever a connection is opened. It gets
        the events that happen from now on. Idempotent by request_id: a repeat
        makes nothing and is answered with ALREADY_EXISTS, because the signing
        secret is not shown twice. Journal: `endpoint.created`.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).
        - FAILED_PRECONDITION (ENDPOINT_LIMIT_REACHED): the app has 10.
        - ALREADY_EXISTS (ENDPOINT_ALREADY_EXISTS): a repeat; names the endpoint.
        - INVALID_ARGUMENT (FIELD_INVALID): the host does not resolve, or leads to
          where webhooks may not go.
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            uri: As Endpoint.uri; 1 to 2,048 characters.
            event_types: As Endpoint.event_types. At most 50, each once.
            display_name: As Endpoint.display_name; at most 100 characters.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours; may be
                empty.
        """
        return await self._calls.unary(
            _CREATE,
            timeout,
            metadata,
            app_id=app_id,
            uri=uri,
            event_types=event_types,
            display_name=display_name,
            request_id=request_id,
        )

    async def get(
        self, endpoint_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.Endpoint:
        """Gives one endpoint, never its signing secret.

        Errors:
        - NOT_FOUND (ENDPOINT_NOT_FOUND).

        Args:
            endpoint_id: `whe_…`.
        """
        return (await self._calls.unary(_GET, timeout, metadata, endpoint_id=endpoint_id)).endpoint

    def list(
        self,
        app_id: str = "",
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.Endpoint, v1.ListEndpointsResponse]:
        """Lists an app's endpoints, oldest first.

        Errors:
        - NOT_FOUND (APP_NOT_FOUND).

        Args:
            app_id: `app_…`. A session token may leave it empty: its own app.
            page_size: At most so many; 0 means 50, more than 500 means 500. Negative is
                refused.
            page_token: The next_page_token of the page before; empty for the first. At most
                1,024 characters.
        """
        return self._calls.pages(
            lambda page: page.endpoints,
            _LIST,
            timeout,
            metadata,
            app_id=app_id,
            page_size=page_size,
            page_token=page_token,
        )

    async def update(
        self,
        *,
        endpoint: arguments.EndpointDict | v1.Endpoint,
        update_mask: arguments.Paths,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.UpdateEndpointResponse:
        """Changes an endpoint: where it is, what it wants, its name; disables it, or
        enables it again.

        Disabling cancels what is not delivered yet. Enabling forgets the failures
        before, but sends nothing that was cancelled: RedeliverEvents does.
        Journal: `endpoint.updated`, which is the event `endpoint.disabled` if it
        disables.

        Errors:
        - NOT_FOUND (ENDPOINT_NOT_FOUND).
        - ABORTED (ETAG_MISMATCH): endpoint.etag was given and is not the present
          one.
        - INVALID_ARGUMENT (FIELD_INVALID): as CreateEndpoint.

        Args:
            endpoint: The new values, and in `id` the endpoint.
            update_mask: Which of them to take: `uri`, `event_types`, `display_name`,
                `disabled`, or `*` for all four. 1 to 100 paths.
        """
        return await self._calls.unary(
            _UPDATE, timeout, metadata, endpoint=endpoint, update_mask=update_mask
        )

    async def delete(
        self, endpoint_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.DeleteEndpointResponse:
        """Deletes an endpoint for good, and cancels what is not delivered yet.

        Deleting one that is gone is answered with NOT_FOUND. Journal:
        `endpoint.deleted`.

        Errors:
        - NOT_FOUND (ENDPOINT_NOT_FOUND).

        Args:
            endpoint_id: `whe_…`.
        """
        return await self._calls.unary(_DELETE, timeout, metadata, endpoint_id=endpoint_id)

    async def rotate_signing_secret(
        self,
        endpoint_id: str,
        *,
        overlap: arguments.Span | None = None,
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.RotateSigningSecretResponse:
        """Makes a new signing secret and shows it, once. For the overlap each
        delivery is signed with the old ones too, so that a receiver can change
        over at its leisure.

        Up to 5 secrets sign at one time; one more ends the oldest at once.
        Idempotent by request_id like CreateEndpoint. Journal:
        `endpoint.signing_secret_rotated`.

        Errors:
        - NOT_FOUND (ENDPOINT_NOT_FOUND).
        - ALREADY_EXISTS (ENDPOINT_ALREADY_EXISTS): a repeat; names the endpoint.
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            endpoint_id: `whe_…`.
            overlap: How long the old secrets sign too: whole seconds, 0 to 7 days; unset: 24
                hours.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours; may be
                empty.
        """
        return await self._calls.unary(
            _ROTATE_SIGNING_SECRET,
            timeout,
            metadata,
            endpoint_id=endpoint_id,
            overlap=overlap,
            request_id=request_id,
        )
