"""What a request cannot be without, for every method."""

import pytest
from tests.methods import METHODS, find

pytestmark = pytest.mark.either("refused before any database is asked")

# What an empty request is told to be without, where it must not be empty.
REQUIRED = {
    "SignIn": "email password",
    "SetPassword": "setup_token new_password",
    "ChangePassword": "current_password new_password",
    "CreateApp": "display_name public_name environment",
    "GetApp": "app_id",
    "UpdateApp": "app update_mask",
    "DeleteApp": "app_id password",
    "CreateAccount": "email display_name",
    "ResetPassword": "account_id",
    "SuspendAccount": "account_id",
    "ReinstateAccount": "account_id",
    "EndSecret": "secret_id",
    "CreateServiceKey": "display_name roles",
    "RevokeServiceKey": "service_key_id",
    "CreateSecret": "app_id display_name",
    "GetSecret": "secret_id",
    "ListSecrets": "app_id",
    "UpdateSecret": "secret update_mask",
    "RotateSecret": "secret_id password",
    "RevokeSecret": "secret_id password",
    "ReportLeakedSecret": "client_secret",
    "StartSession": "client_id client_secret",
    "GetSession": "session_id",
    "ListSessions": "app_id",
    "RevokeSession": "session_id",
    "BatchValidateSessions": "access_tokens",
    "RotateSigningKey": "kind",
    "SetBankStatus": "bank_id status",
    "CreateLinkToken": "parameters",
    "GetLinkToken": "link_token_id",
    "ListLinkTokens": "app_id",
    "RevokeLinkToken": "link_token_id",
    "GetLink": "link_id",
    "ListLinks": "app_id",
    "ListLinkBanks": "link_id",
    "GetSettings": "app_id",
    "UpdateSettings": "settings update_mask",
    "ListSettingsVersions": "app_id",
    "RollbackSettings": "app_id version",
    "WatchSettings": "app_ids",
    "GetBank": "bank_id",
    "ListAppBanks": "app_id",
    "CreateEndpoint": "uri",
    "GetEndpoint": "endpoint_id",
    "ListEndpoints": "app_id",
    "UpdateEndpoint": "endpoint update_mask",
    "DeleteEndpoint": "endpoint_id",
    "RotateSigningSecret": "endpoint_id",
    "SendTestEvent": "endpoint_id",
    "PublishEvent": "app_id event_id type",
    "ListEvents": "app_id",
    "ListDeliveries": "app_id",
    "GetDelivery": "delivery_id",
    "RedeliverEvents": "endpoint_id",
}
NOTHING_REQUIRED = {"EndSession", "ExplainLink", "GetAccount", "ListAccounts", "ListApps"}
NOTHING_REQUIRED |= {"ListAuditEvents", "ListBanks", "ListEventTypes", "ListServiceKeys"}
NOTHING_REQUIRED |= {"ListSigningKeys", "OpenLink", "SignOut", "ValidateSession"}
NOTHING_REQUIRED |= {"VerifyAuditLog", "WatchRevocations"}
# With nothing named they are about whatever the credential stands for.
OWN_IF_EMPTY = ["GetAccount", "ListApps", "GetSession", "GetSettings", "ListSettingsVersions"]
OWN_IF_EMPTY += ["ListAppBanks", "ListLinkTokens", "ListLinks"]
OWN_IF_EMPTY += ["ListEndpoints", "ListEvents", "ListDeliveries"]


@pytest.mark.parametrize(("name", "fields"), REQUIRED.items())
def test_an_empty_request_is_told_what_it_lacks(problems, name, fields):
    assert set(problems(name, find(name).new_request())) == set(fields.split())


def test_every_method_is_known_to_require_something_or_nothing():
    assert {method.name for method in METHODS} == set(REQUIRED) | NOTHING_REQUIRED
    assert not set(REQUIRED) & NOTHING_REQUIRED


@pytest.mark.parametrize("name", OWN_IF_EMPTY)
def test_an_operator_has_nothing_of_its_own_to_leave_unnamed(operator, server, name):
    outcome = find(name).outcome(server.channel, b"", operator.metadata)

    assert outcome.reason == "FIELD_INVALID"
    assert set(outcome.fields) < {"account_id", "session_id", "app_id"}


def test_settings_without_an_app_are_refused_by_the_apps_place(problems):
    request = find("UpdateSettings").new_request(settings={}, update_mask={"paths": ["*"]})

    assert set(problems("UpdateSettings", request)) == {"settings.app_id"}
