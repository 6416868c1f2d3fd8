"""The README's table of limits: each is the code's."""

from __future__ import annotations

import re

import pytest
from tests import readme

from finlink.config import v1
from finlink_server import errors, rules, shapes
from finlink_server.domain import (
    account_tokens,
    accounts,
    apps,
    cursors,
    delivery_schedule,
    endpoints,
    events,
    idempotency,
    links,
    logins,
    paging,
    passwords,
    redirects,
    secrets,
    sign_in,
)
from finlink_server.env import MICROSECONDS
from finlink_server.services import link, secret, webhook

HOUR, DAY = 3600, 86_400
MINUTE = 60


def most(field: str) -> str:
    return f"{shapes.SPECIFIC[field].most:,}"


def between(field: str) -> list[int]:
    """The least and the most seconds of a duration, as its refusal says."""
    message = v1.CreateLinkTokenRequest().ttl
    message.seconds = -1
    return [int(one) for one in re.findall(r"\d+", shapes.SPECIFIC[field](message))]


def seconds(micros: int) -> int:
    return micros // MICROSECONDS


TOKEN_LIFE = [between("CreateLinkTokenRequest.ttl"), link._DEFAULT_TTL]
OVERLAPS = {
    (*between(f"{one}Request.overlap"), default)
    for one, default in [
        ("RotateSecret", secret._DEFAULT_OVERLAP),
        ("RotateSigningSecret", webhook._DEFAULT_OVERLAP),
    ]
}
LIMITS = {
    "live client secrets of an app": str(secrets.MOST_LIVE),
    "apps of an account": str(apps.MOST),
    "redirects of an app": str(redirects.MOST),
    "webhook endpoints of an app": str(endpoints.MOST),
    "event types of an endpoint": most("CreateEndpointRequest.event_types"),
    "CIDR blocks of a secret": most("CreateSecretRequest.allowed_cidrs"),
    "banks in an app's list; pinned ones": "; ".join(
        [most("BankSettings.bank_ids"), most("BankSettings.pinned_bank_ids")]
    ),
    "banks, and desired owners, of an auth token": "; ".join(
        [most("LinkParameters.bank_ids"), most("LinkParameters.desired_owners")]
    ),
    "life of a session": f"{logins.LIFETIME // HOUR} hour, or as long as its secret",
    "life of an account token": f"{account_tokens.LIFETIME // HOUR} hours",
    "life of a setup token": f"{seconds(accounts._SETUP_LIFETIME) // HOUR} hours",
    "life of an open Link": f"{seconds(links.LIFETIME) // MINUTE} minutes",
    "life of an auth token": "1 minute to 24 hours; 30 minutes unless told otherwise",
    "Links of an auth token": "1 to 100; 1 unless told otherwise",
    "overlap of a rotation, of secrets and signing secrets": (
        "0 to 7 days; 24 hours unless told otherwise"
    ),
    "password": "10 to 256 characters",
    "wrong passwords with one account token": str(passwords.MOST_FAILURES),
    "failed sign-ins for one e-mail from one address": (
        f"{sign_in._FREE_FAILURES}, then a wait of 2 s that doubles up to"
        f" {sign_in._LONGEST_DELAY // MINUTE} minutes"
    ),
    "memory of a request_id": f"{seconds(idempotency._KEPT) // HOUR} hours",
    "page of a list": f"{paging._MOST} entries; {paging._DEFAULT} unless told otherwise",
    "tokens in BatchValidateSessions": f"1 to {most('BatchValidateSessionsRequest.access_tokens')}",
    "query string of a Link URL": "8,192 bytes",
    "data of a published event": (
        f"{events._LARGEST_PAYLOAD // 1024} kB, {events._DEEPEST} levels deep"
    ),
    "events and deliveries": f"kept for {seconds(events.RETENTION) // DAY} days",
    "attempts of a delivery": f"{delivery_schedule.MOST_ATTEMPTS}, over a good three days",
    "cursor of a watch": f"good for {seconds(cursors._OLDEST) // HOUR} hour",
}
ROWS = readme.table("Limits", "what")


def test_the_table_of_limits_is_the_servers():
    assert {what: limit for what, limit, _ in ROWS} == LIMITS


def test_what_comes_beyond_a_limit_is_a_reason_of_the_servers():
    named = {name for _, _, beyond in ROWS for name in readme.names(beyond)}

    assert named <= {*errors.REASONS, "EXHAUSTED"}


def test_the_limits_of_time_that_are_written_in_words_are_the_servers():
    assert TOKEN_LIFE == [[MINUTE, 24 * HOUR], 30 * MINUTE]
    assert {(0, 7 * DAY, 24 * HOUR)} == OVERLAPS
    assert 3 * DAY < sum(delivery_schedule.STEPS) < 4 * DAY


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (shapes.SPECIFIC["OpenLinkRequest.query"], "x" * 8192, "x" * 8193),
        (shapes.SPECIFIC["CreateLinkTokenRequest.max_opens"], 100, 101),
        (rules.password, "x" * 10, "x" * 9),
        (rules.password, "x" * 256, "x" * 257),
    ],
    ids=["query", "max_opens", "short password", "long password"],
)
def test_the_limits_of_size_that_are_written_in_words_are_the_servers(rule, good, bad):
    assert rule(good) == ""
    assert rule(bad) != ""
