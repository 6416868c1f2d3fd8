"""Why a webhook got no answer, in words for the customer whose receiver it is."""

import os
import ssl
from collections.abc import Callable, Iterator
from typing import Any, Final

import aiohttp
import structlog
from aiohttp.http_exceptions import LineTooLong

from finlink_server.resolver import AddressRefused
from finlink_server.webhook_connections import TooManyInterim

_log = structlog.get_logger("webhooks")

_CLOSED: Final = "the connection was closed before an answer came"


class NotHttp(Exception):  # noqa: N818 - it reads as what happened
    """What was answered is not HTTP, though the library reads it."""


def words(error: BaseException) -> str:
    """Say what an attempt failed with: nothing of the request, nothing of Python."""
    for kind, say in _WORDS:
        if isinstance(error, kind):
            return say(error)
    _log.error("defect", exc_info=error)
    return "an error of this server"


def _certificate(error: Any) -> str:  # noqa: ANN401 - of the kinds below, each with its own fields
    verdict = error.certificate_error
    reason = getattr(verdict, "verify_message", "") or "not valid"
    return f"certificate verify failed: {reason.rstrip('.')}"


def _tls(error: Any) -> str:  # noqa: ANN401
    reasons = (getattr(one, "reason", None) for one in _chain(error))
    reason = next(filter(None, reasons), "no reason given")
    return f"TLS failed: {reason.replace('_', ' ').lower()}"


def _system(error: Any) -> str:  # noqa: ANN401
    return os.strerror(error.errno).lower() if error.errno else _CLOSED


def _not_http(error: BaseException) -> str:
    if any(isinstance(one, LineTooLong) for one in _chain(error)):
        return "the header of the answer has too long a line"
    if any("Too many headers" in str(one) for one in _chain(error)):
        return "the header of the answer has too many lines"
    return "the answer is not HTTP"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


# The first that fits says it: the library's kinds are each other's subclasses.
_WORDS: Final[tuple[tuple[type[BaseException], Callable[[Any], str]], ...]] = (
    (AddressRefused, str),
    (TooManyInterim, lambda _: "the answer is nothing but interim ones (1xx)"),
    (aiohttp.ClientConnectorCertificateError, _certificate),
    (aiohttp.ClientConnectorSSLError, _tls),
    (ssl.SSLError, _tls),
    (aiohttp.InvalidURL, lambda _: "the URI cannot be used"),
    (aiohttp.ClientResponseError, _not_http),
    (NotHttp, _not_http),
    (aiohttp.ServerDisconnectedError, lambda _: _CLOSED),
    (OSError, _system),
    (aiohttp.ClientConnectionError, lambda _: _CLOSED),
)
