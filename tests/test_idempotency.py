"""request_id: a repeat of a request is harmless for 24 hours."""

from __future__ import annotations

import uuid

import pytest
from grpc import StatusCode
from tests import methods, people
from tests.errors import refused
from tests.races import Race
from tests.repeats import METHODS, World

from finlink.config import v1
from finlink_server.domain.caller import Role


@pytest.fixture
def world(operator, link_front_end, account, app, secret, redirect_id):
    spare = people.new_secret(account, app)
    endpoints = [people.new_endpoint(account, app).id for _ in range(2)]
    return World(operator, link_front_end, account, app, secret, spare, redirect_id, *endpoints)


@pytest.fixture
def request_id():
    return str(uuid.uuid4())


each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def test_every_method_with_a_request_id_is_in_the_table_above():
    having = {one.name for one in methods.METHODS if "request_id" in one.request.fields_by_name}

    assert having == set(METHODS)


@each_method
def test_a_repeat_makes_nothing_and_names_what_was_made(world, request_id, method):
    made = method.run(world, request_id)

    assert method.repeat(world, request_id) == made
    assert method.repeat(world, request_id.upper()) == made


@each_method
def test_another_body_under_the_same_id_is_refused_and_makes_nothing(world, request_id, method):
    made = method.run(world, request_id)

    with refused(StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED") as refusal:
        method.run(world, request_id, other=True)

    assert set(refusal.fields) == {"request_id"}
    assert method.repeat(world, request_id) == made


@each_method
def test_a_request_id_is_kept_for_24_hours_and_then_free_again(world, request_id, method, clock):
    made = method.run(world, request_id)

    clock.advance(hours=24, seconds=-60)
    world.account = world.account.sign_in()
    assert method.repeat(world, request_id) == made

    clock.advance(seconds=61)
    assert method.run(world, request_id, other=True) != made


@each_method
def test_a_request_sent_many_times_at_once_makes_one(world, request_id, method):
    race = Race(32, lambda _: method.run(world, request_id))

    named = {made for refusal in race.refusals for made in refusal.facts.values()}
    assert len(set(race.answers) | named) == 1
    assert race.reasons == ({method.shown_once} if method.shown_once else set())
    assert len(race.answers) == (1 if method.shown_once else 32)


@each_method
def test_without_a_request_id_nothing_is_a_repeat(world, method):
    made = method.run(world, "")

    assert method.run(world, "", other=True) != made


@pytest.mark.parametrize("bad", ["1", "not-a-uuid", "{%s}", "%s0", "urn:uuid:%s", "%.35s"])
def test_a_request_id_is_a_uuid_in_its_usual_form(world, request_id, bad):
    text = bad % request_id if "%" in bad else bad

    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        METHODS["CreateApp"].run(world, text)

    assert set(refusal.fields) == {"request_id"}


def test_a_refused_request_leaves_its_id_free(world, request_id):
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        world.account.secrets.CreateSecret(
            app_id=world.app.id[:-4] + "zzzz", display_name="new", request_id=request_id
        )

    assert METHODS["CreateSecret"].run(world, request_id)


def test_a_repeat_is_one_even_when_what_it_made_has_ended(world, env, clock):
    request = {
        "app_id": world.app.id,
        "display_name": "short-lived",
        "expire_time": {"seconds": env.now() // 1_000_000 + 60},
        "request_id": str(uuid.uuid4()),
    }
    made = world.account.secrets.CreateSecret(**request)

    clock.advance(seconds=61)

    with refused(StatusCode.ALREADY_EXISTS, "SECRET_ALREADY_EXISTS") as refusal:
        world.account.secrets.CreateSecret(**request)
    assert refusal.facts == {"secret_id": made.secret.id}


def test_another_callers_request_id_is_unrelated(world, request_id, stranger):
    own = METHODS["CreateApp"].run(world, request_id)

    world.account = stranger

    assert METHODS["CreateApp"].run(world, request_id) != own


def test_another_services_request_id_is_unrelated(world, request_id, server):
    own = METHODS["OpenLink"].run(world, request_id)

    world.front_end = server.key(Role.LINK)

    assert METHODS["OpenLink"].run(world, request_id) != own


def test_another_methods_request_id_is_unrelated(world, request_id):
    made = [METHODS[name].run(world, request_id) for name in ("CreateApp", "CreateSecret")]

    assert len(set(made)) == 2


def test_a_request_id_outlives_the_token_that_sent_it(world, request_id):
    made = METHODS["CreateApp"].run(world, request_id)

    world.account = world.account.sign_in()

    assert METHODS["CreateApp"].repeat(world, request_id) == made


def test_a_request_id_outlives_the_session_that_sent_it(world, request_id):
    fields = {
        "parameters": {"redirect_id": world.redirect_id, "product": v1.PRODUCT_TRANSACTIONS},
        "request_id": request_id,
    }
    first = world.secret.start().links.CreateLinkToken(**fields)

    of_a_newer_session = world.secret.start().links.CreateLinkToken(**fields)
    of_another_secret = world.spare.start().links.CreateLinkToken(**fields)

    assert of_a_newer_session == of_another_secret == first


def test_a_new_password_makes_no_other_request(world, request_id):
    rotate = METHODS["RotateSecret"]
    made = rotate.run(world, request_id)
    new = f"pw-{uuid.uuid4().hex}"

    world.account.accounts.ChangePassword(current_password=world.account.password, new_password=new)
    world.account.password = new

    assert rotate.repeat(world, request_id) == made


def test_a_repeat_needs_the_password_all_the_same(world, request_id):
    METHODS["RotateSecret"].run(world, request_id)
    world.account.password = "not the password"

    with refused(StatusCode.PERMISSION_DENIED, "PASSWORD_WRONG"):
        METHODS["RotateSecret"].run(world, request_id)
