"""How much may fail at one client address: counted for all e-mails, secrets and processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from grpc import StatusCode
from tests import guests, people
from tests.changes import journal
from tests.errors import Refused, refused
from tests.gates import Gate
from tests.guests import Guest, new_address, wrong
from tests.races import Race
from tests.workers import supervised

from finlink_server import credentials
from finlink_server.domain import rates
from finlink_server.env import Env
from finlink_server.storage.webhook_models import Rate

MOST = 3
_NEIGHBOURS = ("::1", ":ffff:ffff:ffff:ffff", "::abcd", "::2")  # of one network of 64 bits


def unknown_secret() -> str:
    return credentials.CLIENT_SECRET_TEST.new().text


def wrong_secret(secret: people.Secret) -> str:
    """The true lookup id, and another random part behind it."""
    text = secret.plaintext[:-10] + "0000"
    return text + credentials.checksum(text)


def log_in(
    nobody: people.Caller, client_secret: str, address: str, app_id: str, **more: Any
) -> Any:
    answer = nobody.sessions.StartSession(
        client_id=app_id,
        client_secret=client_secret,
        metadata=(("x-forwarded-for", address),),
        **more,
    )
    people.CANARIES.add(answer.access_token)
    return answer


@pytest.fixture
def limit(env: Env) -> Iterator[Callable[..., None]]:
    """Let fewer through than usual."""
    usual = env.limits
    yield lambda **fields: object.__setattr__(env, "limits", replace(usual, **fields))
    object.__setattr__(env, "limits", usual)


@pytest.fixture
def ten_minutes(env: Env, clock: Any) -> None:
    """Begin when the windows of all limits begin."""
    clock.advance_to((env.now() // 600_000_000 + 1) * 600)


@dataclass(frozen=True)
class Attack:
    """One thing that fails again and again."""

    fail: Callable[[str], Refused]  # from an address, with something new each time
    limit: str
    window: int  # seconds
    reason: str


@pytest.fixture(params=["sign in", "log in", "log in to a known app", "log in with one secret"])
def attack(
    request: Any, nobody: people.Caller, account: people.Account, secret: people.Secret
) -> Attack:
    wanted = "SIGN_IN_FAILED" if request.param == "sign in" else "CLIENT_CREDENTIALS_INVALID"
    one_and_the_same = wrong_secret(secret)

    def attempt(address: str) -> Any:
        if request.param == "sign in":
            email = guests.unknown(nobody).email
            return Guest(nobody, email, address).sign_in(wrong())
        if request.param == "log in":
            return log_in(nobody, unknown_secret(), address, "app_" + "0" * 26)
        if request.param == "log in to a known app":
            return log_in(nobody, unknown_secret(), address, secret.app_id)
        return log_in(nobody, one_and_the_same, address, secret.app_id)

    def fail(address: str) -> Refused:
        with refused() as refusal:
            attempt(address)
        return refusal

    limits = {"sign in": "failed_sign_ins", "log in with one secret": "failed_logins_of_secret"}
    window = 600 if request.param == "sign in" else 60
    return Attack(fail, limits.get(request.param, "failed_logins"), window, wanted)


@pytest.mark.usefixtures("ten_minutes")
def test_an_address_at_which_too_much_fails_is_told_to_wait(attack, limit, clock):
    limit(**{attack.limit: MOST})
    address = new_address()

    answers = [attack.fail(address) for _ in range(MOST + 2)]

    assert [one.reason for one in answers] == [attack.reason] * MOST + ["RATE_LIMITED"] * 2
    assert answers[-1].code is StatusCode.RESOURCE_EXHAUSTED
    wait = answers[-1].retry_seconds or 0
    assert attack.window - 1 <= wait <= attack.window
    clock.advance(seconds=wait)
    assert attack.fail(address).reason == attack.reason


@pytest.mark.usefixtures("ten_minutes")
def test_what_fails_at_one_address_is_not_counted_at_another(attack, limit):
    limit(**{attack.limit: MOST})
    for _ in range(MOST + 1):
        last = attack.fail("2001:db8:0:1::1")

    assert last.reason == "RATE_LIMITED"
    assert attack.fail("2001:db8:0:2::1").reason == attack.reason
    assert attack.fail("203.0.113.80").reason == attack.reason


@pytest.mark.usefixtures("ten_minutes")
def test_who_has_a_network_of_ipv6_addresses_has_one(attack, limit):
    limit(**{attack.limit: MOST})
    network = ":".join(new_address().split(":")[:4])

    answers = [attack.fail(network + last).reason for last in _NEIGHBOURS]

    assert answers == [attack.reason] * MOST + ["RATE_LIMITED"]


@pytest.mark.usefixtures("ten_minutes")
def test_of_many_at_once_no_more_are_let_through(attack, limit):
    limit(**{attack.limit: MOST})
    address = new_address()

    race = Race(24, lambda _: attack.fail(address).reason)

    assert race.refusals == []
    assert sorted(race.answers) == sorted([attack.reason] * MOST + ["RATE_LIMITED"] * (24 - MOST))


# ------------------------------------------------------------------------------- signing in


@pytest.mark.usefixtures("ten_minutes")
def test_one_password_cannot_be_tried_on_everybody(nobody, account, limit):
    limit(failed_sign_ins=MOST)
    address = new_address()
    for _ in range(MOST):
        replace(guests.unknown(nobody), address=address).fail()

    with Gate(account.password) as gate, refused(reason="RATE_LIMITED"):
        Guest(nobody, account.email, address).sign_in(account.password)

    assert gate.is_idle  # the right one is not even looked at, like any other
    Guest(nobody, account.email, new_address()).sign_in(account.password)
    account.accounts.GetAccount()  # and nobody who is signed in notices


@pytest.mark.usefixtures("ten_minutes")
def test_signing_in_forgets_the_failures_with_the_own_email_only(nobody, account, limit):
    limit(failed_sign_ins=MOST)
    guest = Guest(nobody, account.email, new_address())
    guest.fail(times=MOST - 1)

    guest.sign_in(account.password)

    guest.fail()
    guest.fail(reason="RATE_LIMITED")


# ----------------------------------------------------------------------- opening sessions


@pytest.fixture
def exhausted(nobody, secret, limit, ten_minutes) -> str:
    """An address at which nothing more may fail."""
    limit(failed_logins=MOST)
    address = new_address()
    for _ in range(MOST):
        with refused(reason="CLIENT_CREDENTIALS_INVALID"):
            log_in(nobody, unknown_secret(), address, secret.app_id)
    return address


def test_the_right_secret_is_never_refused_for_what_others_failed(nobody, secret, exhausted):
    with refused(reason="RATE_LIMITED"):
        log_in(nobody, wrong_secret(secret), exhausted, secret.app_id)

    assert log_in(nobody, secret.plaintext, exhausted, secret.app_id).session.id


def test_the_right_secret_is_told_why_not_only_so_often(nobody, account, secret, exhausted):
    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)

    with refused(StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED"):
        log_in(nobody, secret.plaintext, exhausted, secret.app_id)
    with refused(reason="CLIENT_CREDENTIALS_INVALID"):
        log_in(nobody, secret.plaintext, new_address(), secret.app_id)


@pytest.mark.parametrize("of", ["nobody", "an app", "a secret"])
def test_whether_there_is_such_a_secret_cannot_be_told(nobody, secret, exhausted, of):
    with refused() as refusal:
        if of == "nobody":
            log_in(nobody, unknown_secret(), exhausted, "app_" + "0" * 26)
        elif of == "an app":
            log_in(nobody, unknown_secret(), exhausted, secret.app_id)
        else:
            log_in(nobody, wrong_secret(secret), exhausted, secret.app_id)

    assert (refusal.reason, refusal.facts) == ("RATE_LIMITED", {})


@pytest.mark.usefixtures("ten_minutes")
def test_one_broken_secret_leaves_room_for_the_others_of_its_address(nobody, account, app, limit):
    limit(failed_logins_of_secret=MOST)
    broken, other = (people.new_secret(account, app) for _ in range(2))
    address = new_address()
    for _ in range(MOST):
        with refused(reason="CLIENT_CREDENTIALS_INVALID"):
            log_in(nobody, wrong_secret(broken), address, app.id)

    with refused(reason="RATE_LIMITED"):
        log_in(nobody, wrong_secret(broken), address, app.id)
    with refused(reason="CLIENT_CREDENTIALS_INVALID"):
        log_in(nobody, wrong_secret(other), address, app.id)


def test_what_is_refused_for_the_limit_is_counted_in_one_row(nobody, account, secret, exhausted):
    for _ in range(3):
        with refused(reason="RATE_LIMITED"):
            log_in(nobody, wrong_secret(secret), exhausted, secret.app_id)

    refusals = journal(account, types=["session.refused"], target_id=secret.id)
    (row,) = [one for one in refusals if one.facts["reason"] == "RATE_LIMITED"]
    assert (row.count, row.client_address) == (3, exhausted)


def test_what_succeeds_is_not_counted_and_asks_nothing_more(nobody, secret, env, monkeypatch):
    asked: list[Any] = []
    monkeypatch.setattr(rates, "window", lambda *_: asked.append(_))
    before = Rate.select().count()

    log_in(nobody, secret.plaintext, new_address(), secret.app_id)

    assert asked == []
    assert Rate.select().count() == before


# ------------------------------------------------------------------------ leaked secrets


@pytest.mark.usefixtures("ten_minutes")
def test_one_secret_can_be_reported_only_so_often_from_an_address(nobody, secret, limit):
    limit(leak_reports_of_secret=MOST)
    address = new_address()

    def report(client_secret: str, address: str) -> None:
        nobody.secrets.ReportLeakedSecret(
            client_secret=client_secret, metadata=(("x-forwarded-for", address),)
        )

    for _ in range(MOST):
        report(wrong_secret(secret), address)
    with refused(StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED"):
        report(wrong_secret(secret), address)
    report(unknown_secret(), address)
    report(secret.plaintext, new_address())


# ------------------------------------------------------------------------ processes, rows


def test_all_processes_count_together(home):
    with (
        supervised(home, LIMIT_FAILED_LOGINS="4") as workers,
        workers.channels(16) as channels,
    ):

        def fail(number: int) -> None:
            log_in(people.Caller(channels[number]), unknown_secret(), "", "app_" + "0" * 26)

        race = Race(16, fail)
        assert all(workers.served().values())

    reasons = [refusal.reason for refusal in race.refusals]
    # The minute may end between two of them, but hardly twice.
    assert reasons.count("CLIENT_CREDENTIALS_INVALID") in range(4, 9)
    assert reasons.count("RATE_LIMITED") in range(8, 13)


@pytest.mark.usefixtures("ten_minutes")
def test_windows_that_are_over_are_forgotten(nobody, env, clock):
    with env.transaction():
        Rate.delete().execute()
    for _ in range(5):
        with refused(reason="CLIENT_CREDENTIALS_INVALID"):
            log_in(nobody, unknown_secret(), new_address(), "app_" + "0" * 26)
    assert Rate.select().count() == 10
    clock.advance(seconds=60)

    with refused(reason="CLIENT_CREDENTIALS_INVALID"):
        log_in(nobody, unknown_secret(), new_address(), "app_" + "0" * 26)

    assert Rate.select().count() == 2


def test_neither_address_nor_secret_stands_in_the_rows(nobody):
    before = {row.key for row in Rate.select()}

    with refused(reason="CLIENT_CREDENTIALS_INVALID"):
        log_in(nobody, unknown_secret(), "203.0.113.81", "app_" + "0" * 26)

    made = {row.key for row in Rate.select()} - before
    assert made
    assert all(len(key) == 64 and set(key) <= set("0123456789abcdef") for key in made)
