"""What belongs to another, or was deleted, is answered exactly like what does not exist."""

from typing import Any

import pytest
from grpc import StatusCode
from tests import households, people
from tests.errors import refused
from tests.methods import FIELDS, METHODS, find, is_output_only
from tests.naming import BESIDE, NAMES_A, OF_NOBODY, PREFIXES

from finlink.config import v1
from finlink_server import ids
from finlink_server.domain.caller import Role
from finlink_server.storage import models

# Refusals of a caller who may not do that to anything, whatever it is.
NOT_FOR_THIS_CALLER = {"CALLER_NOT_ALLOWED", "SCOPE_MISSING", "ACCOUNT_TOKEN_REQUIRED"}

NAMING_FIELDS = [field for field in FIELDS if str(field) in NAMES_A]
# Who looks at what after its app was deleted.
AFTER_DELETION = [
    (who, field)
    for who in ("owner", "operator")
    for field in NAMING_FIELDS
    # The journal keeps what was done to things that are gone.
    if NAMES_A[str(field)][0] not in {"account", "call", "service key"}
    and NAMES_A[str(field)][1]
    # To the platform's services a Link says that it was revoked, and with which parameters.
    and (who, NAMES_A[str(field)][0]) != ("operator", "link")
]
# What only services of the platform may do, whoever's thing it is.
FOR_SERVICES = {str(method) for method in METHODS if method.service == "AdminService"}
FOR_SERVICES |= {"LinkService/ListLinkBanks", "WebhookService/PublishEvent"}


@pytest.fixture(scope="module")
def owner(operator, link_front_end):
    return households.settle(operator, link_front_end)


@pytest.fixture(scope="module")
def other(operator, link_front_end):
    return households.settle(operator, link_front_end)


@pytest.fixture(scope="module")
def sibling(operator, link_front_end, owner):
    """Another app of the owner's own account."""
    return households.settle(operator, link_front_end, owner.account)


@pytest.fixture(scope="module")
def deleted(operator, link_front_end, owner):
    """What hung on an app that the owner deleted."""
    gone = households.settle(operator, link_front_end, owner.account)
    owner.account.accounts.DeleteApp(app_id=gone.ids["app"], password=owner.account.password)
    return gone


def filled(template: Any, own: dict[str, str]) -> Any:
    if isinstance(template, dict):
        return {name: filled(value, own) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(value, own) for value in template]
    return template.format_map(own) if isinstance(template, str) else template


def answer_about(server, field, thing, caller, own):
    """What the caller is told about a thing, with the thing's id taken out of it."""
    request = field.method.new_request(**filled(BESIDE.get(field.method.name, {}), own))
    outcome = field.method.outcome(server.channel, field.put(request, thing), caller.metadata)
    if outcome.refusal is None:
        return "OK", "", outcome.answer
    refusal = outcome.refusal
    told = (refusal.message, refusal.facts, refusal.fields, refusal.retry_seconds)
    return outcome.code, outcome.reason, repr(told).replace(thing, "<id>")


def missing(env, kind):
    return ids.new_id(PREFIXES[kind], env.now())


def changes():
    """Rows of the journal, but for those that count refusals."""
    return models.Journal.select().where(~models.Journal.type.endswith(".refused")).count()


@pytest.mark.parametrize("field", NAMING_FIELDS, ids=str)
def test_another_accounts_thing_looks_like_none(server, env, owner, other, field):
    kind, reason = NAMES_A[str(field)]
    of_nobody = answer_about(server, field, missing(env, kind), other.account, other.ids)
    before = changes()

    answer = answer_about(server, field, owner.ids[kind], other.account, other.ids)

    assert answer == of_nobody
    assert answer[1] == ("CALLER_NOT_ALLOWED" if str(field.method) in FOR_SERVICES else reason)
    assert changes() == before


@pytest.mark.parametrize("field", NAMING_FIELDS, ids=str)
@pytest.mark.parametrize("whose", ["other", "sibling"])
def test_a_session_sees_nothing_beyond_its_own_app(server, env, owner, request, field, whose):
    kind, reason = NAMES_A[str(field)]
    own = request.getfixturevalue(whose)
    of_nobody = answer_about(server, field, missing(env, kind), own.session, own.ids)
    before = changes()

    answer = answer_about(server, field, owner.ids[kind], own.session, own.ids)

    assert answer == of_nobody
    assert answer[1] in {reason} | NOT_FOR_THIS_CALLER
    assert changes() == before


@pytest.mark.parametrize(("who", "field"), AFTER_DELETION, ids=str)
def test_what_hung_on_a_deleted_app_looks_like_none(
    server, env, operator, owner, deleted, field, who
):
    kind, reason = NAMES_A[str(field)]
    caller = owner.account if who == "owner" else operator
    of_nobody = answer_about(server, field, missing(env, kind), caller, owner.ids)
    before = changes()

    answer = answer_about(server, field, deleted.ids[kind], caller, owner.ids)

    assert answer == of_nobody
    assert answer[1] in {reason} | NOT_FOR_THIS_CALLER
    assert changes() == before


def test_services_are_told_that_the_link_of_a_deleted_app_was_revoked(link_front_end, deleted):
    link = link_front_end.links.GetLink(link_id=deleted.ids["link"]).link

    assert link.state == v1.LINK_STATE_REVOKED
    assert link.parameters.redirect_id == deleted.ids["redirect"]
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_ENDED"):
        link_front_end.links.ListLinkBanks(link_id=link.id)


@pytest.mark.parametrize("whose", ["other", "sibling", "deleted"])
@pytest.mark.parametrize("named", ["redirect", "auth token"])
def test_a_link_of_others_is_explained_like_one_of_nobody(env, owner, request, whose, named):
    theirs, of_nobody = request.getfixturevalue(whose).ids[named], missing(env, "redirect")
    name = {"redirect": "id", "auth token": "authToken"}[named]
    if named == "auth token":
        of_nobody = theirs[:-9] + "AAAAAAAAA"
    caller = owner.account if whose != "sibling" else owner.session

    answers = [
        caller.links.ExplainLink(query=f"{name}={value}&product=TRANSACTIONS", bank_id="es-bbva")
        for value in (theirs, of_nobody)
    ]

    told = [str(answer).replace(theirs, "<id>").replace(of_nobody, "<id>") for answer in answers]
    assert told[0] == told[1]
    assert not answers[0].app_id


def test_a_session_may_not_look_at_another_session_of_its_app(server, env, owner):
    app = v1.App(id=owner.ids["app"])
    session = people.new_secret(owner.account, app).start()
    field = next(one for one in FIELDS if str(one) == "SessionService/GetSession-session_id")
    of_nobody = answer_about(server, field, missing(env, "session"), session, {})

    answer = answer_about(server, field, owner.ids["session"], session, {})

    assert answer == of_nobody


def test_a_list_holds_only_what_is_the_callers(owner, sibling, other):
    mine = other.account

    apps = mine.accounts.ListApps().apps
    assert {app.account_id for app in apps} == {mine.id}
    events = mine.accounts.ListAuditEvents(page_size=500).events
    assert {event.account_id for event in events} == {mine.id}


def test_a_request_id_of_another_caller_gives_nothing_of_theirs(other, owner):
    request = find("CreateApp").new_request(
        display_name="Shop",
        public_name="Shop",
        environment=v1.ENVIRONMENT_LIVE,
        request_id="3f0c1c8e-7a52-4d0b-9e58-0d6a1c5f2b11",
    )
    theirs = owner.account.accounts.CreateApp(request).app

    mine = other.account.accounts.CreateApp(request).app

    assert mine.id != theirs.id
    assert mine.account_id == other.account.id


def test_a_page_token_is_good_for_nobody_else(server, operator):
    other_operator = server.key(Role.OPERATOR)
    people.new_account(operator)
    page = operator.admin.ListAccounts(page_size=1)

    assert operator.admin.ListAccounts(page_token=page.next_page_token).accounts
    with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID") as refusal:
        other_operator.admin.ListAccounts(page_token=page.next_page_token)
    assert set(refusal.fields) == {"page_token"}


def test_every_field_that_names_a_thing_is_in_the_table():
    naming = {
        str(field)
        for field in FIELDS
        if field.is_text
        and (field.last.name == "id" or field.last.name.endswith(("_id", "_ids")))
        and not ({field.last.name, str(field)} & OF_NOBODY or is_output_only(field))
    }

    assert naming == set(NAMES_A)
    assert set(BESIDE) <= {method.name for method in METHODS}
