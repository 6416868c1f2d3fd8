"""Webhooks as the service sends them, signed by the library of Standard Webhooks."""

from __future__ import annotations

import base64
import http.client
import json
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
OTHER_SECRET = f"whsec_{base64.b64encode(bytes(range(32, 64))).decode()}"


def event(event_id: str = "evt_1", **data: Any) -> bytes:
    """Give the body of an event."""
    return json.dumps(
        {
            "type": "secret.revoked",
            "id": event_id,
            "timestamp": "2026-11-22T13:00:00.123456Z",
            "app_id": "app_1",
            "data": data or {"secret_id": "sec_1"},
        }
    ).encode()


def headers(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """Sign a body, as of now."""
    event_id, now = json.loads(body)["id"], datetime.now(UTC)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, now, body.decode()),
    }


def post(port: int, body: bytes, sent: dict[str, str] | None = None) -> tuple[int, str]:
    """Send it; give the status and the text of the answer."""
    return request(port, "POST", body, headers(body) if sent is None else sent)


def request(
    port: int, method: str, body: bytes | None, sent: dict[str, str], **options: Any
) -> tuple[int, str]:
    """Make an HTTP request of any kind."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, "/", body, sent, **options)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()
