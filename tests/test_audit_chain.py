"""The journal's chains: whatever is done to a row behind the service's back is found."""

from __future__ import annotations

import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused
from tests.races import Race
from tests.vandals import vandal

from finlink.config import v1
from finlink_server import bootstrap
from finlink_server.domain import audit, audit_rows, journal
from finlink_server.domain.audit_chain import COLUMNS

BY = bootstrap.command_line("tests")
WRONG = "not the password"


def refuse_sign_in(account):
    with refused():  # after some, as one that comes too early
        account.caller.using("").accounts.SignIn(email=account.email, password=WRONG)


@pytest.fixture
def chain(account, secret, clock):
    """An account with ten rows or so, a counted one of two refusals among them."""
    clock.advance(seconds=60 - clock() // 1_000_000 % 60)  # both within one minute
    refuse_sign_in(account)
    refuse_sign_in(account)
    secret.start()
    secret.start()
    return account.id


@pytest.fixture
def other_chain(stranger):
    return stranger.id


@pytest.fixture
def hand(env, chain, other_chain):
    with vandal(env, chain, other_chain) as somebody:
        yield somebody


def kind_of(answer):
    name = v1.AuditProblemKind.Name(answer.first_problem.kind)
    return name.removeprefix("AUDIT_PROBLEM_KIND_")


def found(operator, account_id):
    """What VerifyAuditLog finds: the kind of the first problem, and the row's id."""
    answer = operator.accounts.VerifyAuditLog(account_id=account_id)
    return kind_of(answer), answer.first_problem.event_id


# -------------------------------------------------------------------- what nobody has touched


def test_an_untouched_journal_is_as_it_was_written(account, chain, env, operator):
    mine = account.accounts.VerifyAuditLog()

    rows = audit_rows.following(env, chain, 0)
    assert not mine.HasField("first_problem")
    assert mine.row_count == len(rows) == rows[-1].number
    assert mine.head == rows[-1].mac.hex()
    assert mine == operator.accounts.VerifyAuditLog(account_id=chain)


def test_the_rows_about_no_account_are_a_chain_too(operator, env):
    before = operator.accounts.VerifyAuditLog()
    with env.transaction():
        journal.write(env, BY, "tests.written", "tests")

    after = operator.accounts.VerifyAuditLog()

    assert not after.HasField("first_problem")
    assert after.row_count > before.row_count


def test_a_long_chain_is_verified_from_one_end_to_the_other(account, env, operator, monkeypatch):
    monkeypatch.setattr(audit_rows, "AT_ONCE", 3)
    for _ in range(10):
        with env.transaction():
            journal.write(env, BY, "tests.written", "tests", account_id=account.id)

    answer = operator.accounts.VerifyAuditLog(account_id=account.id)

    assert not answer.HasField("first_problem")
    assert answer.row_count >= 10


def test_sixteen_who_write_at_once_leave_every_chain_whole(operator, env):
    homes = []
    for _ in range(3):
        account = people.new_account(operator)
        app = people.new_app(account)
        homes.append((account, [people.new_secret(account, app) for _ in range(3)]))

    def work(number):
        account, secrets = homes[number % 3]
        for turn in range(4):
            secrets[number % 2].start()
            with refused():
                account.caller.using("").sessions.StartSession(
                    client_id=secrets[0].app_id[:-4] + "zzzz", client_secret=secrets[0].plaintext
                )
            if turn == number % 4:
                refuse_sign_in(account)
                people.new_account(operator)

    race = Race(16, work)

    verdicts = [audit.verify(env, chain) for chain in audit_rows.chains(env)]
    assert race.refusals == []
    assert len(verdicts) > 16
    assert [one for one in verdicts if one.problem] == []


def test_the_rows_of_one_transaction_stand_in_their_chains_in_order(env, account, stranger):
    with env.transaction():
        for number in range(6):
            owner = account if number % 2 else stranger
            journal.write(env, BY, "tests.written", str(number), account_id=owner.id)
        journal.write_now(env, BY, "tests.written", "6", account_id=account.id)
        journal.write(env, BY, "tests.written", "7", account_id=account.id)

    assert audit.verify(env, account.id).problem is None
    assert audit.verify(env, stranger.id).problem is None


# ---------------------------------------------------------------------------- altered columns


OTHERS = {"time": 1, "once": "x", "facts": '{"reason":"another"}'}


@pytest.mark.parametrize("column", [one for one in COLUMNS if one != "account_id"])
def test_an_altered_column_is_found_in_its_row(hand, operator, chain, column):
    row = hand.rows(chain)[3]
    new = OTHERS.get(column, f"{row[column]}x")

    hand.set(row, **{column: new})

    event_id = new if column == "id" else row["id"]
    assert found(operator, chain) == ("ALTERED", event_id)


@pytest.mark.parametrize("column", ["chain_number", "chain_mac"])
def test_an_altered_place_in_the_chain_is_found_in_its_row(hand, operator, chain, column):
    row = hand.rows(chain)[3]

    hand.set(row, **{column: 2 if column == "chain_number" else bytes(32)})

    assert found(operator, chain) == ("ALTERED", row["id"])


@pytest.mark.sqlite("its columns take anything")
@pytest.mark.parametrize("column", [*COLUMNS, "count", "chain_number", "chain_mac", "count_mac"])
def test_a_value_of_no_sense_is_found_too(hand, operator, chain, column):
    for value in (b"\xff", 1.5, "\x1b[2J"):
        hand.set(hand.rows(chain)[3], **{column: value})

        assert found(operator, chain)[0] != "UNSPECIFIED"
        if column == "account_id":
            break


def test_a_row_given_to_another_account_is_missing_here_and_too_many_there(
    hand, operator, chain, other_chain
):
    rows = hand.rows(chain)

    hand.set(rows[3], account_id=other_chain)

    assert found(operator, chain) == ("REMOVED", rows[4]["id"])
    assert found(operator, other_chain)[0] in {"ADDED", "ALTERED"}


# ----------------------------------------------------------------- rows that go, come and move


def remove_one(hand, rows):
    hand.delete(rows[3])
    return "REMOVED", rows[4]


def remove_the_first(hand, rows):
    hand.delete(rows[0])
    return "REMOVED", rows[1]


def remove_several(hand, rows):
    hand.delete(*rows[2:5])
    return "REMOVED", rows[5]


def cut_off(hand, rows):
    hand.delete(*rows[-2:])
    return "CUT_OFF", rows[-3]


def swap_places(hand, rows):
    hand.swap(rows[2], rows[5], ["seq"])
    return "REORDERED", rows[5]


def swap_neighbours(hand, rows):
    hand.swap(rows[2], rows[3], ["seq"])
    return "REORDERED", rows[3]


def swap_all_that_they_say(hand, rows):
    names = [*COLUMNS, "chain_number", "chain_mac", "count", "count_mac"]
    hand.swap(rows[2], rows[3], [name for name in names if name != "once"])
    return "REORDERED", rows[3]


def swap_what_they_tell(hand, rows):
    hand.swap(rows[2], rows[3], ["type", "facts", "target_id"])
    return "ALTERED", rows[2]


def add_at_the_end(hand, rows):
    last = rows[-1]
    added = {"id": "evt_added", "chain_number": last["chain_number"] + 1}
    hand.insert(last, seq=hand.next_seq(), **added)
    return "ADDED", added


def add_as_if_there_were_no_chain(hand, rows):
    added = {"id": "evt_added", "chain_number": None, "chain_mac": None, "count_mac": None}
    hand.insert(rows[-1], seq=hand.next_seq(), **added)
    return "ADDED", added


def add_in_the_middle(hand, rows):
    hand.set(rows[-1], seq=hand.next_seq())  # which makes room for it
    hand.insert(rows[-1], id="evt_added")
    return "ADDED", {"id": "evt_added"}


def repeat_a_row(hand, rows):
    hand.insert(rows[2], seq=hand.next_seq(), id="evt_added")
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
        repeat_a_row,
    ],
)
def test_what_was_done_is_told_with_the_first_row_that_it_touches(hand, operator, chain, trick):
    kind, row = trick(hand, hand.rows(chain))

    assert found(operator, chain) == (kind, row["id"])


def test_a_row_copied_into_another_accounts_chain_is_none_of_it(hand, operator, chain, other_chain):
    row = hand.rows(chain)[-1]

    hand.insert(row, seq=hand.next_seq(), id="evt_copied", account_id=other_chain)

    assert found(operator, chain)[0] == "UNSPECIFIED"
    assert found(operator, other_chain) == ("ADDED", "evt_copied")


def test_what_else_is_wrong_is_counted(hand, operator, chain):
    rows = hand.rows(chain)

    for row in (rows[1], rows[4], rows[6]):
        hand.set(row, target_id="somebody")

    answer = operator.accounts.VerifyAuditLog(account_id=chain)
    assert (answer.first_problem.event_id, answer.more_problems) == (rows[1]["id"], 2)
    assert answer.first_problem.event_type == rows[1]["type"]
    assert answer.first_problem.event_time.ToMicroseconds() == rows[1]["time"]
    assert answer.first_problem.description == "it does not say what was written"


# ----------------------------------------------------------------------------------- counts


def counted(hand, chain):
    [row] = [row for row in hand.rows(chain) if row["type"] == "sign_in.refused"]
    assert row["count"] == 2
    return row


@pytest.mark.parametrize("count", [1, 3])
def test_an_altered_count_is_found(hand, operator, chain, count):
    row = counted(hand, chain)

    hand.set(row, count=count)

    assert found(operator, chain) == ("COUNT_ALTERED", row["id"])


def test_a_count_where_nothing_is_counted_is_found(hand, operator, chain):
    row = hand.rows(chain)[2]

    hand.set(row, count=2)

    assert found(operator, chain) == ("COUNT_ALTERED", row["id"])


def test_an_altered_count_that_is_counted_up_again_stays_altered(hand, operator, chain, account):
    row = counted(hand, chain)
    hand.set(row, count=1)

    refuse_sign_in(account)

    assert found(operator, chain) == ("COUNT_ALTERED", row["id"])


def test_an_older_count_with_the_mac_that_it_had_is_missing_in_the_sum(
    hand, operator, chain, account
):
    row = counted(hand, chain)
    refuse_sign_in(account)

    hand.set(row, count=2, count_mac=row["count_mac"])

    assert found(operator, chain) == ("COUNT_ALTERED", "")


def test_what_is_counted_up_behind_the_one_who_verifies_is_no_problem(
    env, chain, account, monkeypatch
):
    monkeypatch.setattr(audit_rows, "AT_ONCE", 1)
    walk, late = audit._Walk(env, chain, None), False
    while not walk.is_over:
        with env.database.snapshot():
            walk.go_on()
        if walk._last and walk._last.said["type"] == "sign_in.refused" and not late:
            refuse_sign_in(account)
            late = True

    assert late
    assert walk.verdict.problem is None


# ------------------------------------------------------------------------------------ heads


def test_a_head_that_was_altered_is_found(hand, operator, chain, other_chain):
    hand.set_head(chain, hand.heads()[other_chain])

    assert found(operator, chain) == ("HEAD_ALTERED", hand.rows(chain)[-1]["id"])


def test_a_head_that_was_removed_is_found_here_and_in_the_number_of_chains(hand, operator, chain):
    hand.delete_head(chain)

    assert found(operator, chain) == ("HEAD_MISSING", hand.rows(chain)[-1]["id"])
    assert found(operator, "") == ("CHAIN_REMOVED", "")


def test_an_account_without_a_trace_is_found_in_the_number_of_chains(hand, operator, chain):
    hand.delete(*hand.rows(chain))
    hand.delete_head(chain)

    assert found(operator, chain) == ("HEAD_MISSING", "")
    assert found(operator, "") == ("CHAIN_REMOVED", "")


def test_a_head_that_was_put_back_to_an_older_one_is_found(hand, operator, chain, secret):
    older = hand.heads()[chain]
    secret.start()

    hand.set_head(chain, older)

    assert found(operator, chain) == ("HEAD_ALTERED", hand.rows(chain)[-1]["id"])


@pytest.mark.parametrize("trick", ["older", "broken", "removed"])
def test_what_is_written_under_a_false_head_does_not_heal_the_chain(
    hand, operator, chain, other_chain, secret, trick
):
    older = hand.heads()[chain]
    secret.start()
    if trick == "removed":
        hand.delete_head(chain)
    else:
        hand.set_head(chain, older if trick == "older" else hand.heads()[other_chain])
    before = hand.rows(chain)

    secret.start()
    secret.start()

    assert found(operator, chain) == ("HEAD_ALTERED", hand.rows(chain)[len(before)]["id"])


def test_rows_and_head_put_back_together_are_found_by_a_head_that_was_kept(
    hand, account, operator, chain, secret
):
    rows, head = hand.rows(chain), hand.heads()[chain]
    secret.start()
    kept = account.accounts.VerifyAuditLog()
    hand.delete(*(row for row in hand.rows(chain) if row["seq"] > rows[-1]["seq"]))
    hand.set_head(chain, head)
    known = {"known_row_count": kept.row_count, "known_head": kept.head}

    shorter = account.accounts.VerifyAuditLog(**known)
    secret.start()
    secret.start()
    longer = account.accounts.VerifyAuditLog(**known)

    assert found(operator, chain)[0] == "UNSPECIFIED"
    assert kind_of(shorter) == kind_of(longer) == "PUT_BACK"


def test_a_head_that_was_kept_is_still_on_the_way(account, secret):
    kept = account.accounts.VerifyAuditLog()
    secret.start()

    answer = account.accounts.VerifyAuditLog(known_row_count=kept.row_count, known_head=kept.head)

    assert not answer.HasField("first_problem")
    assert answer.row_count == kept.row_count + 1


@pytest.mark.parametrize("known", [{"known_row_count": 3}, {"known_head": 64 * "0"}])
def test_half_a_head_is_refused(account, known):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        account.accounts.VerifyAuditLog(**known)

    assert set(refusal.fields) == {"known_head"}


def test_another_accounts_journal_cannot_be_verified(stranger, chain):
    with refused(StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND"):
        stranger.accounts.VerifyAuditLog(account_id=chain)
