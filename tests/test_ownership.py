"""What belongs to another, or was deleted, is answered exactly like what does not exist."""

from dataclasses import dataclass
from typing import Any

import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused
from tests.methods import FIELDS, METHODS, find, is_output_only

from finlink.config import v1
from finlink_server import ids
from finlink_server.domain.caller import Role
from finlink_server.storage import models

PREFIXES = {"account": "acc", "app": "app", "secret": "sec", "session": "ses", "redirect": "rdr"}

# Every field that names a thing, the kind of thing, and how one that does not exist is
# answered; "" is an answer, without anything in it.
NAMES_A = {
    "AccountService/GetAccount-account_id": ("account", "ACCOUNT_NOT_FOUND"),
    "AccountService/GetApp-app_id": ("app", "APP_NOT_FOUND"),
    "AccountService/ListApps-account_id": ("account", "ACCOUNT_NOT_FOUND"),
    "AccountService/UpdateApp-app.id": ("app", "APP_NOT_FOUND"),
    "AccountService/DeleteApp-app_id": ("app", "APP_NOT_FOUND"),
    "AccountService/ListAuditEvents-app_id": ("app", "APP_NOT_FOUND"),
    "AccountService/ListAuditEvents-account_id": ("account", "ACCOUNT_NOT_FOUND"),
    "AccountService/ListAuditEvents-actor_id": ("session", ""),
    "AccountService/ListAuditEvents-target_id": ("secret", ""),
    "AccountService/ListAuditEvents-call_id": ("call", ""),
    "AdminService/ResetPassword-account_id": ("account", "ACCOUNT_NOT_FOUND"),
    "AdminService/SuspendAccount-account_id": ("account", "ACCOUNT_NOT_FOUND"),
    "AdminService/ReinstateAccount-account_id": ("account", "ACCOUNT_NOT_FOUND"),
    "AdminService/EndSecret-secret_id": ("secret", "SECRET_NOT_FOUND"),
    "AdminService/RevokeServiceKey-service_key_id": ("service key", "SERVICE_KEY_NOT_FOUND"),
    "SecretService/CreateSecret-app_id": ("app", "APP_NOT_FOUND"),
    "SecretService/GetSecret-secret_id": ("secret", "SECRET_NOT_FOUND"),
    "SecretService/ListSecrets-app_id": ("app", "APP_NOT_FOUND"),
    "SecretService/UpdateSecret-secret.id": ("secret", "SECRET_NOT_FOUND"),
    "SecretService/RotateSecret-secret_id": ("secret", "SECRET_NOT_FOUND"),
    "SecretService/RevokeSecret-secret_id": ("secret", "SECRET_NOT_FOUND"),
    "SessionService/StartSession-client_id": ("app", "CLIENT_CREDENTIALS_INVALID"),
    "SessionService/GetSession-session_id": ("session", "SESSION_NOT_FOUND"),
    "SessionService/ListSessions-app_id": ("app", "APP_NOT_FOUND"),
    "SessionService/RevokeSession-session_id": ("session", "SESSION_NOT_FOUND"),
    "LinkService/CreateLinkToken-app_id": ("app", "APP_NOT_FOUND"),
    "LinkService/CreateLinkToken-parameters.redirect_id": ("redirect", "LINK_REDIRECT_UNKNOWN"),
    "SettingsService/GetSettings-app_id": ("app", "APP_NOT_FOUND"),
    "SettingsService/UpdateSettings-settings.app_id": ("app", "APP_NOT_FOUND"),
    "SettingsService/UpdateSettings-settings.link.redirects[0].id": ("redirect", "FIELD_INVALID"),
}
# Ids that callers make up: they name nothing here.
MADE_UP = {"request_id", "external_id"}

# What else a request needs to be good; `{app}` is the caller's own.
BESIDE: dict[str, Any] = {
    "UpdateApp": {"app": {"display_name": "Mine now"}, "update_mask": {"paths": ["*"]}},
    "DeleteApp": {"password": "{password}"},
    "CreateSecret": {"display_name": "Mine"},
    "UpdateSecret": {"secret": {"display_name": "Mine now"}, "update_mask": {"paths": ["*"]}},
    "RotateSecret": {"password": "{password}"},
    "RevokeSecret": {"password": "{password}"},
    "StartSession": {"client_secret": "{plaintext}"},
    "CreateLinkToken": {
        "app_id": "{app}",
        "parameters": {"redirect_id": "{redirect}", "product": 1},
    },
    "UpdateSettings": {
        "settings": {
            "app_id": "{app}",
            "link": {"redirects": [{"display_name": "Mine", "uri": "https://mine.example/"}]},
        },
        "update_mask": {"paths": ["link.redirects"]},
    },
}
# Refusals of a caller who may not do that to anything, whatever it is.
NOT_FOR_THIS_CALLER = {"CALLER_NOT_ALLOWED", "SCOPE_MISSING", "ACCOUNT_TOKEN_REQUIRED"}

NAMING_FIELDS = [field for field in FIELDS if str(field) in NAMES_A]
HANGING_ON_AN_APP = [
    field
    for field in NAMING_FIELDS
    # The journal keeps what was done to things that are gone.
    if NAMES_A[str(field)][0] in {"app", "secret", "session", "redirect"} and NAMES_A[str(field)][1]
]


@dataclass
class Household:
    """A customer with one thing of each kind; `ids` by kind."""

    account: people.Account
    session: people.Session
    ids: dict[str, str]


def household(operator: people.Caller, account: people.Account | None = None) -> Household:
    account = account or people.new_account(operator)
    app = people.new_app(account)
    secret = people.new_secret(account, app)
    session = secret.start()
    made = operator.accounts.ListAuditEvents(app_id=app.id, types=["app.created"]).events[0]
    things = {
        "account": account.id,
        "app": app.id,
        "secret": secret.id,
        "plaintext": secret.plaintext,
        "session": session.id,
        "redirect": people.add_redirect(account, app),
        "password": account.password,
        "call": made.call_id,
        "service key": operator.admin.ListServiceKeys(page_size=1).service_keys[0].id,
    }
    return Household(account, session, things)


@pytest.fixture(scope="module")
def owner(operator):
    return household(operator)


@pytest.fixture(scope="module")
def other(operator):
    return household(operator)


@pytest.fixture(scope="module")
def sibling(operator, owner):
    """Another app of the owner's own account."""
    return household(operator, owner.account)


@pytest.fixture(scope="module")
def deleted(operator, owner):
    """What hung on an app that the owner deleted."""
    gone = household(operator, owner.account)
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
    return ids.new_id(PREFIXES.get(kind, kind.replace("service ", "")), env.now())


def changes():
    """Rows of the journal, but for those that count refusals."""
    return models.Journal.select().where(models.Journal.once.is_null()).count()


@pytest.mark.parametrize("field", NAMING_FIELDS, ids=str)
def test_another_accounts_thing_looks_like_none(server, env, owner, other, field):
    kind, reason = NAMES_A[str(field)]
    of_nobody = answer_about(server, field, missing(env, kind), other.account, other.ids)
    before = changes()

    answer = answer_about(server, field, owner.ids[kind], other.account, other.ids)

    assert answer == of_nobody
    assert answer[1] == ("CALLER_NOT_ALLOWED" if field.method.service == "AdminService" else reason)
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


@pytest.mark.parametrize("field", HANGING_ON_AN_APP, ids=str)
@pytest.mark.parametrize("who", ["owner", "operator"])
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
        and (field.last.name == "id" or field.last.name.endswith("_id"))
        and not (field.last.name in MADE_UP or is_output_only(field))
    }

    assert naming == set(NAMES_A)
    assert set(BESIDE) <= {method.name for method in METHODS}
