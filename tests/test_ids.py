"""Ids: their form, and their order."""

from __future__ import annotations

import pytest
from typeid import TypeID

from finlink_server import ids

_NOW = 1_795_357_799_018_685  # microseconds since 1970


@pytest.mark.parametrize("now", [0, 999, _NOW, 2**48 * 1000 - 1])
def test_an_id_is_what_the_specification_makes_of_its_uuid(now):
    made = ids.new_id("app", now)

    read = TypeID.from_string(made)
    assert str(read) == made
    assert ids.pattern("app").fullmatch(made)
    assert (read.uuid.version, read.uuid.timestamp) == (7, now // 1000)


def test_ids_are_ordered_by_the_time_at_which_they_were_made():
    made = [ids.new_id("app", _NOW + step) for step in range(2000)]

    assert made == sorted(made)


def test_ids_of_one_time_differ():
    made = {ids.new_id("app", _NOW) for _ in range(10_000)}

    assert len(made) == 10_000


def test_no_id_of_a_time_comes_before_the_earliest():
    times = [_NOW - _NOW % 1000 + step for step in (-1, 0, 1)]

    before, *since = [ids.new_id("app", time) for time in times]

    earliest = ids.earliest("app", times[1])
    assert before < earliest
    assert all(earliest <= one for one in since)
    assert TypeID.from_string(earliest).uuid.int == (times[1] // 1000) << 80
