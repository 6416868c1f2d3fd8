"""Webhooks at the receiver's end: is this one from Finlink, and what does it say?

Standard Webhooks 1.0.0, https://www.standardwebhooks.com.
"""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from standardwebhooks import Webhook

TOLERANCE: Final = timedelta(minutes=5)  # what the libraries of Standard Webhooks allow

_HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")
_PREFIX: Final = "whsec_"
_KEY_BYTES: Final = range(24, 65)  # Standard Webhooks 1.0.0; Finlink's have 32
_UNIX_SECONDS: Final = re.compile(r"[0-9]{1,11}")


class WebhookError(ValueError):
    """A request that is no webhook of Finlink's, or cannot be told to be one.

    As text: a sentence that says what is wrong and what to do. It never holds
    a signing secret, and nothing of the request.
    """


class Headers(Protocol):
    """Headers as any framework has them: a dict, http.server's message, and so on."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Give names, in any case, and values."""


@dataclass(frozen=True)
class WebhookEvent:
    """What a verified webhook tells.

    `id` is the same in every attempt and redelivery: do a thing once by it.
    `time` is when it happened, `attempt_time` when this attempt was signed, to
    the second.
    """

    id: str
    type: str
    time: datetime
    app_id: str
    data: dict[str, Any]
    attempt_time: datetime


def verify_webhook(
    body: bytes | str,
    headers: Headers,
    signing_secret: str | Sequence[str],
    *,
    tolerance: timedelta = TOLERANCE,
    now: datetime | None = None,
) -> WebhookEvent:
    """Make sure that a request is from Finlink, whole and recent, and read it.

    `body` is what was received, byte for byte. `signing_secret` is the
    endpoint's; with several, as during a rotation, any of them may have signed.
    The attempt may be off by `tolerance` from `now`, by default the clock of
    this machine.

    Raises WebhookError if anything is wrong. Answer such a request with 401.
    """
    signers = read_signing_secrets(signing_secret)
    text = _text(body)
    event_id, seconds, signatures = _headers(headers)
    attempt_time = _attempt_time(seconds)
    # Not by Webhook.verify: its clock and its tolerance are fixed, and one signature that it
    # cannot read hides a good one beside it.
    expected = [signer.sign(event_id, attempt_time, text) for signer in signers]
    if not any(_same(one, given) for one in expected for given in signatures.split()):
        raise WebhookError(
            "The signature does not match. Give the raw body exactly as it was received, not JSON"
            " that was parsed and written again, and the current signing secret of this endpoint."
        )
    _check_time(attempt_time, now or datetime.now(UTC), tolerance)
    return _event(text, event_id, attempt_time)


def read_signing_secrets(signing_secret: str | Sequence[str]) -> list[Webhook]:
    """Make signers of signing secrets; WebhookError if one is malformed."""
    secrets = [signing_secret] if isinstance(signing_secret, str) else signing_secret
    if not secrets:
        raise WebhookError("There is no signing secret to verify with: give the endpoint's.")
    return [Webhook(_key(secret.strip())) for secret in secrets]


def _key(secret: str) -> bytes:
    # The library would skip characters that are no base64, and sign with what is left.
    if not secret.startswith(_PREFIX):
        raise WebhookError(
            f"The signing secret is malformed: it must begin with {_PREFIX}. CreateEndpoint and"
            " RotateSigningSecret show it once."
        )
    encoded = secret.removeprefix(_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) not in _KEY_BYTES:
        raise WebhookError(
            f"The signing secret is malformed: after {_PREFIX} must stand"
            f" {_KEY_BYTES.start} to {_KEY_BYTES.stop - 1} bytes in base64. Was it copied whole?"
        )
    return key


def _text(body: bytes | str) -> str:
    """Give the body as text that is the same bytes again when encoded."""
    if not isinstance(body, bytes | str):
        raise TypeError(f"The body must be bytes or str as received, not {type(body).__name__}.")
    try:
        return body.encode().decode() if isinstance(body, str) else body.decode()
    except UnicodeError:
        raise WebhookError(
            "The body is not UTF-8, which every webhook is. Give the raw body exactly as it was"
            " received, not compressed and not decoded."
        ) from None


def _headers(headers: Headers) -> list[str]:
    given: dict[str, str] = {}
    for name, value in headers.items():
        given.setdefault(name.lower(), value)
    missing = [name for name in _HEADERS if not given.get(name)]
    if missing:
        raise WebhookError(
            f"Missing from the request: {', '.join(missing)}. Every webhook carries"
            f" {', '.join(_HEADERS)}: give all headers, and let no proxy remove any."
        )
    return [given[name] for name in _HEADERS]


def _attempt_time(seconds: str) -> datetime:
    if not _UNIX_SECONDS.fullmatch(seconds):
        raise WebhookError(
            "The header webhook-timestamp is not a number of Unix seconds. Give it as it was"
            " received, and let no proxy change it."
        )
    return datetime.fromtimestamp(int(seconds), UTC)


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))


def _check_time(attempt_time: datetime, now: datetime, tolerance: timedelta) -> None:
    age = now - attempt_time
    if age > tolerance:
        raise WebhookError(
            f"The webhook is too old: signed {_words(age)} ago, and {_words(tolerance)} may pass."
            " Check this machine's clock. If it is right, the request waited too long, or somebody"
            " sent an old one again."
        )
    if -age > tolerance:
        raise WebhookError(
            f"The webhook is too new: signed {_words(-age)} ahead of this machine's clock, and"
            f" {_words(tolerance)} are allowed. Check the clock."
        )


def _words(span: timedelta) -> str:
    """Say how long, without what is less than a second."""
    return str(span - timedelta(microseconds=span.microseconds))


def _event(text: str, event_id: str, attempt_time: datetime) -> WebhookEvent:
    try:
        told = json.loads(text)
        event = WebhookEvent(
            id=told["id"],
            type=told["type"],
            time=datetime.fromisoformat(told["timestamp"]),
            app_id=told["app_id"],
            data=told["data"],
            attempt_time=attempt_time,
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        event = None
    if event is None or not _is_whole(event):
        raise WebhookError(
            "The signature is right, but the body is not an event: a JSON object with id, type,"
            " timestamp, app_id and data. Is the signing secret used by something else too?"
        )
    if event.id != event_id:
        raise WebhookError(
            "The signature is right, but the header webhook-id and the body's id disagree. Trust"
            " neither: Finlink sends the same in both. Is the signing secret used by something"
            " else too?"
        )
    return event


def _is_whole(event: WebhookEvent) -> bool:
    texts: list[object] = [event.id, event.type, event.app_id]
    data: object = event.data
    return (
        all(isinstance(one, str) for one in texts)
        and isinstance(data, dict)
        and event.time.tzinfo is not None
    )
