"""The composition root: reads from top to bottom as what the server is made of."""

from __future__ import annotations  # grpc's classes take no parameters at run time

import errno
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from finlink.config import v1
from finlink_server import access, health, reflection, shapes, status, tls, tracing
from finlink_server.access import PACKAGE
from finlink_server.calls import Calls
from finlink_server.config import Config
from finlink_server.config_values import split_listen
from finlink_server.dispatcher import Dispatcher
from finlink_server.domain import audit_turns, banks
from finlink_server.door import Door
from finlink_server.env import Env
from finlink_server.errors import MethodUnknown, ShuttingDown
from finlink_server.key_watch import KeyWatch
from finlink_server.measuring import Measuring
from finlink_server.pools import Pool, Turnstile
from finlink_server.services import SERVICES, behaviours
from finlink_server.services.watch import Watches
from finlink_server.stream_ends import StreamEnds
from finlink_server.streams import Streams
from finlink_server.tally import Tally
from finlink_server.watchdog import Watchdog

# Files of the protos that hold a service, with what was generated from them.
_FILES: Final = (
    v1.account_service_pb2,
    v1.admin_service_pb2,
    v1.secret_service_pb2,
    v1.session_service_pb2,
    v1.link_service_pb2,
    v1.settings_service_pb2,
    v1.webhook_service_pb2,
)
_KEEPALIVE, _KEEPALIVE_ANSWER = 60, 20  # seconds
_CONNECTION_GRACE: Final = 60  # seconds
_NO_END: Final = 2**31 - 1  # ms; as gRPC has it
_QUIET: Final = 0.2  # seconds
_LONGEST_FLUSH: Final = 3.0  # seconds; for a collector that may be away
# Between a call's headers and its message, in seconds.
_LONGEST_SILENCE: Final = 5.0
# Calls that need no credential: whoever stops these threads stops nobody who has one.
# Each login waits for a commit, which they share; and some may be held for a quarter of
# a second, by callers who say nothing.
_OPEN_THREADS: Final = 32
# Threads that open streams; open ones need none.
_WATCH_THREADS: Final = 16
# Calls that ask the DNS, which may take seconds to say nothing.
_LOOK_UP_THREADS: Final = 4
_LOOK_UP: Final = {"CreateEndpoint", "UpdateEndpoint"}
# Calls that read a whole chain of the journal. Most of them wait for their turn, and the
# others are refused at once: so there is always a thread that is free.
_VERIFY_THREADS: Final = (
    audit_turns.RUNNING + audit_turns.OF_OPERATORS + 2 * audit_turns.WAITING + 2
)
_VERIFY: Final = {"VerifyAuditLog"}

Handlers = Mapping[str, "grpc.RpcMethodHandler[bytes, bytes]"]


class ListenError(Exception):
    """The address cannot be served on; the text says why and what to do."""


@dataclass(frozen=True)
class App:
    """A server that is listening."""

    env: Env
    server: grpc.Server
    port: int
    health: health.Health
    reflection: reflection.Reflection | None
    door: Door
    watchdog: Watchdog
    dispatcher: Dispatcher | None
    measuring: Measuring | None
    watches: Watches
    tally: Tally
    stream_ends: StreamEnds
    key_watch: KeyWatch

    def stop(self, grace: float) -> None:
        """Take no more calls, let running ones finish within the grace, end streams."""
        until = time.monotonic() + grace
        leaving = ShuttingDown()
        self.health.drain(leaving)
        self.watches.drain(leaving)
        if self.reflection:
            self.reflection.drain(leaving)
        if self.dispatcher:
            self.dispatcher.pause()
        self.door.close(grace)
        # Callers learn here that they must go elsewhere, before grpc cancels what arrives.
        time.sleep(min(_QUIET, grace))
        self.server.stop(max(0.0, until - time.monotonic())).wait()
        if self.dispatcher:
            self.dispatcher.close(max(0.0, until - time.monotonic()))
        if self.measuring:
            self.measuring.close()
        self.key_watch.close()
        self.watches.close()
        self.stream_ends.close()
        self.tally.close()
        self.watchdog.close()
        self.health.close()
        if self.reflection:
            self.reflection.close()
        tracing.end(min(_LONGEST_FLUSH, max(0.0, until - time.monotonic())))
        self.env.end()


def start(env: Env, config: Config, *, shares_port: bool = False, background: bool = True) -> App:
    """Put the server together and let it listen.

    `shares_port`: with the other workers of a supervisor, which has made sure that the
    port is theirs. `background`: whether it also sends webhooks, keeps house and measures.
    """
    door, watchdog = Door(), Watchdog(_LONGEST_SILENCE)
    calls = Calls(env, door, watchdog, config.trusted_proxies, config.tls_san_roles)
    turnstile = Turnstile(config.limit_waiting_calls)
    common_pool = Pool(config.limit_handler_threads, "call", turnstile)
    server = grpc.server(
        common_pool,
        options=_options(config, shares_port=shares_port),
        maximum_concurrent_rpcs=config.limit_concurrent_calls,
    )
    watches = Watches(env, config.limit_streams)
    for name, handlers in _services(env, calls, watches, turnstile).items():
        server.add_registered_method_handlers(name, handlers)
    names = [f"{PACKAGE}.{name}" for name in SERVICES]
    new_call_id = partial(env.new_id, "call")
    limit = config.limit_streams
    health_service = health.Health(names, Streams(limit), watchdog, new_call_id)
    server.add_registered_method_handlers(health.NAME, health_service.handlers())
    reflection_service = None
    if config.reflection:
        known = [*names, health.NAME]
        reflection_service = reflection.Reflection(known, Streams(limit), new_call_id)
        server.add_registered_method_handlers(reflection.NAME, reflection_service.handlers())
    server.add_generic_rpc_handlers((_UnknownMethods(new_call_id),))
    port = _listen(server, config, shares_port=shares_port)
    server.start()
    threading.Thread(target=_warm_up, args=(env,), name="warm-up", daemon=True).start()
    dispatcher = Dispatcher(env, config.limit_webhook_rate) if background else None
    measuring = Measuring(env) if background else None
    return App(
        env=env,
        server=server,
        port=port,
        health=health_service,
        reflection=reflection_service,
        door=door,
        watchdog=watchdog,
        dispatcher=dispatcher,
        measuring=measuring,
        watches=watches,
        tally=calls.tally,
        stream_ends=calls.stream_ends,
        key_watch=KeyWatch(env, lambda able: health_service.tell(is_able=able)),
    )


def _services(
    env: Env, calls: Calls, watches: Watches, turnstile: Turnstile
) -> Mapping[str, Handlers]:
    """Make a handler for every method of the protos; a missing one stops the start."""
    implemented, streaming = behaviours(env), watches.behaviours()
    look_up_pool = Pool(_LOOK_UP_THREADS, "look-up", turnstile)
    verify_pool = Pool(_VERIFY_THREADS, "verify", turnstile)
    open_pool = Pool(_OPEN_THREADS, "open", turnstile)
    # Calls that wait for bcrypt wait here: the hash queue refuses before this is full. Who
    # signs in does so apart, and keeps nobody who is signed in from a thread.
    waiting = env.hasher.threads + env.hasher.queue + 2
    sign_in_pool = Pool(waiting, "sign-in", turnstile)
    password_pool = Pool(waiting, "password", turnstile)

    def pool_for(method: MethodDescriptor) -> ThreadPoolExecutor | None:
        is_open = access.access_to(_full_name(method)).open
        if shapes.password_fields(method.input_type):
            return sign_in_pool if is_open else password_pool
        if method.name in _LOOK_UP:
            return look_up_pool
        if method.name in _VERIFY:
            return verify_pool
        return open_pool if is_open else None

    def handler_of(service: str, method: MethodDescriptor) -> grpc.RpcMethodHandler[bytes, bytes]:
        request_type = GetMessageClass(method.input_type)
        if method.server_streaming:
            stream = streaming[service][method.name]
            # Each its own: customers who open one kind must not keep verifiers from the other.
            pool = ThreadPoolExecutor(_WATCH_THREADS, method.name)
            return calls.stream_handler(_full_name(method), request_type, stream, pool)
        behaviour = implemented[service][method.name]
        return calls.handler(_full_name(method), request_type, behaviour, pool_for(method))

    return {
        service.full_name: {
            method.name: handler_of(service.name, method) for method in service.methods
        }
        for service in service_descriptors()
    }


def _full_name(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def service_descriptors() -> list[ServiceDescriptor]:
    """The services of the protos."""
    return [service for file in _FILES for service in file.DESCRIPTOR.services_by_name.values()]


def _warm_up(env: Env) -> None:
    """Do what the first calls would have to wait for."""
    banks.catalogue(env)
    env.database.close()  # this thread's connection
    env.hasher.warm_up()


class _UnknownMethods(grpc.GenericRpcHandler):
    """Answers calls of methods that do not exist with a sentence instead of a bare code."""

    def __init__(self, new_call_id: Callable[[], str]) -> None:
        self._new_call_id = new_call_id

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Give a handler that reads nothing and refuses."""
        refusal = MethodUnknown(method=handler_call_details.method[:200])

        def refuse(_: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401
            context.abort_with_status(status.of(refusal, self._new_call_id()))

        return grpc.stream_stream_rpc_method_handler(refuse)


def _options(config: Config, *, shares_port: bool) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", config.limit_message_bytes),
        ("grpc.max_metadata_size", config.limit_metadata_bytes),
        ("grpc.absolute_max_metadata_size", 2 * config.limit_metadata_bytes),
        # Else a connection's window grows with what comes through it, and with the
        # connections the memory that messages take which nobody has asked for yet.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.max_allowed_incoming_connections", config.limit_connections),
        # Of old, a part of the calls that nobody has looked at yet is cancelled from the
        # thousandth on, without a word; ours are taken, and those too many told to wait.
        ("grpc.server.max_pending_requests", config.limit_concurrent_calls),
        ("grpc.server.max_pending_requests_hard_limit", config.limit_concurrent_calls),
        # Load balancers choose anew for each connection, so none lasts for ever: calls under
        # way come to their end, and who watches goes on from the cursor.
        ("grpc.max_connection_age_ms", config.limit_connection_age * 1000 or _NO_END),
        ("grpc.max_connection_age_grace_ms", _CONNECTION_GRACE * 1000),
        # Who is gone without a word is noticed; and a client may look for us as often.
        ("grpc.keepalive_time_ms", _KEEPALIVE * 1000),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_ANSWER * 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", _KEEPALIVE * 1000),
        # Two servers that share a port in silence would each get half of the calls.
        ("grpc.so_reuseport", int(shares_port)),
    ]


def _listen(server: grpc.Server, config: Config, *, shares_port: bool) -> int:
    try:
        if not shares_port:
            _probe(config.listen)
        if config.tls_cert is None or config.tls_key is None:
            port = server.add_insecure_port(config.listen)
        else:
            files = tls.Certificates(config.tls_cert, config.tls_key, config.tls_client_ca)
            port = server.add_secure_port(config.listen, files.credentials())
    except tls.TlsError as error:
        message = f"{error} Set FINLINK_TLS_CERT, FINLINK_TLS_KEY and FINLINK_TLS_CLIENT_CA."
        raise ListenError(message) from error
    except (RuntimeError, OSError) as error:
        message = (
            f"{config.listen} cannot be served on: another process has the port, or the address is"
            " not this machine's, or the TLS files do not go together. Stop that process, or set"
            " FINLINK_LISTEN (and FINLINK_TLS_CERT, FINLINK_TLS_KEY) to something else."
        )
        raise ListenError(message) from error
    return int(port)


def _probe(listen: str) -> None:
    """Find every address of a name free: grpc is content with one of localhost's two."""
    host, port = split_listen(listen)
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise
