"""What the receiver of webhooks got, held against what the model says was delivered (rule 9)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from standardwebhooks import Webhook
from tests.model import reference_deliveries as deliveries
from tests.model import reference_events as events
from tests.model.reference import SECOND, Record, World, at
from tests.receiver import Request


def problems(world: World, requests: Iterable[Request]) -> Iterator[str]:
    """What did not arrive as often as it was delivered, and what arrived otherwise than it must."""
    known = [row for row in world.journal if "public_id" in row]
    rows = {(row["app_id"], row["public_id"]): row for row in known}
    arrived: Counter[tuple[str, str]] = Counter()  # by endpoint and event
    for request in requests:
        body = json.loads(request.body)
        if body["app_id"] not in world.apps:
            continue  # what waited when the history before this one ended
        row = rows.get((body["app_id"], request.headers["webhook-id"]))
        endpoint = _signed_by(world, request, body["app_id"])
        if row is None or endpoint is None:
            yield f"to {request.path} came, of no event or with nobody's signature: {body}"
            continue
        try:
            events.check_body(row, body)
        except AssertionError as error:
            yield f"to {request.path} came {error}"
        if request.path != urlsplit(endpoint["uri"]).path:
            yield f"what is for {endpoint['uri']} came to {request.path}"
        arrived[endpoint["id"], row["public_id"]] += 1
    told = Counter(
        (one["endpoint_id"], one["row"].get("public_id", "an unknown id"))
        for one in world.deliveries
        if deliveries.state(world, one) == "DELIVERED"
    )
    for (endpoint_id, event_id), times in told.items():
        if arrived[endpoint_id, event_id] < times:
            came = arrived[endpoint_id, event_id]
            yield f"{event_id} was delivered {times} times to {endpoint_id}, and came {came} times"
    wanted = {(one["endpoint_id"], one["row"].get("public_id")) for one in world.deliveries}
    for endpoint_id, event_id in set(arrived) - wanted:
        yield f"{event_id} came to {endpoint_id}, which is not to get it"


def _signed_by(world: World, request: Request, app_id: str) -> Record | None:
    """The endpoint whose secrets made the signatures: all of that second, and no others.

    The library makes each anew; to verify, it would look at the time of day of this machine.
    """
    event_id, second = request.headers["webhook-id"], int(request.headers["webhook-timestamp"])
    when, body = datetime.fromtimestamp(second, UTC), request.body.decode()
    sent = set(request.headers["webhook-signature"].split())
    for endpoint in [one for one in world.endpoints.values() if one["app_id"] == app_id]:
        signed = {
            Webhook(one["text"]).sign(event_id, when, body): one for one in endpoint["secrets"]
        }
        if sent & set(signed):
            may = {text for text, one in signed.items() if _signs(one, second, 0)}
            must = {text for text, one in signed.items() if _signs(one, second, 1)}
            return endpoint if must <= sent <= may else None
    return None


def _signs(secret: Record, second: int, margin: int) -> bool:
    """Whether a secret signs in some second, when it is made or ends that many away from it."""
    made, end = at(secret["create_time"]) // SECOND, secret["expire_time"]
    return made + margin <= second and (end is None or at(end) // SECOND - margin >= second)
