"""An HTTP server that takes webhooks, verifies them and hands them on. For development."""

import json
import re
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from ipaddress import IPv6Address, ip_address
from queue import Queue
from socketserver import ThreadingTCPServer
from threading import Semaphore, Thread
from typing import Any, Final, cast

from finlink_client.webhooks import WebhookError, WebhookEvent, verify_webhook

MAX_BODY_BYTES: Final = 64 * 1024  # more than three times what is ever sent
_DRAIN_BYTES: Final = 1024 * 1024
_PATIENCE: Final = 10  # seconds to wait for a client that sends nothing
_POLL_SECONDS: Final = 0.1  # how long its end may take
_A_LENGTH: Final = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True)
class Arrival:
    """A request that looked like a webhook, and how it was answered.

    `event` is there if it verified, else `problem` says why it did not; then
    `id` and `type` are only what the request says of itself.
    """

    time: datetime
    id: str
    type: str
    event: WebhookEvent | None
    problem: str
    status: int
    body: bytes
    headers: Message


class Receiver(ThreadingTCPServer):
    """Answers webhooks, each connection in a thread, and puts them into `arrivals`.

    What does not verify is answered with 401, the rest with `status`; after
    `count` of both, if there is one, everything with 503, so that nothing is
    acknowledged that nobody sees. They stand in `arrivals` before they are
    answered, so that their order is the sender's; `arrivals.join()` waits for
    the answers. `signing_secrets` and `status` may change at any time. Raises
    OSError if the address cannot be listened on.
    """

    daemon_threads = True
    allow_reuse_address = True
    allow_reuse_port = False  # a second receiver on the port would get half of the webhooks
    request_queue_size = 128

    def __init__(
        self,
        host: str,
        port: int,
        signing_secrets: Sequence[str],
        status: int,
        count: int | None,
    ) -> None:
        """Listen; `answering` answers."""
        self.signing_secrets = signing_secrets
        self.status = status
        self._places = None if count is None else Semaphore(count)
        self.arrivals: Queue[Arrival] = Queue()
        if _is_ipv6(host):
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    @property
    def uri(self) -> str:
        """Say where it listens."""
        host, port = self.server_address[:2]
        name = host if isinstance(host, str) else host.decode()
        return f"http://[{name}]:{port}/" if _is_ipv6(name) else f"http://{name}:{port}/"

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Answer in a thread of its own, and close in the end."""
        with self:
            Thread(target=self.serve_forever, args=(_POLL_SECONDS,), daemon=True).start()
            try:
                yield
            finally:
                self.shutdown()

    def has_place(self) -> bool:
        """Take a place for one more webhook; false if none is left."""
        return self._places is None or self._places.acquire(blocking=False)

    def judge(self, body: bytes, headers: Message) -> Arrival:
        """Verify a request."""
        now = datetime.now(UTC)
        try:
            event = verify_webhook(body, headers, self.signing_secrets, now=now)
        except WebhookError as error:
            claimed_id = str(headers.get("webhook-id", ""))
            status = HTTPStatus.UNAUTHORIZED.value
            claimed_type = _claimed_type(body)
            return Arrival(now, claimed_id, claimed_type, None, str(error), status, body, headers)
        return Arrival(now, event.id, event.type, event, "", self.status, body, headers)

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep silent about a client that went away."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(cast(Any, request), client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the connection stays open for the next
    timeout = _PATIENCE
    disable_nagle_algorithm = True  # head and text of an answer are written one by one
    server: Receiver

    def do_POST(self) -> None:
        length = self._length()
        if length is None:
            return
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True  # the client went away
            return
        if not self.server.has_place():
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "This listener has got all it waited for.")
            return
        arrival = self.server.judge(body, self.headers)
        self.server.arrivals.put(arrival)
        try:
            self._answer(arrival.status, arrival.problem)
        finally:
            self.server.arrivals.task_done()

    def _length(self) -> int | None:
        """Say how long the body is; None if the request has been refused."""
        given = self.headers.get("content-length", "")
        if not _A_LENGTH.fullmatch(given) or "transfer-encoding" in self.headers:
            self._refuse(
                HTTPStatus.LENGTH_REQUIRED,
                "A webhook has a header content-length and no transfer-encoding.",
            )
            return None
        length = int(given)
        if length > MAX_BODY_BYTES:
            self._refuse(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"A webhook has less than 20 kB, and more than {MAX_BODY_BYTES} bytes are"
                " refused unread.",
            )
            # Closed with something unread, a client that still sends would see a reset
            # connection and no answer.
            self.rfile.read(min(length, _DRAIN_BYTES))
            return None
        return length

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what http.server itself does not understand."""
        if code == HTTPStatus.NOT_IMPLEMENTED:  # for it, a method without a do_…
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "A webhook is a POST.")
        else:
            self._refuse(code, message or explain or "")

    def _refuse(self, status: int, problem: str) -> None:
        self.close_connection = True
        self._answer(status, problem)

    def _answer(self, status: int, problem: str) -> None:
        text = f"{problem}\n".encode() if problem else b""
        self.send_response(status)
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("allow", "POST")
        if text:
            self.send_header("content-type", "text/plain; charset=utf-8")
        if status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
            self.send_header("content-length", str(len(text)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if text and self.command != "HEAD":
            self.wfile.write(text)

    def version_string(self) -> str:
        return "finlink"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Nothing: what arrives is shown, and in another way."""


def _is_ipv6(host: str) -> bool:
    try:
        return isinstance(ip_address(host), IPv6Address)
    except ValueError:
        return False


def _claimed_type(body: bytes) -> str:
    """Say of what type an event claims to be that nobody vouches for."""
    try:
        return str(json.loads(body)["type"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
