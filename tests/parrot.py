"""Somebody else's server: a method of each kind, which tells whose session it has at hand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import grpc
import grpc.aio

from finlink_client import OPEN, SessionVerifier, current_session

NAME: Final = "zoo.Parrot"
KINDS: Final = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
TABLE: Final[Mapping[str, Any]] = {
    **{f"/{NAME}/{kind}": ["read"] for kind in KINDS},
    f"/{NAME}/non_blocking": ["read"],
    f"/{NAME}/own_pool": ["read"],
    f"/{NAME}/write": ["read", "write"],
    f"/{NAME}/any": [],
    f"/{NAME}/plain": ["read"],
    f"/{NAME}/plain_stream": ["read"],
    f"/{NAME}/open": OPEN,
    f"/{NAME}/not_there": ["read"],
}
_METHODS: Final[Mapping[str, str]] = {
    **{kind: kind for kind in KINDS},
    **dict.fromkeys(("write", "any", "open", "unlisted", "own_pool", "plain"), "unary_unary"),
    **dict.fromkeys(("non_blocking", "plain_stream"), "unary_stream"),
}


def _whose() -> bytes:
    try:
        return current_session().session_id.encode()
    except LookupError:
        return b"nobody"


class Parrot:
    """A client of the server."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._channel = grpc.insecure_channel(target)

    def ask(
        self, method: str, token: str = "", metadata: Sequence[tuple[str, str]] = ()
    ) -> list[str]:
        """Call a method, and give its answers."""
        kind = _METHODS.get(method, "unary_unary")
        call = getattr(self._channel, kind)(f"/{NAME}/{method}")
        if token:
            metadata = (("authorization", f"Bearer {token}"), *metadata)
        asks_many, answers_many = (part == "stream" for part in kind.split("_"))
        request = iter([b"a", b"b"]) if asks_many else b"a"
        answer = call(request, metadata=metadata, timeout=60)
        return [one.decode() for one in (answer if answers_many else [answer])]

    def close(self) -> None:
        self._channel.close()


@contextmanager
def serving(verifier: SessionVerifier) -> Iterator[Parrot]:
    """Serve with `grpc.server`."""
    own_pool = ThreadPoolExecutor(1, "own")

    def unary(_: Any, __: grpc.ServicerContext) -> bytes:
        return _whose()

    def stream(_: Any, __: grpc.ServicerContext) -> Iterator[bytes]:
        yield _whose()
        yield _whose()

    def non_blocking(
        _: Any, __: grpc.ServicerContext, send: Callable[[bytes | None], None]
    ) -> None:
        whose = _whose()

        def answer() -> None:
            for one in (whose, whose, None):
                send(one)

        threading.Thread(target=answer).start()

    def in_own_pool(_: Any, __: grpc.ServicerContext) -> bytes:
        return threading.current_thread().name.encode()

    non_blocking.experimental_non_blocking = True  # type: ignore[attr-defined]
    in_own_pool.experimental_thread_pool = own_pool  # type: ignore[attr-defined]
    behaviours = {"non_blocking": non_blocking, "own_pool": in_own_pool}
    with ThreadPoolExecutor(4) as pool, own_pool:
        server = grpc.server(pool, interceptors=[verifier.interceptor(TABLE)])
        server.add_generic_rpc_handlers((_handlers(unary, stream, behaviours),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        parrot = Parrot(f"127.0.0.1:{port}")
        yield parrot
        parrot.close()
        server.stop(None).wait()


@contextmanager
def serving_async(verifier: SessionVerifier) -> Iterator[Parrot]:
    """Serve with `grpc.aio.server`, on an event loop in a thread."""

    async def unary(_: Any, __: Any) -> bytes:
        return _whose()

    async def stream(_: Any, __: Any) -> Any:
        yield _whose()
        await asyncio.sleep(0)
        yield _whose()

    def plain(_: Any, __: Any) -> bytes:
        return _whose()

    def plain_stream(_: Any, __: Any) -> Iterator[bytes]:
        yield _whose()
        yield _whose()

    others = {"plain": plain, "plain_stream": plain_stream}

    async def start() -> grpc.aio.Server:
        server = grpc.aio.server(interceptors=[verifier.aio_interceptor(TABLE)])
        server.add_generic_rpc_handlers((_handlers(unary, stream, others),))
        ports.append(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        return server

    ports: list[int] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start(), loop).result(60)
    parrot = Parrot(f"127.0.0.1:{ports[0]}")
    yield parrot
    parrot.close()
    asyncio.run_coroutine_threadsafe(server.stop(None), loop).result(60)
    asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def _handlers(unary: Any, stream: Any, others: Mapping[str, Any]) -> grpc.GenericRpcHandler:
    handlers = {}
    for method, kind in _METHODS.items():
        behaviour = others.get(method, stream if kind.endswith("stream") else unary)
        handlers[method] = getattr(grpc, f"{kind}_rpc_method_handler")(behaviour)
    return grpc.method_handlers_generic_handler(NAME, handlers)
