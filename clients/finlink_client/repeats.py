"""Calls that are made again by themselves, and the request_id that makes that harmless.

What may be repeated, how often and after how long stands in the service configs that are
published with the stubs. A write is repeated only with a request_id, so each that takes one
gets one here: whatever way an answer was lost, nothing is made twice.
"""

import json
import uuid
from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.message import Message

# Published for everybody; the second is for who sends a request_id wherever one is taken.
READS: Final = "service_config.json"
READS_AND_REQUEST_IDS: Final = "service_config_with_request_ids.json"

Request = TypeVar("Request")
Call = TypeVar("Call")


def service_config(name: str, also: Iterable[str] = ()) -> tuple[str, str]:
    """Give the channel's option with a published service config, but for its time-outs.

    gRPC takes the shorter of theirs and a caller's own, and who asks for a longer one means it.
    `also`: paths of more methods that may be repeated.
    """
    config = json.loads((files("finlink.config.v1") / name).read_text(encoding="utf-8"))
    more = [path.strip("/").split("/") for path in also]
    for entry in config["methodConfig"]:
        entry.pop("timeout", None)
        if "retryPolicy" in entry:
            entry["name"] += [{"service": service, "method": method} for service, method in more]
    return "grpc.service_config", json.dumps(config)


class RequestIds(grpc.UnaryUnaryClientInterceptor):
    """Gives each request that takes a request_id a new one, unless its caller has."""

    def intercept_unary_unary(
        self,
        continuation: Callable[[Any, Request], Call],
        client_call_details: grpc.ClientCallDetails,
        request: Request,
    ) -> Call:
        """Send a copy: the caller's own message is another request when it is sent again."""
        if isinstance(request, Message) and "request_id" in request.DESCRIPTOR.fields_by_name:
            message: Any = type(request)(request_id=str(uuid.uuid4()))
            message.MergeFrom(request)
            return continuation(client_call_details, message)
        return continuation(client_call_details, request)
