"""Secrets that end by themselves: their customers hear of it 7 days and 1 day before."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pysqlite3
import pytest
from tests import people
from tests.gates import until

from finlink_server.storage.models import Property

DAY = 24 * 3600
TOLD_UNTIL = "secret_expiring_until"


class Story:
    """A customer's secret, and what is told of it by the time."""

    def __init__(self, account, app, operator, clock):
        self.account, self.app, self.operator, self.clock = account, app, operator, clock

    def new_secret(self, days):
        """Make one that ends in so many days."""
        end = self.clock() // 1_000_000 + round(days * DAY) + 10
        secret = people.new_secret(self.account, self.app, expire_time={"seconds": end})
        return secret, end

    def go_to(self, end, days_left):
        """Let the time come, and the server have done what is due every minute."""
        self.clock.advance_to(end - days_left * DAY)
        self.clock.advance(seconds=61)
        now = self.clock()
        until(lambda: int(Property.get_by_id(TOLD_UNTIL).value) >= now)

    def told(self):
        """What the events say, oldest first."""
        listed = self.operator.webhooks.ListEvents(app_id=self.app.id, types=["secret.expiring"])
        return [json.loads(event.payload_json)["data"] for event in reversed(listed.events)]

    def days_told(self):
        return [one["days_left"] for one in self.told()]


@pytest.fixture
def story(account, app, operator, clock):
    return Story(account, app, operator, clock)


def test_customers_hear_of_it_7_days_and_1_day_before_and_once_each(story):
    secret, end = story.new_secret(days=30)

    by_then = {29: [], 8: [], 7.01: [], 6.99: [7], 3: [7], 1.01: [7], 0.99: [7, 1], -1: [7, 1]}

    for days_left, days_told in by_then.items():
        story.go_to(end, days_left)
        assert story.days_told() == days_told
    told = story.told()
    assert {one["secret_id"] for one in told} == {secret.id}
    assert {one["hint"] for one in told} == {secret.plaintext[-4:]}
    assert len({one["expire_time"] for one in told}) == 1


def test_their_endpoints_hear_of_it(story, hook):
    _, end = story.new_secret(days=10)

    story.go_to(end, 6.99)

    heard = [json.loads(request.body) for request in hook.wait_for(2)]
    assert {one["type"] for one in heard} == {"secret.created", "secret.expiring"}


def test_after_a_long_pause_the_more_urgent_is_told_alone(story):
    _, end = story.new_secret(days=30)

    story.go_to(end, 0.9)

    assert story.days_told() == [1]


def test_a_clock_that_was_ahead_for_a_while_silences_nothing(story):
    far_ahead = story.clock() + 400 * DAY * 1_000_000
    Property.update(value=str(far_ahead)).where(Property.key == TOLD_UNTIL).execute()
    story.clock.advance(seconds=61)
    until(lambda: int(Property.get_by_id(TOLD_UNTIL).value) < far_ahead)
    _, end = story.new_secret(days=10)

    for days_left in (6.99, 0.99):
        story.go_to(end, days_left)

    assert story.days_told() == [7, 1]


@pytest.mark.parametrize(("days", "told"), [(0.5, []), (1.5, [1]), (6.5, [1]), (7.5, [7, 1])])
def test_who_sets_an_end_nearer_than_that_is_not_told_of_it(story, days, told):
    _, end = story.new_secret(days=days)

    for days_left in (6.99, 0.99, 0.1):
        story.go_to(end, days_left)

    assert story.days_told() == told


def test_a_life_of_hardly_less_than_a_week_is_no_surprise_either(story):
    story.go_to(story.clock() / 1_000_000, 0)  # what is due was done just now
    story.clock.advance(seconds=30)
    _, end = story.new_secret(days=7 - 20 / DAY)

    story.go_to(end, 6.99)

    assert story.days_told() == []


def revoke(story, secret):
    story.account.secrets.RevokeSecret(secret_id=secret.id, password=story.account.password)


def report(story, secret):
    story.operator.using("").secrets.ReportLeakedSecret(client_secret=secret.plaintext)


def rotate(story, secret):
    story.account.secrets.RotateSecret(
        secret_id=secret.id, password=story.account.password, overlap={"seconds": 2 * 3600}
    )


def delete_app(story, secret):
    story.account.accounts.DeleteApp(app_id=story.app.id, password=story.account.password)


@pytest.mark.parametrize("end_it", [revoke, report, rotate, delete_app])
def test_nobody_hears_of_a_secret_that_was_ended_by_a_call(story, env, end_it):
    secret, end = story.new_secret(days=10)
    end_it(story, secret)

    for days_left in (6.99, 0.99, -0.1):
        story.go_to(end, days_left)

    count = env.database.execute(
        "SELECT count(*) FROM journal WHERE type = 'secret.expiring' AND target_id = ?", secret.id
    ).fetchone()
    assert count == (0,)


@pytest.mark.parametrize(("days", "told"), [(1, []), (2, [1]), (7, [1])])
def test_a_retiring_secret_ends_by_itself_too(story, days, told):
    secret, _ = story.new_secret(days=30)
    account = story.account
    rotated = account.secrets.RotateSecret(
        secret_id=secret.id, password=account.password, overlap={"seconds": days * DAY}
    )
    end = rotated.retiring_secret.expire_time.ToSeconds()

    for days_left in (6.99, 0.99, 0.1):
        story.go_to(end, days_left)

    assert story.days_told() == told


def grow_old(home):
    """Let all secrets come within a week of their end, and nobody know of it yet."""
    now = time.time_ns() // 1000
    a_week_before = now - 7 * DAY * 1_000_000
    with closing(pysqlite3.connect(str(home.database))) as database, database:
        database.execute(
            "UPDATE secret SET create_time = ?, expire_time = ?",
            (a_week_before, now + 6 * DAY * 1_000_000),
        )
        database.execute(
            "UPDATE property SET value = ? WHERE key = ?", (str(a_week_before), TOLD_UNTIL)
        )


@pytest.mark.sqlite("its rows are made old by hand")
def test_of_several_servers_on_one_database_one_tells(home):
    with home.serving() as process:
        account = people.new_account(process.caller(home.operator_key))
        app = people.new_app(account)
        ends = {"seconds": int(time.time()) + 30 * DAY}
        secrets = {people.new_secret(account, app, expire_time=ends).id for _ in range(5)}
    grow_old(home)

    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:  # they start at one moment
        servers = list(pool.map(lambda _: stack.enter_context(home.serving()), range(2)))
        webhooks = servers[-1].caller(home.operator_key).webhooks

        def told():
            listed = webhooks.ListEvents(app_id=app.id, types=["secret.expiring"])
            return sorted(
                json.loads(one.payload_json)["data"]["secret_id"] for one in listed.events
            )

        until(lambda: len(told()) >= len(secrets))

        assert told() == sorted(secrets)
