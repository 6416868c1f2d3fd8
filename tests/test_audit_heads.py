"""Where the journal's chains end, and how often things happened: nobody alters it unseen."""

from __future__ import annotations

import pytest
from tests.vandals import found, kind_of, refuse_sign_in

pytestmark = pytest.mark.either(
    "rows are read alike; tests/test_audit_verification.py runs on both"
)


@pytest.fixture(scope="module")
def operator(scene):
    return scene.operator


@pytest.fixture
def clock(scene):
    return scene.clock


def test_a_row_before_all_others_hides_no_count_that_was_put_back(vandal, operator, chain, account):
    row = counted(vandal, chain)
    refuse_sign_in(account)
    vandal.set(row, count=2, count_mac=row["count_mac"])

    vandal.insert(row, seq=-7, id="evt_added", count=1)

    answer = operator.accounts.VerifyAuditLog(account_id=chain)
    assert (kind_of(answer), answer.first_problem.event_id) == ("ADDED", "evt_added")
    assert answer.more_problems >= 1


@pytest.mark.parametrize("count", [2**63 - 1, -5])
def test_a_count_out_of_bounds_keeps_nobody_from_refusing(vandal, operator, chain, account, count):
    row = counted(vandal, chain)
    vandal.set(row, count=count)

    refuse_sign_in(account)
    refuse_sign_in(account)

    assert found(operator, chain) == ("COUNT_ALTERED", row["id"])


# ----------------------------------------------------------------------------------- counts


def counted(vandal, chain):
    [row] = [row for row in vandal.rows(chain) if row["type"] == "sign_in.refused"]
    assert row["count"] == 2
    return row


@pytest.mark.parametrize("count", [1, 3])
def test_an_altered_count_is_found(vandal, operator, chain, count):
    row = counted(vandal, chain)

    vandal.set(row, count=count)

    assert found(operator, chain) == ("COUNT_ALTERED", row["id"])


def test_a_count_where_nothing_is_counted_is_found(vandal, operator, chain):
    row = vandal.rows(chain)[2]

    vandal.set(row, count=2)

    assert found(operator, chain) == ("COUNT_ALTERED", row["id"])


def test_an_altered_count_that_is_counted_up_again_stays_altered(vandal, operator, chain, account):
    row = counted(vandal, chain)
    vandal.set(row, count=1)

    refuse_sign_in(account)

    assert found(operator, chain) == ("COUNT_ALTERED", row["id"])


def test_an_older_count_with_the_mac_that_it_had_is_missing_in_the_sum(
    vandal, operator, chain, account
):
    row = counted(vandal, chain)
    refuse_sign_in(account)

    vandal.set(row, count=2, count_mac=row["count_mac"])

    assert found(operator, chain) == ("COUNT_ALTERED", "")


# ------------------------------------------------------------------------------------ heads


def test_a_head_that_was_altered_is_found(vandal, operator, chain, other_chain):
    vandal.set_head(chain, vandal.heads()[other_chain])

    assert found(operator, chain) == ("HEAD_ALTERED", vandal.rows(chain)[-1]["id"])


def test_a_head_that_was_removed_is_found_here_and_in_the_number_of_chains(vandal, operator, chain):
    vandal.delete_head(chain)

    assert found(operator, chain) == ("HEAD_MISSING", vandal.rows(chain)[-1]["id"])
    assert found(operator, "") == ("CHAIN_REMOVED", "")


def test_an_account_without_a_trace_is_found_in_the_number_of_chains(vandal, operator, chain):
    vandal.delete(*vandal.rows(chain))
    vandal.delete_head(chain)

    assert found(operator, chain) == ("HEAD_MISSING", "")
    assert found(operator, "") == ("CHAIN_REMOVED", "")


def test_a_head_that_was_put_back_to_an_older_one_is_found(vandal, operator, chain, secret):
    older = vandal.heads()[chain]
    secret.start()

    vandal.set_head(chain, older)

    assert found(operator, chain) == ("HEAD_ALTERED", vandal.rows(chain)[-1]["id"])


def test_a_chain_that_was_removed_and_begun_anew_lacks_its_beginning(
    vandal, operator, chain, secret
):
    vandal.delete(*vandal.rows(chain))
    vandal.delete_head(chain)

    secret.start()

    [row] = vandal.rows(chain)
    assert (row["chain_number"], found(operator, chain)) == (1, ("REMOVED", row["id"]))


@pytest.mark.parametrize("trick", ["older", "broken", "removed"])
def test_what_is_written_under_a_false_head_does_not_heal_the_chain(
    vandal, operator, chain, other_chain, secret, trick
):
    older = vandal.heads()[chain]
    secret.start()
    if trick == "removed":
        vandal.delete_head(chain)
    else:
        vandal.set_head(chain, older if trick == "older" else vandal.heads()[other_chain])
    before = vandal.rows(chain)

    secret.start()
    secret.start()

    assert found(operator, chain) == ("HEAD_ALTERED", vandal.rows(chain)[len(before)]["id"])


def test_rows_of_two_histories_do_not_go_together(vandal, operator, chain, secret):
    head = vandal.heads()[chain]
    secret.start()
    secret.start()
    vandal.set_head(chain, head)
    secret.start()
    secret.start()
    _, second, third, fourth = vandal.rows(chain)[-4:]

    vandal.delete(second, third)

    assert found(operator, chain) == ("ALTERED", fourth["id"])


def test_rows_and_head_put_back_together_are_found_by_a_head_that_was_kept(
    vandal, account, operator, chain, secret
):
    rows, head = vandal.rows(chain), vandal.heads()[chain]
    secret.start()
    kept = account.accounts.VerifyAuditLog()
    vandal.delete(*(row for row in vandal.rows(chain) if row["seq"] > rows[-1]["seq"]))
    vandal.set_head(chain, head)
    known = {"known_row_count": kept.row_count, "known_head": kept.head}

    shorter = account.accounts.VerifyAuditLog(**known)
    secret.start()
    secret.start()
    longer = account.accounts.VerifyAuditLog(**known)

    assert found(operator, chain)[0] == "UNSPECIFIED"
    assert kind_of(shorter) == kind_of(longer) == "PUT_BACK"
