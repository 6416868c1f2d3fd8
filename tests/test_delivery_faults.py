"""Faults of the server itself: none of them ends the sending for good."""

import peewee
import pytest
from tests.gates import until

from finlink.config import v1
from finlink_server import dispatcher
from finlink_server.domain import delivery_queue, housekeeping

DELIVERED = v1.DELIVERY_STATE_DELIVERED


class FullDisk:
    """A log that cannot be written."""

    def __init__(self):
        self.refused = 0

    def __getattr__(self, level):
        def refuse(*_, **__):
            self.refused += 1
            raise OSError("No space left on device")

        return refuse


@pytest.fixture
def full_disk(monkeypatch):
    log = FullDisk()
    monkeypatch.setattr(dispatcher, "_AFTER_A_FAULT", 0.01)
    monkeypatch.setattr(dispatcher, "_log", log)
    return log


def test_a_full_disk_that_refuses_the_log_too_ends_nothing(hook, full_disk, monkeypatch):
    def refuse(*_, **__):
        raise peewee.OperationalError("database or disk is full")

    with monkeypatch.context() as while_full:
        while_full.setattr(delivery_queue, "step", refuse)
        event_id = hook.publish()
        until(lambda: full_disk.refused > 1)

    assert hook.ended(event_id).state == DELIVERED


def test_what_the_log_refuses_is_settled_all_the_same(hook, full_disk, server):
    event_id = hook.publish()

    assert hook.ended(event_id).state == DELIVERED
    assert full_disk.refused
    until(lambda: server.app.dispatcher._at_work == 0)


def test_housekeeping_that_fails_holds_up_no_delivery(hook, clock, monkeypatch):
    failed = []

    def fail(_):
        failed.append(True)
        raise ZeroDivisionError

    monkeypatch.setattr(housekeeping, "run", fail)
    clock.advance(seconds=61)

    assert hook.ended(hook.publish()).state == DELIVERED
    until(lambda: bool(failed))
