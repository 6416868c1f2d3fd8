"""Keys that sign tokens are replaced when they are as old as the settings let them be."""

from __future__ import annotations

from dataclasses import replace

import jwt
import pytest
from tests import people
from tests.races import Race

from finlink.config import v1
from finlink_server import tokens
from finlink_server.domain import housekeeping, signing_keys
from finlink_server.env import MICROSECONDS
from finlink_server.storage.models import Journal, SigningKey

DAYS = 90
_DAY = 24 * 3600 * MICROSECONDS


@pytest.fixture
def aging(env, clock):
    """The server's surroundings where keys age, with new keys to begin with."""
    aging = replace(env, signing_key_age=DAYS * _DAY)
    clock.advance(days=DAYS)
    housekeeping.run(aging)
    clock.advance(seconds=31)
    return aging


def kids() -> set[str]:
    return {row.kid for row in SigningKey.select()}


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_no_key_is_replaced_before_its_time_and_each_kinds_when_it_has_come(aging, clock):
    before = kids()

    clock.advance(days=DAYS - 1)
    housekeeping.run(aging)
    assert kids() == before

    clock.advance(days=1)
    housekeeping.run(aging)
    housekeeping.run(aging)

    made = [SigningKey.get_by_id(kid).kind for kid in kids() - before]
    assert sorted(made) == sorted(kind.name for kind in tokens.Kind)
    rows = Journal.select().where(Journal.target_id.in_(kids() - before))
    assert {(row.type, row.actor_kind) for row in rows} == {("signing_key.created", "SERVER")}


def test_a_key_that_an_operator_made_counts(aging, clock, operator):
    clock.advance(days=DAYS - 1)
    made = operator.admin.RotateSigningKey(kind=v1.TOKEN_KIND_SESSION)
    clock.advance(days=2)

    housekeeping.run(aging)

    newest = (
        SigningKey.select()
        .where(SigningKey.kind == "SESSION")
        .order_by(SigningKey.create_time.desc())
    )
    assert newest[0].kid == made.kid


def test_a_session_outlives_the_key_that_signed_it(aging, clock, verifier, operator):
    clock.advance(seconds=DAYS * 86_400 - 60)
    account = people.new_account(operator)
    session = people.new_secret(account, people.new_app(account)).start()
    clock.advance(seconds=60)

    housekeeping.run(aging)
    clock.advance(seconds=31)  # from publishing to signing

    newer = people.new_secret(account, people.new_app(account)).start()
    assert kid_of(newer.token) != kid_of(session.token)
    for token in (session.token, newer.token):
        assert verifier.sessions.ValidateSession(access_token=token).active


def test_of_many_processes_one_replaces_a_key(aging, clock):
    clock.advance(days=DAYS)
    before = kids()

    Race(8, lambda _: signing_keys.renew(aging, housekeeping._BY))

    assert len(kids() - before) == len(tokens.Kind)


def test_without_an_age_no_key_is_replaced(env, clock):
    before = kids()
    clock.advance(days=4000)

    housekeeping.run(env)

    assert kids() == before
