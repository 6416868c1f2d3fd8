"""The journal's chains: whatever is done to a row behind the service's back is found."""

from __future__ import annotations

import pytest
from tests.vandals import found

from finlink_server.domain.audit_chain import COLUMNS

pytestmark = pytest.mark.either(
    "rows are read alike; tests/test_audit_verification.py runs on both"
)

OTHERS = {"time": 1, "once": "x", "facts": '{"reason":"another"}'}


@pytest.fixture(scope="module")
def operator(scene):
    return scene.operator


@pytest.fixture
def clock(scene):
    return scene.clock


@pytest.mark.parametrize("column", [one for one in COLUMNS if one != "account_id"])
def test_an_altered_column_is_found_in_its_row(vandal, operator, chain, column):
    row = vandal.rows(chain)[3]
    new = OTHERS.get(column, f"{row[column]}x")

    vandal.set(row, **{column: new})

    event_id = new if column == "id" else row["id"]
    assert found(operator, chain) == ("ALTERED", event_id)


@pytest.mark.parametrize("column", ["chain_number", "chain_mac"])
def test_an_altered_place_in_the_chain_is_found_in_its_row(vandal, operator, chain, column):
    row = vandal.rows(chain)[3]

    vandal.set(row, **{column: 2 if column == "chain_number" else bytes(32)})

    assert found(operator, chain) == ("ALTERED", row["id"])


@pytest.mark.sqlite("its columns take anything")
@pytest.mark.parametrize("column", [*COLUMNS, "count", "chain_number", "chain_mac", "count_mac"])
def test_a_value_of_no_sense_is_found_too(vandal, operator, chain, column):
    for value in (b"\xff", 1.5, "\x1b[2J"):
        vandal.set(vandal.rows(chain)[3], **{column: value})

        assert found(operator, chain)[0] != "UNSPECIFIED"
        if column == "account_id":
            break


def test_a_row_given_to_another_account_is_missing_here_and_too_many_there(
    vandal, operator, chain, other_chain
):
    rows = vandal.rows(chain)

    vandal.set(rows[3], account_id=other_chain)

    assert found(operator, chain) == ("REMOVED", rows[4]["id"])
    assert found(operator, other_chain)[0] in {"ADDED", "ALTERED"}


def test_the_first_row_of_one_account_is_not_that_of_another(vandal, operator, chain, other_chain):
    mine, theirs = vandal.rows(chain)[0], vandal.rows(other_chain)[0]
    vandal.delete(theirs)

    vandal.set(mine, account_id=other_chain, seq=theirs["seq"])

    assert found(operator, other_chain) == ("ALTERED", mine["id"])


# ----------------------------------------------------------------- rows that go, come and move


def remove_one(vandal, rows):
    vandal.delete(rows[3])
    return "REMOVED", rows[4]


def remove_the_first(vandal, rows):
    vandal.delete(rows[0])
    return "REMOVED", rows[1]


def remove_several(vandal, rows):
    vandal.delete(*rows[2:5])
    return "REMOVED", rows[5]


def cut_off(vandal, rows):
    vandal.delete(*rows[-2:])
    return "CUT_OFF", rows[-3]


def swap_places(vandal, rows):
    vandal.swap(rows[2], rows[5], ["seq"])
    return "REORDERED", rows[5]


def swap_neighbours(vandal, rows):
    vandal.swap(rows[2], rows[3], ["seq"])
    return "REORDERED", rows[3]


def swap_all_that_they_say(vandal, rows):
    names = [*COLUMNS, "chain_number", "chain_mac", "count", "count_mac"]
    vandal.swap(rows[2], rows[3], [name for name in names if name != "once"])
    return "REORDERED", rows[3]


def swap_what_they_tell(vandal, rows):
    vandal.swap(rows[2], rows[3], ["type", "facts", "target_id"])
    return "ALTERED", rows[2]


def add_at_the_end(vandal, rows):
    last = rows[-1]
    added = {"id": "evt_added", "chain_number": last["chain_number"] + 1}
    vandal.insert(last, seq=vandal.next_seq(), **added)
    return "ADDED", added


def add_as_if_there_were_no_chain(vandal, rows):
    added = {"id": "evt_added", "chain_number": None, "chain_mac": None, "count_mac": None}
    vandal.insert(rows[-1], seq=vandal.next_seq(), **added)
    return "ADDED", added


def add_in_the_middle(vandal, rows):
    vandal.set(rows[-1], seq=vandal.next_seq())  # which makes room for it
    vandal.insert(rows[-1], id="evt_added")
    return "ADDED", {"id": "evt_added"}


def add_before_all(vandal, rows):
    none = dict.fromkeys(["chain_number", "chain_mac", "count_mac"])
    vandal.insert(rows[-1], seq=0, id="evt_added", **none)
    return "ADDED", {"id": "evt_added"}


def add_where_no_number_is_less(vandal, rows):
    vandal.insert(rows[2], seq=-(2**63), id="evt_added")
    return "ADDED", {"id": "evt_added"}


def repeat_a_row(vandal, rows):
    vandal.insert(rows[2], seq=vandal.next_seq(), id="evt_added")
    return "ADDED", {"id": "evt_added"}


@pytest.mark.parametrize(
    "trick",
    [
        remove_one,
        remove_the_first,
        remove_several,
        cut_off,
        swap_places,
        swap_neighbours,
        swap_all_that_they_say,
        swap_what_they_tell,
        add_at_the_end,
        add_as_if_there_were_no_chain,
        add_in_the_middle,
        add_before_all,
        add_where_no_number_is_less,
        repeat_a_row,
    ],
)
def test_what_was_done_is_told_with_the_first_row_that_it_touches(vandal, operator, chain, trick):
    kind, row = trick(vandal, vandal.rows(chain))

    assert found(operator, chain) == (kind, row["id"])


def test_a_row_copied_into_another_chain_is_none_of_it(vandal, operator, chain, other_chain):
    row = vandal.rows(chain)[-1]

    vandal.insert(row, seq=vandal.next_seq(), id="evt_copied", account_id=other_chain)

    assert found(operator, chain)[0] == "UNSPECIFIED"
    assert found(operator, other_chain) == ("ADDED", "evt_copied")


def test_what_else_is_wrong_is_counted(vandal, operator, chain):
    rows = vandal.rows(chain)

    for row in (rows[1], rows[4], rows[6]):
        vandal.set(row, target_id="somebody")

    answer = operator.accounts.VerifyAuditLog(account_id=chain)
    assert (answer.first_problem.event_id, answer.more_problems) == (rows[1]["id"], 2)
    assert answer.first_problem.event_type == rows[1]["type"]
    assert answer.first_problem.event_time.ToMicroseconds() == rows[1]["time"]
    assert answer.first_problem.description == "it does not say what was written"
