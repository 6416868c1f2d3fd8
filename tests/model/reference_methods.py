"""Each RPC, and the function that says what its answer must be."""

from __future__ import annotations

from typing import Any

from tests.model import (
    reference_access,
    reference_accounts,
    reference_apps,
    reference_banks,
    reference_deliveries,
    reference_endpoints,
    reference_events,
    reference_link_tokens,
    reference_links,
    reference_secrets,
    reference_service_keys,
    reference_sessions,
    reference_settings,
    reference_signing_keys,
)
from tests.model.reference import Record, Refused, World

# Service → method → function.
SERVICES: dict[str, Record] = {
    "accounts": {
        "SignIn": reference_accounts.sign_in,
        "SignOut": reference_accounts.sign_out,
        "SetPassword": reference_accounts.set_password,
        "ChangePassword": reference_accounts.change_password,
        "GetAccount": reference_accounts.get,
        "CreateApp": reference_apps.create,
        "GetApp": reference_apps.get,
        "ListApps": reference_apps.page,
        "UpdateApp": reference_apps.update,
        "DeleteApp": reference_apps.delete,
        "ListAuditEvents": reference_events.audit,
        "VerifyAuditLog": reference_events.verify,
    },
    "admin": {
        "CreateAccount": reference_accounts.create,
        "ListAccounts": reference_accounts.find_by_email,
        "ResetPassword": reference_accounts.reset_password,
        "SuspendAccount": reference_accounts.suspend,
        "ReinstateAccount": reference_accounts.reinstate,
        "EndSecret": reference_secrets.end_by_operator,
        "CreateServiceKey": reference_service_keys.create,
        "ListServiceKeys": reference_service_keys.page,
        "RevokeServiceKey": reference_service_keys.revoke,
        "RotateSigningKey": reference_signing_keys.rotate,
        "SetBankStatus": reference_banks.set_status,
    },
    "secrets": {
        "CreateSecret": reference_secrets.create,
        "GetSecret": reference_secrets.get,
        "ListSecrets": reference_secrets.page,
        "UpdateSecret": reference_secrets.update,
        "RotateSecret": reference_secrets.rotate,
        "RevokeSecret": reference_secrets.revoke,
        "ReportLeakedSecret": reference_secrets.report_leaked,
    },
    "sessions": {
        "StartSession": reference_sessions.start,
        "ValidateSession": reference_sessions.validate,
        "BatchValidateSessions": reference_sessions.validate_all,
        "EndSession": reference_sessions.end_own,
        "GetSession": reference_sessions.get,
        "ListSessions": reference_sessions.page,
        "RevokeSession": reference_sessions.revoke,
        "ListSigningKeys": reference_signing_keys.list_published,
    },
    "settings": {
        "GetSettings": reference_settings.get,
        "UpdateSettings": reference_settings.update,
        "ListSettingsVersions": reference_settings.history,
        "RollbackSettings": reference_settings.rollback,
        "ListBanks": reference_banks.page,
        "GetBank": reference_banks.get,
        "ListAppBanks": reference_banks.page_of_app,
    },
    "links": {
        "CreateLinkToken": reference_link_tokens.create,
        "GetLinkToken": reference_link_tokens.get,
        "ListLinkTokens": reference_link_tokens.page,
        "RevokeLinkToken": reference_link_tokens.revoke,
        "OpenLink": reference_links.open_link,
        "ExplainLink": reference_links.explain,
        "GetLink": reference_links.get,
        "ListLinks": reference_links.page,
        "ListLinkBanks": reference_links.list_banks,
    },
    "webhooks": {
        "CreateEndpoint": reference_endpoints.create,
        "GetEndpoint": reference_endpoints.get,
        "ListEndpoints": reference_endpoints.page,
        "UpdateEndpoint": reference_endpoints.update,
        "DeleteEndpoint": reference_endpoints.delete,
        "RotateSigningSecret": reference_endpoints.rotate,
        "SendTestEvent": reference_deliveries.send_test,
        "PublishEvent": reference_events.publish,
        "ListEvents": reference_events.page,
        "ListDeliveries": reference_deliveries.page,
        "GetDelivery": reference_deliveries.get,
        "ListEventTypes": reference_events.types,
        "RedeliverEvents": reference_deliveries.redeliver,
    },
}
SERVICE_OF = {method: service for service, methods in SERVICES.items() for method in methods}


def answer(
    world: World, method: str, credential: str, address: str, asked: Any, said: Any
) -> Record:
    """What the answer to a call must be; raises Refused where it must be refused."""
    written = len(world.journal)
    try:
        caller = reference_access.identify(world, method, credential, address)
        _refuse_token_of_others(world, caller, method, asked)
        found: Record = SERVICES[SERVICE_OF[method]][method](world, caller, asked, said)
    finally:
        reference_deliveries.queue(world, world.journal[written:])
    return found


def _refuse_token_of_others(world: World, caller: Record, method: str, asked: Any) -> None:
    """Refuse the token of a page that is another list's, or was given to another caller."""
    token = getattr(asked, "page_token", "")
    if token:
        world.app(caller, asked.app_id)
        is_theirs = caller["id"] == next(iter(world.service_keys))  # the operator's
        if not is_theirs or world.page_tokens.get(token) != (method, asked.app_id):
            raise Refused("PAGE_TOKEN_INVALID", ["page_token"])
