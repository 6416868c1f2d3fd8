"""WebhookService."""

from finlink.config import v1
from finlink_server.domain import deliveries, endpoints, events, redelivery, visible
from finlink_server.domain.caller import Caller
from finlink_server.env import MICROSECONDS, Env
from finlink_server.services import convert, convert_webhook

_DEFAULT_OVERLAP = 24 * 3600  # seconds


class WebhookService:
    """The webhook endpoints of an app, the events that they are sent, and their deliveries."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def CreateEndpoint(
        self, request: v1.CreateEndpointRequest, caller: Caller
    ) -> v1.CreateEndpointResponse:
        created = endpoints.create(
            self.env,
            caller,
            request.app_id,
            request.uri,
            request.event_types,
            request.display_name,
            convert.once(request),
        )
        return v1.CreateEndpointResponse(
            endpoint=convert_webhook.endpoint(self.env, created.endpoint),
            signing_secret=created.signing_secret,
        )

    def GetEndpoint(self, request: v1.GetEndpointRequest, caller: Caller) -> v1.GetEndpointResponse:
        row = visible.endpoint(caller, request.endpoint_id)
        return v1.GetEndpointResponse(endpoint=convert_webhook.endpoint(self.env, row))

    def ListEndpoints(
        self, request: v1.ListEndpointsRequest, caller: Caller
    ) -> v1.ListEndpointsResponse:
        page = endpoints.page(
            self.env, caller, request.app_id, request.page_size, request.page_token
        )
        return v1.ListEndpointsResponse(
            endpoints=[convert_webhook.endpoint(self.env, row) for row in page.rows],
            next_page_token=page.next_token,
        )

    def UpdateEndpoint(
        self, request: v1.UpdateEndpointRequest, caller: Caller
    ) -> v1.UpdateEndpointResponse:
        wanted = request.endpoint
        row = endpoints.update(
            self.env,
            caller,
            wanted.id,
            wanted.etag,
            endpoints.Change(
                paths=frozenset(request.update_mask.paths),
                uri=wanted.uri,
                event_types=wanted.event_types,
                display_name=wanted.display_name,
                disabled=wanted.disabled,
            ),
        )
        return v1.UpdateEndpointResponse(endpoint=convert_webhook.endpoint(self.env, row))

    def DeleteEndpoint(
        self, request: v1.DeleteEndpointRequest, caller: Caller
    ) -> v1.DeleteEndpointResponse:
        count = endpoints.delete(self.env, caller, request.endpoint_id)
        return v1.DeleteEndpointResponse(cancelled_deliveries=count)

    def RotateSigningSecret(
        self, request: v1.RotateSigningSecretRequest, caller: Caller
    ) -> v1.RotateSigningSecretResponse:
        overlap = convert.seconds(request, "overlap", _DEFAULT_OVERLAP) * MICROSECONDS
        rotated = endpoints.rotate(
            self.env, caller, request.endpoint_id, overlap, convert.once(request)
        )
        return v1.RotateSigningSecretResponse(
            endpoint=convert_webhook.endpoint(self.env, rotated.endpoint),
            signing_secret=rotated.signing_secret,
        )

    def SendTestEvent(
        self, request: v1.SendTestEventRequest, caller: Caller
    ) -> v1.SendTestEventResponse:
        row, delivery = deliveries.send_test(self.env, caller, request.endpoint_id)
        return v1.SendTestEventResponse(
            event=convert_webhook.event(row, events.body(self.env, row)),
            delivery=convert_webhook.delivery(delivery),
        )

    def PublishEvent(
        self, request: v1.PublishEventRequest, caller: Caller
    ) -> v1.PublishEventResponse:
        row = events.publish(
            self.env,
            caller,
            request.app_id,
            request.event_id,
            request.type,
            request.payload_json,
        )
        return v1.PublishEventResponse(event=convert_webhook.event(row, events.body(self.env, row)))

    def ListEvents(self, request: v1.ListEventsRequest, caller: Caller) -> v1.ListEventsResponse:
        page = events.page(
            self.env,
            caller,
            request.app_id,
            request.types,
            convert.micros(request, "start_time"),
            convert.micros(request, "end_time"),
            request.page_size,
            request.page_token,
        )
        bodies = events.bodies(self.env, page.rows)
        return v1.ListEventsResponse(
            events=[
                convert_webhook.event(row, bodies[row.seq])
                for row in page.rows
                if row.seq in bodies
            ],
            next_page_token=page.next_token,
        )

    def ListDeliveries(
        self, request: v1.ListDeliveriesRequest, caller: Caller
    ) -> v1.ListDeliveriesResponse:
        page = deliveries.page(
            self.env,
            caller,
            request.app_id,
            request.endpoint_id,
            request.event_id,
            convert.word(v1.DeliveryState, "DELIVERY_STATE", request.state),
            request.page_size,
            request.page_token,
        )
        return v1.ListDeliveriesResponse(
            deliveries=map(convert_webhook.delivery, page.rows),
            next_page_token=page.next_token,
        )

    def GetDelivery(self, request: v1.GetDeliveryRequest, caller: Caller) -> v1.GetDeliveryResponse:
        row = visible.delivery(caller, request.delivery_id)
        packed = convert_webhook.delivery(row)
        packed.attempts.extend(
            convert_webhook.attempt(self.env, one) for one in deliveries.attempts(row.id)
        )
        return v1.GetDeliveryResponse(delivery=packed)

    def RedeliverEvents(
        self, request: v1.RedeliverEventsRequest, caller: Caller
    ) -> v1.RedeliverEventsResponse:
        count = redelivery.redeliver(
            self.env,
            caller,
            request.endpoint_id,
            request.event_id,
            convert.micros(request, "start_time"),
            convert.micros(request, "end_time"),
            validate_only=request.validate_only,
        )
        return v1.RedeliverEventsResponse(event_count=count)

    def ListEventTypes(
        self, request: v1.ListEventTypesRequest, caller: Caller
    ) -> v1.ListEventTypesResponse:
        return v1.ListEventTypesResponse(event_types=convert_webhook.event_types_known())
