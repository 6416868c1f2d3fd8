"""Who may call what: every method with every kind of credential."""

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from tests import bad_credentials, people
from tests.errors import refused
from tests.methods import METHODS, PACKAGE, find

from finlink_server import access
from finlink_server.domain.caller import Call, Caller, CallerKind, Role
from finlink_server.errors import CallerNotAllowed

pytestmark = pytest.mark.either("refused before any database is asked")

# Section 3 of the contract, method by method: which credential gets past the door.
# `read`, `write` and `delete` are session tokens with that one scope.
WHO_MAY_CALL = {
    "AccountService/SignIn": "anybody",
    "AccountService/SignOut": "account",
    "AccountService/SetPassword": "anybody",
    "AccountService/ChangePassword": "account",
    "AccountService/GetAccount": "account operator",
    "AccountService/CreateApp": "account",
    "AccountService/GetApp": "account operator",
    "AccountService/ListApps": "account operator",
    "AccountService/UpdateApp": "account",
    "AccountService/DeleteApp": "account",
    "AccountService/ListAuditEvents": "account operator",
    "AccountService/VerifyAuditLog": "account operator",
    "AdminService/CreateAccount": "operator",
    "AdminService/ListAccounts": "operator",
    "AdminService/ResetPassword": "operator",
    "AdminService/SuspendAccount": "operator",
    "AdminService/ReinstateAccount": "operator",
    "AdminService/EndSecret": "operator",
    "AdminService/CreateServiceKey": "operator",
    "AdminService/ListServiceKeys": "operator",
    "AdminService/RevokeServiceKey": "operator",
    "AdminService/RotateSigningKey": "operator",
    "AdminService/SetBankStatus": "operator",
    "SecretService/CreateSecret": "account",
    "SecretService/GetSecret": "account operator",
    "SecretService/ListSecrets": "account operator",
    "SecretService/UpdateSecret": "account",
    "SecretService/RotateSecret": "account",
    "SecretService/RevokeSecret": "account",
    "SecretService/ReportLeakedSecret": "anybody",
    "SessionService/StartSession": "anybody",
    "SessionService/ValidateSession": "operator verifier",
    "SessionService/BatchValidateSessions": "operator verifier",
    "SessionService/WatchRevocations": "operator verifier",
    "SessionService/EndSession": "read write delete",
    "SessionService/GetSession": "account operator read write delete",
    "SessionService/ListSessions": "account operator",
    "SessionService/RevokeSession": "account",
    "SessionService/ListSigningKeys": "anybody",
    "LinkService/CreateLinkToken": "account write",
    "LinkService/GetLinkToken": "account operator read",
    "LinkService/ListLinkTokens": "account operator read",
    "LinkService/RevokeLinkToken": "account delete",
    "LinkService/OpenLink": "link",
    "LinkService/ExplainLink": "account operator link read",
    "LinkService/GetLink": "account operator link publisher read",
    "LinkService/ListLinks": "account operator read",
    "LinkService/ListLinkBanks": "operator link",
    "SettingsService/GetSettings": "account operator verifier read",
    "SettingsService/UpdateSettings": "account write",
    "SettingsService/ListSettingsVersions": "account operator read",
    "SettingsService/RollbackSettings": "account",
    "SettingsService/WatchSettings": "account operator verifier",
    "SettingsService/ListBanks": "account operator read",
    "SettingsService/GetBank": "account operator read",
    "SettingsService/ListAppBanks": "account operator read",
    "WebhookService/CreateEndpoint": "account write",
    "WebhookService/GetEndpoint": "account operator read",
    "WebhookService/ListEndpoints": "account operator read",
    "WebhookService/UpdateEndpoint": "account write",
    "WebhookService/DeleteEndpoint": "account delete",
    "WebhookService/RotateSigningSecret": "account",
    "WebhookService/SendTestEvent": "account write",
    "WebhookService/PublishEvent": "publisher",
    "WebhookService/ListEvents": "account operator read",
    "WebhookService/ListDeliveries": "account operator read",
    "WebhookService/GetDelivery": "account operator read",
    "WebhookService/RedeliverEvents": "account write",
    "WebhookService/ListEventTypes": "account operator read",
}
# As a whole; of UpdateSettings some paths could.
COULD_DISARM_THE_APP = {"SettingsService/RollbackSettings"}
SCOPES = ("read", "write", "delete")
ROLES = {"operator": Role.OPERATOR, "verifier": Role.VERIFIER, "link": Role.LINK}
ROLES["publisher"] = Role.PUBLISHER
CREDENTIALS = (*ROLES, "account", *SCOPES)

# No bytes of any request: whoever is answered REQUEST_UNREADABLE got past the door,
# and nothing came of it.
UNREADABLE = b"\xff"


@pytest.fixture(scope="module")
def bad(server, operator):
    return bad_credentials.make(server, operator)


@pytest.fixture(scope="module")
def wallet(server, operator, bad):  # after the bad ones, which take a day to make
    keys = {
        name: server.key(role, prefixes=("connection.",) if name == "publisher" else ())
        for name, role in ROLES.items()
    }
    account = people.new_account(operator)
    app = people.new_app(account)
    sessions = {scope: people.new_secret(account, app).start((scope,)) for scope in SCOPES}
    callers = keys | {"account": account} | sessions
    return {name: caller.metadata for name, caller in callers.items()}


def allowed(method):
    return WHO_MAY_CALL[str(method)].split()


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_credential_opens_the_methods_that_the_contract_names_for_it(
    server, wallet, method, name
):
    may = allowed(method)

    outcome = method.outcome(server.channel, UNREADABLE, wallet[name])

    if name in may or "anybody" in may:
        assert (outcome.code, outcome.reason) == ("INVALID_ARGUMENT", "REQUEST_UNREADABLE")
    elif name in SCOPES and not {*SCOPES}.isdisjoint(may):
        assert (outcome.code, outcome.reason) == ("PERMISSION_DENIED", "SCOPE_MISSING")
        assert outcome.facts["scope"] in may
    elif name in SCOPES and str(method) in COULD_DISARM_THE_APP:
        assert (outcome.code, outcome.reason) == ("PERMISSION_DENIED", "ACCOUNT_TOKEN_REQUIRED")
    else:
        assert (outcome.code, outcome.reason) == ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED")
        assert outcome.facts["method"] == str(method)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_without_a_credential_only_the_open_methods_answer(server, method):
    outcome = method.outcome(server.channel, UNREADABLE, ())

    if "anybody" in allowed(method):
        assert outcome.reason == "REQUEST_UNREADABLE"
    else:
        assert (outcome.code, outcome.reason) == ("UNAUTHENTICATED", "CREDENTIAL_MISSING")


def test_health_and_reflection_ask_for_no_credential(server):
    health = health_pb2_grpc.HealthStub(server.channel)
    reflection = ProtoReflectionDescriptorDatabase(server.channel)

    assert health.Check(health_pb2.HealthCheckRequest()).status == 1
    assert f"{PACKAGE}.SecretService" in reflection.get_services()


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_key_with_two_roles_opens_what_either_opens(server, two_roles, method):
    outcome = method.outcome(server.channel, UNREADABLE, two_roles.metadata)

    if {"anybody", "operator", "verifier"}.isdisjoint(allowed(method)):
        assert outcome.reason == "CALLER_NOT_ALLOWED"
    else:
        assert outcome.reason == "REQUEST_UNREADABLE"


@pytest.fixture(scope="module")
def two_roles(server):
    return server.key(Role.OPERATOR, Role.VERIFIER)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_an_operator_neither_acts_as_a_customer_nor_gives_a_password(server, operator, method):
    looks = method.name.removeprefix("Batch").startswith(
        ("Get", "List", "Explain", "Validate", "Verify", "Watch")
    )
    fields = " ".join(method.request.fields_by_name)

    outcome = method.outcome(server.channel, UNREADABLE, operator.metadata)

    if "anybody" not in allowed(method):
        lets_in = method.service == "AdminService" or (looks and "password" not in fields)
        assert (outcome.reason == "REQUEST_UNREADABLE") == lets_in


def test_a_publisher_publishes_and_looks_at_a_link_and_may_do_nothing_else(server, publisher):
    opened = {
        str(method)
        for method in METHODS
        if "anybody" not in allowed(method)
        and method.outcome(server.channel, UNREADABLE, publisher.metadata).code
        != "PERMISSION_DENIED"
    }

    assert opened == {"WebhookService/PublishEvent", "LinkService/GetLink"}


def test_a_verifier_cannot_make_a_link_token(verifier):
    with refused(grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED") as refusal:
        verifier.links.CreateLinkToken()

    assert refusal.facts == {
        "method": "LinkService/CreateLinkToken",
        "caller": "a service key with role VERIFIER",
        "allowed": "account tokens, session tokens with scope write",
    }


@pytest.mark.parametrize("name", bad_credentials.REASONS)
def test_a_bad_credential_opens_only_what_is_open_to_anybody(server, bad, name):
    unreadable = ("INVALID_ARGUMENT", "REQUEST_UNREADABLE")

    outcomes = {one: one.outcome(server.channel, UNREADABLE, bad[name]) for one in METHODS}

    assert {str(one): (outcome.code, outcome.reason) for one, outcome in outcomes.items()} == {
        str(one): unreadable if "anybody" in allowed(one) else bad_credentials.REASONS[name]
        for one in METHODS
    }


@pytest.mark.parametrize(("name", "why"), bad_credentials.INACTIVE.items())
def test_the_token_of_an_ended_session_says_why_it_ended(server, bad, name, why):
    outcome = find("GetSession").outcome(server.channel, b"", bad[name])

    assert outcome.facts == {"inactive_reason": why}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_blind_to_case(server, operator, scheme):
    metadata = (("authorization", f"{scheme} {operator.credential}"),)

    outcome = find("ListAccounts").outcome(server.channel, b"", metadata)

    assert outcome.code == "OK"


def test_this_table_and_the_servers_name_every_method_and_no_other():
    of_the_descriptors = {str(method) for method in METHODS}

    assert set(WHO_MAY_CALL) == of_the_descriptors
    assert set(access.METHODS) == {f"/{PACKAGE}.{name}" for name in of_the_descriptors}


@pytest.mark.parametrize("kind", CallerKind)
def test_a_method_that_the_table_does_not_name_is_for_nobody(kind):
    path = f"/{PACKAGE}.SecretService/ExportSecrets"
    caller = Caller(
        kind, Call(method=path), scopes=frozenset(SCOPES), roles=frozenset(Role), account_id="acc"
    )

    assert access.access_to(path) == access.Access()
    with pytest.raises(CallerNotAllowed, match="nobody"):
        access.authorize(caller, access.access_to(path))
