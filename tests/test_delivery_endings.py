"""Endpoints that end while something is being sent to them, or waits for it."""

from dataclasses import dataclass
from typing import Any

import pytest
from grpc import StatusCode
from tests.errors import refused
from tests.gates import until
from tests.receiver import answer, slow

from finlink.config import v1
from finlink_server.storage.webhook_models import Delivery


@dataclass
class End:
    """A way to end an endpoint while the receiver holds an attempt."""

    hook: Any
    account: Any
    operator: Any

    def disabled(self):
        self.hook.update(self.account, disabled=True)

    def deleted(self):
        self.account.webhooks.DeleteEndpoint(endpoint_id=self.hook.id)

    def app_deleted(self):
        self.account.accounts.DeleteApp(app_id=self.hook.app_id, password=self.account.password)

    def suspended(self):
        self.operator.admin.SuspendAccount(account_id=self.account.id)


REASONS = {
    "disabled": "ENDPOINT_DISABLED",
    "deleted": "ENDPOINT_DELETED",
    "app_deleted": "APP_DELETED",
    "suspended": "ACCOUNT_SUSPENDED",
}


@pytest.mark.parametrize("how", REASONS)
@pytest.mark.parametrize(("status", "state"), [(200, "DELIVERED"), (500, "CANCELLED")])
def test_an_attempt_under_way_ends_as_it_comes_out_and_is_the_last(
    hook, account, operator, released, probe, clock, how, status, state
):
    hook.on(slow(released, answer(status)))
    event_id = hook.publish()
    hook.wait_for(1)
    getattr(End(hook, account, operator), how)()
    delivery_id = Delivery.get(Delivery.endpoint == hook.id).id
    assert Delivery.get_by_id(delivery_id).state == "SENDING"

    released.set()
    until(lambda: Delivery.get_by_id(delivery_id).state != "SENDING")

    row = Delivery.get_by_id(delivery_id)
    reason = REASONS[how] if state == "CANCELLED" else None
    assert (row.state, row.cancel_reason) == (state, reason)
    clock.advance(days=1)
    probe.look()
    assert hook.received == [event_id]


def test_deleting_tells_how_many_it_cancelled_and_they_stay_visible(hook, account, clock):
    hook.on(answer(500))
    first = hook.settled(hook.publish())
    second = hook.delivery(hook.publish())  # waits for the failing one

    answered = account.webhooks.DeleteEndpoint(endpoint_id=hook.id)

    assert answered.cancelled_deliveries == 2
    shown = hook.deliveries()
    assert {one.id for one in shown} == {first.id, second.id}
    assert {one.cancel_reason for one in shown} == {v1.CANCEL_REASON_ENDPOINT_DELETED}


def test_the_deliveries_of_a_deleted_app_are_nobodys(hook, account, platform):
    event_id = hook.publish()
    delivery = hook.ended(event_id)

    account.accounts.DeleteApp(app_id=hook.app_id, password=account.password)

    with refused(StatusCode.NOT_FOUND, "DELIVERY_NOT_FOUND"):
        account.webhooks.GetDelivery(delivery_id=delivery.id)
