"""A gRPC service that lets in whoever has a session, method by method.

With `make run` in one shell and the lines that it prints pasted into another:

    python clients/examples/protected_service.py

It takes TARGET and VERIFIER_KEY, and serves `orders.proto` on LISTEN (127.0.0.1:50061).
A caller sends the session token of an app in `authorization: Bearer …`.
"""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import StringValue

from finlink_client import SessionVerifier, current_session


def list_orders(request: Empty, context: grpc.ServicerContext) -> StringValue:
    return StringValue(value=f"orders of {current_session().app_id}")


def cancel_order(request: StringValue, context: grpc.ServicerContext) -> StringValue:
    return StringValue(value=f"{current_session().app_id} has cancelled {request.value}")


unary = grpc.unary_unary_rpc_method_handler
orders = grpc.method_handlers_generic_handler(
    "shop.Orders",
    {
        "List": unary(list_orders, Empty.FromString, StringValue.SerializeToString),
        "Cancel": unary(cancel_order, StringValue.FromString, StringValue.SerializeToString),
    },
)
scopes = {"/shop.Orders/List": ["read"], "/shop.Orders/Cancel": ["write"]}

with SessionVerifier(os.environ["TARGET"], os.environ["VERIFIER_KEY"]) as verifier:
    alone = [("grpc.so_reuseport", 0)]  # a port that another has taken is refused
    server = grpc.server(ThreadPoolExecutor(8), [orders], [verifier.interceptor(scopes)], alone)
    listen = os.environ.get("LISTEN", "127.0.0.1:50061")
    port = server.add_insecure_port(listen)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stop(grace=5))
    server.start()
    print(f"Serving on {listen.rpartition(':')[0]}:{port}; Ctrl-C stops it.", flush=True)
    server.wait_for_termination()
