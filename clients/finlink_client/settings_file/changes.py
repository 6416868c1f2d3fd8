"""Makes the changes of a plan, each only if what it changes is still as the plan saw it.

First the settings, all in one; then endpoints one by one. What was made stays made when a
later one fails: planning and applying the file again goes on from there.
"""

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from grpc import StatusCode

from finlink.config import v1
from finlink_client.client import Finlink
from finlink_client.errors import Aborted, AlreadyExists, FinlinkError, NotFound
from finlink_client.messages import build
from finlink_client.settings_file import fields
from finlink_client.settings_file.plans import Action, EndpointChange, Plan

_PLAN_AGAIN: Final = "Plan again to see what is there now."
_NAMESPACE: Final = uuid.UUID("0d1f0f5a-5f0e-4c3e-9c55-6c1d0b8f4a43")


@dataclass(frozen=True)
class Done:
    """One change that was made."""

    what: str  # a sentence
    version: int = 0  # of the settings
    action: Action | None = None  # with an endpoint
    endpoint_id: str = ""
    signing_secret: str = field(default="", repr=False)  # of a new endpoint

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        if self.action is None:
            return {"settings_version": self.version}
        told = {"action": self.action.value, "endpoint_id": self.endpoint_id}
        return told | ({"signing_secret": self.signing_secret} if self.signing_secret else {})


def make(client: Finlink, plan: Plan, comment: str = "") -> Iterator[Done]:
    """Make the changes, and tell each as it is made. Raises FinlinkError at the first failure."""
    if plan.settings:
        version = update_settings(client, plan, comment=comment)
        yield Done(f"Wrote the settings: version {version}.", version=version)
    for change in _in_order(plan):
        try:
            if change.action is Action.CREATE:
                yield from _create(client, plan, change)
            elif change.action is Action.UPDATE:
                yield _update(client, change)
            else:
                yield _delete(client, change)
        except FinlinkError as failure:
            failure.message = f"{change.path or change.id}: {failure.message}"
            raise


def update_settings(
    client: Finlink, plan: Plan, *, comment: str = "", validate_only: bool = False
) -> int:
    """Write the paths that change and no others; give the new version."""
    values = fields.settings_of({one.path: one.new for one in plan.settings})
    settings = build(v1.Settings, {**values, "app_id": plan.app_id, "etag": plan.etag})
    try:
        answer = client.settings.update(
            settings=settings,
            update_mask=[one.path for one in plan.settings],
            comment=comment,
            validate_only=validate_only,
        )
    except Aborted as refusal:
        raise _told(
            refusal,
            f"Somebody changed the settings after version {plan.version}, which the plan is for:"
            " nothing was written.",
        ) from refusal
    return answer.settings.version


def _in_order(plan: Plan) -> list[EndpointChange]:
    """Delete last, so that no event is missed, unless what is new would be too many."""
    created = plan.endpoints_to(Action.CREATE)
    deleted = plan.endpoints_to(Action.DELETE)
    if len(plan.endpoint_ids) + len(created) > fields.MOST_ENDPOINTS:
        return [*plan.endpoints_to(Action.UPDATE), *deleted, *created]
    return [*plan.endpoints_to(Action.UPDATE), *created, *deleted]


def _create(client: Finlink, plan: Plan, change: EndpointChange) -> Iterator[Done]:
    """Make an endpoint once, however many apply the same plan at the same time."""
    entry = change.entry
    for number in itertools.count():
        text = repr(
            [plan.app_id, entry["uri"], entry["event_types"], entry["display_name"], number]
        )
        try:
            made = client.endpoints.create(
                plan.app_id,
                uri=entry["uri"],
                event_types=entry["event_types"],
                display_name=entry["display_name"],
                request_id=str(uuid.uuid5(_NAMESPACE, text)),
            )
        except AlreadyExists as refusal:
            endpoint_id = refusal.facts["endpoint_id"]
            if endpoint_id in plan.endpoint_ids or not _is_there(client, endpoint_id):
                continue  # one of earlier today, since changed or deleted
            yield Done(
                f"{endpoint_id} was made for {entry['uri']} meanwhile, by another apply or by a"
                " call whose answer was lost. If nobody has its signing secret, make a new one:"
                f" finlink endpoints rotate-signing-secret {endpoint_id}",
                action=Action.KEEP,
                endpoint_id=endpoint_id,
            )
            return
        endpoint = made.endpoint
        yield Done(
            f"Created {endpoint.id} for {endpoint.uri}.",
            action=Action.CREATE,
            endpoint_id=endpoint.id,
            signing_secret=made.signing_secret,
        )
        if entry.get("disabled"):
            client.endpoints.update(
                endpoint={"id": endpoint.id, "disabled": True}, update_mask=["disabled"]
            )
            yield Done(f"Disabled {endpoint.id}.", action=Action.UPDATE, endpoint_id=endpoint.id)
        return


def _is_there(client: Finlink, endpoint_id: str) -> bool:
    try:
        client.endpoints.get(endpoint_id)
    except NotFound:
        return False
    return True


def _update(client: Finlink, change: EndpointChange) -> Done:
    values = {one.path: one.new for one in change.changes}
    endpoint = build(v1.Endpoint, {**values, "id": change.id, "etag": change.etag})
    try:
        client.endpoints.update(endpoint=endpoint, update_mask=list(values))
    except Aborted as refusal:
        raise _told(refusal, f"Somebody changed {change.id} since the plan.") from refusal
    told = f"Changed {change.id}: {', '.join(values)}."
    return Done(told, action=Action.UPDATE, endpoint_id=change.id)


def _delete(client: Finlink, change: EndpointChange) -> Done:
    try:
        if client.endpoints.get(change.id).etag != change.etag:
            told = f"Somebody changed {change.id} since the plan. {_PLAN_AGAIN}"
            raise Aborted(StatusCode.ABORTED, told, "ETAG_MISMATCH")
        client.endpoints.delete(change.id)
    except NotFound:
        told = f"{change.id} was deleted meanwhile."
    else:
        told = f"Deleted {change.id}."
    return Done(told, action=Action.DELETE, endpoint_id=change.id)


def _told(refusal: Aborted, sentence: str) -> Aborted:
    """Say of an etag that does not match what that means here."""
    if refusal.reason == "ETAG_MISMATCH":
        refusal.message = f"{sentence} {_PLAN_AGAIN}"
    return refusal
