"""Waiting for what the server does in its own time: giving events to those who want them."""

from __future__ import annotations

import time

from tests.gates import until
from tests.model import receipts
from tests.model import reference_deliveries as deliveries
from tests.model.reference import Record
from tests.model.row_types import EVENT_TYPES
from tests.model.stage import Acts

from finlink.config import v1

_PATIENCE = 20  # seconds; a delivery takes milliseconds, unless the machine is busy
_MOST_DAYS = 25  # of a history: events are kept for 30
_MOST_MOVES = 70  # of the clock: see `stage`


class Waits(Acts):
    """Acts that wait until the order of what happens is certain."""

    def wait_for(self, seconds: int) -> bool:
        """Let time pass, with nothing on its way before or after; whether it could."""
        days = self.days + seconds / 86_400
        if seconds and (days >= _MOST_DAYS or self.moves >= _MOST_MOVES):
            self.talk.history.append(f"time: {seconds} seconds are too many, so none pass")
            return False
        if seconds:
            self.settle()
            self.go_on(seconds)
            self.talk.history.append(f"time: {seconds} seconds pass")
            self.settle()
        return True

    def settle(self) -> None:
        """Wait until what is due has been delivered: then nothing depends on when that is."""
        self.world.now = self.clock()
        until(self.stage.is_idle)
        changed = [one for one in self.deliveries if one.get("seen") != self.state_of(one)]
        for app_id in {self.world.endpoints[one["endpoint_id"]]["app_id"] for one in changed}:
            if not self.world.apps[app_id].get("delete_time"):
                self.wait_until_settled(app_id)
        for one in changed:
            one["seen"] = self.state_of(one)

    def wait_until_settled(self, app_id: str) -> None:
        end = time.monotonic() + _PATIENCE
        while not self.is_settled(app_id):
            if time.monotonic() > end:
                self.see_deliveries()
                self.talk.disagree("deliveries are under way for ever")
            time.sleep(0.005)

    def state_of(self, delivery: Record) -> str:
        return deliveries.state(self.world, delivery)

    @property
    def deliveries(self) -> list[Record]:
        return self.world.deliveries

    def is_settled(self, app_id: str) -> bool:
        """Whether there are as many deliveries as there must be, and none is under way."""
        self.world.now = self.clock()
        of_app = [
            one
            for one in self.deliveries
            if self.world.endpoints[one["endpoint_id"]]["app_id"] == app_id
        ]
        count = sum(self.state_of(one) == "PENDING" for one in of_app)
        told = self.stage.operator.webhooks.ListDeliveries(app_id=app_id, page_size=500).deliveries
        under_way = {v1.DELIVERY_STATE_PENDING, v1.DELIVERY_STATE_SENDING}
        waiting = sum(one.state in under_way for one in told)
        return len(told) >= len(of_app) and waiting <= count

    def see_receipts(self) -> None:
        """Each event has reached each endpoint that wanted it, or says why not (rule 9)."""
        lines = list(receipts.problems(self.world, list(self.stage.inbox)[self.begun_at :]))
        if lines:
            self.talk.disagree("\n".join(lines))

    def see_deliveries(self) -> None:
        """Every delivery stands where the model says, as the service tells it."""
        for app_id in {self.world.endpoints[d["endpoint_id"]]["app_id"] for d in self.deliveries}:
            if not self.world.apps[app_id].get("delete_time"):
                self.root("ListEvents", app_id=app_id, types=EVENT_TYPES, page_size=500)
                self.root("ListDeliveries", app_id=app_id, page_size=500)
        for one in self.deliveries[-1:]:
            if not self.world.apps[one["row"]["app_id"]].get("delete_time"):
                of = {"endpoint_id": one["endpoint_id"], "page_size": 500}
                self.root("ListDeliveries", state=v1.DELIVERY_STATE_CANCELLED, **of)
                self.root("ListDeliveries", event_id=one["row"]["public_id"], **of)
            self.root("GetDelivery", delivery_id=one.get("id", "dlv_" + "0" * 26))
