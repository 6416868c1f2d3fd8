"""Nothing living is made under what has ended, though both are asked for at one moment."""

from __future__ import annotations

import pytest
from tests import people
from tests.gates import until
from tests.races import Race

from finlink.config import v1
from finlink_server.domain import delivery_queue, secret_state
from finlink_server.storage.models import AccountToken, Link, LinkToken, Secret, Session
from finlink_server.storage.webhook_models import Delivery, Endpoint

ROUNDS = 12


class Family:
    """An app, and what can be made under it."""

    def __init__(self, operator, link_front_end, publisher):
        self.operator, self.link_front_end = operator, link_front_end
        self.publisher = publisher
        self.account = people.new_account(operator)
        self.app = people.new_app(self.account)
        self.secret = people.new_secret(self.account, self.app)
        self.redirect_id = people.add_redirect(self.account, self.app)
        people.new_endpoint(self.account, self.app)
        self.parameters = {"redirect_id": self.redirect_id, "product": v1.PRODUCT_TRANSACTIONS}
        self.auth_token = self.new_link_token().auth_token

    # Children, each made by its own caller.

    def start_session(self):
        return self.secret.start()

    def new_secret(self):
        return people.new_secret(self.account, self.app)

    def new_link_token(self):
        return self.account.links.CreateLinkToken(
            app_id=self.app.id, parameters=self.parameters, max_opens=100
        )

    def open_link(self):
        return self.link_front_end.links.OpenLink(query=f"authToken={self.auth_token}")

    def open_link_by_url(self):
        query = f"id={self.redirect_id}&product=TRANSACTIONS"
        return self.link_front_end.links.OpenLink(query=query)

    def new_endpoint(self):
        return people.new_endpoint(self.account, self.app)

    def publish(self):
        return self.publisher.webhooks.PublishEvent(
            app_id=self.app.id, event_id="one", type="connection.ready", payload_json="{}"
        )

    def sign_in(self):
        return self.account.sign_in()

    # Ends.

    def delete_app(self):
        password = self.account.password
        self.account.accounts.DeleteApp(app_id=self.app.id, password=password)

    def suspend_account(self):
        self.operator.admin.SuspendAccount(account_id=self.account.id)

    def end_secret(self):
        self.operator.admin.EndSecret(secret_id=self.secret.id)

    def revoke_link_token(self):
        living = self.account.links.ListLinkTokens(app_id=self.app.id).link_tokens
        self.account.links.RevokeLinkToken(link_token_id=living[0].id)


def living(env, family):
    """What of the app is alive, by what its rows say."""
    now = env.now()
    app_id, account_id = family.app.id, family.account.id
    return {
        "sessions": Session.select().where(Session.app == app_id, Session.end_time.is_null()),
        "secrets": Secret.select().where(Secret.app == app_id, secret_state.live(env)),
        "link tokens": _open(LinkToken, app_id, now),
        "links": _open(Link, app_id, now),
        "endpoints": Endpoint.select().where(
            Endpoint.app == app_id, Endpoint.delete_time.is_null()
        ),
        "deliveries": Delivery.select().where(
            Delivery.app_id == app_id, Delivery.state.in_(["PENDING", "SENDING"])
        ),
        "account tokens": AccountToken.select().where(
            AccountToken.account == account_id, AccountToken.end_time.is_null()
        ),
    }


def _open(model, app_id, now):
    return model.select().where(
        model.app == app_id, model.revoke_time.is_null(), model.expire_time > now
    )


# End → what is made meanwhile, and of what nothing may be left.
ENDS = {
    "delete_app": (
        ["start_session", "new_secret", "new_link_token", "open_link", "open_link_by_url"],
        ["sessions", "secrets", "link tokens", "links"],
    ),
    "suspend_account": (
        ["start_session", "open_link", "open_link_by_url", "sign_in"],
        ["sessions", "links", "account tokens"],
    ),
    "end_secret": (["start_session"] * 3, ["sessions"]),
    "revoke_link_token": (["open_link"] * 3, ["links"]),
}


@pytest.mark.parametrize("end", ENDS)
def test_nothing_living_is_made_under_what_ends(env, operator, link_front_end, publisher, end):
    made, kinds = ENDS[end]
    for _ in range(ROUNDS):
        family = Family(operator, link_front_end, publisher)
        work = [getattr(family, name) for name in (end, *made, *made)]

        race = Race(len(work), lambda number: work[number]())  # noqa: B023 - it is over by then

        left = {kind: living(env, family)[kind].count() for kind in kinds}
        assert left == dict.fromkeys(kinds, 0)
        assert "INTERNAL" not in race.reasons


@pytest.mark.parametrize("end", ["delete_app", "suspend_account"])
def test_nothing_is_left_to_send_of_what_ends(env, operator, link_front_end, publisher, end):
    for _ in range(ROUNDS):
        family = Family(operator, link_front_end, publisher)
        work = [family.publish, family.new_endpoint, getattr(family, end), family.publish]

        Race(len(work), lambda number: work[number]())  # noqa: B023 - it is over by then
        seq = env.feed.refresh().seq

        wait_for_deliveries(env, seq)
        pending = living(env, family)["deliveries"].where(Delivery.attempt_count == 0)
        assert pending.count() == 0


def wait_for_deliveries(env, seq):
    """Wait until the deliveries of all that is in the journal are made."""
    until(lambda: delivery_queue.last_seq() >= seq or not delivery_queue.has_news(env))
