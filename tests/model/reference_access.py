"""Who calls, and what he may: contract §3."""

from __future__ import annotations

from tests.model import reference_sessions as sessions
from tests.model import reference_signing_keys as signing_keys
from tests.model.reference import Record, World, refuse

# Whom each method is for. A session token needs the scope that is named, or any.
WHO = {
    "SignIn": "everybody",
    "SignOut": "account",
    "SetPassword": "everybody",
    "ChangePassword": "account",
    "GetAccount": "account OPERATOR",
    "CreateApp": "account",
    "GetApp": "account OPERATOR",
    "ListApps": "account OPERATOR",
    "UpdateApp": "account",
    "DeleteApp": "account",
    "ListAuditEvents": "account OPERATOR",
    "VerifyAuditLog": "account OPERATOR",
    "CreateAccount": "OPERATOR",
    "ListAccounts": "OPERATOR",
    "ResetPassword": "OPERATOR",
    "SuspendAccount": "OPERATOR",
    "ReinstateAccount": "OPERATOR",
    "EndSecret": "OPERATOR",
    "CreateServiceKey": "OPERATOR",
    "ListServiceKeys": "OPERATOR",
    "RevokeServiceKey": "OPERATOR",
    "RotateSigningKey": "OPERATOR",
    "SetBankStatus": "OPERATOR",
    "CreateSecret": "account",
    "GetSecret": "account OPERATOR",
    "ListSecrets": "account OPERATOR",
    "UpdateSecret": "account",
    "RotateSecret": "account",
    "RevokeSecret": "account",
    "ReportLeakedSecret": "everybody",
    "StartSession": "everybody",
    "ValidateSession": "VERIFIER OPERATOR",
    "BatchValidateSessions": "VERIFIER OPERATOR",
    "EndSession": "session",
    "GetSession": "account session OPERATOR",
    "ListSessions": "account OPERATOR",
    "RevokeSession": "account",
    "ListSigningKeys": "everybody",
    "WatchRevocations": "OPERATOR VERIFIER",
    "WatchSettings": "account OPERATOR VERIFIER",
    "CreateLinkToken": "account write",
    "GetLinkToken": "account read OPERATOR",
    "ListLinkTokens": "account read OPERATOR",
    "RevokeLinkToken": "account delete",
    "OpenLink": "LINK",
    "ExplainLink": "account read OPERATOR LINK",
    "GetLink": "account read OPERATOR LINK PUBLISHER",
    "ListLinks": "account read OPERATOR",
    "ListLinkBanks": "OPERATOR LINK",
    "GetSettings": "account read OPERATOR VERIFIER",
    "UpdateSettings": "account write",
    "ListSettingsVersions": "account read OPERATOR",
    "RollbackSettings": "account",
    "ListBanks": "account read OPERATOR",
    "GetBank": "account read OPERATOR",
    "ListAppBanks": "account read OPERATOR",
    "CreateEndpoint": "account write",
    "GetEndpoint": "account read OPERATOR",
    "ListEndpoints": "account read OPERATOR",
    "UpdateEndpoint": "account write",
    "DeleteEndpoint": "account delete",
    "RotateSigningSecret": "account",
    "SendTestEvent": "account write",
    "PublishEvent": "PUBLISHER",
    "ListEvents": "account read OPERATOR",
    "ListDeliveries": "account read OPERATOR",
    "GetDelivery": "account read OPERATOR",
    "ListEventTypes": "account read OPERATOR",
    "RedeliverEvents": "account write",
}


def identify(world: World, method: str, credential: str, address: str) -> Record:
    """Give the one identity that a credential proves now, if the method is for it."""
    nobody = {"kind": "ANONYMOUS", "id": "", "owner": "", "method": method, "address": address}
    if WHO[method] == "everybody":
        return nobody
    if not credential:
        refuse("CREDENTIAL_MISSING")
    caller = {**nobody, **_identity(world, credential, address)}
    _authorize(caller, set(WHO[method].split()), method)
    return caller


def _identity(world: World, credential: str, address: str) -> Record:
    for key in world.service_keys.values():
        if key["key"] == credential and key["revoke_time"] is None:
            return {"kind": "SERVICE_KEY", "id": key["id"], "owner": key["id"], "key": key}
    for token in world.account_tokens.values():
        if token["token"] == credential and is_live(world, token):
            account_id = token["account_id"]
            identity = {"id": account_id, "owner": account_id, "account_id": account_id}
            return {"kind": "ACCOUNT", "token": token, **identity}
    session = next((one for one in world.sessions.values() if one["token"] == credential), None)
    if session is None:
        refuse("CREDENTIAL_INVALID")
    return _session(world, session, address)


def _session(world: World, session: Record, address: str) -> Record:
    found = sessions.judge(world, session["token"])
    if found["reason"] and found["session"] is None:
        refuse("CREDENTIAL_INVALID")  # its key was revoked, so nothing in it can be believed
    if found["reason"]:
        refuse("SESSION_INACTIVE", inactive_reason=found["reason"])
    if not sessions.may_come_from(world.secrets[session["secret_id"]], address):
        refuse("CLIENT_ADDRESS_NOT_ALLOWED", client_address=address)
    app_id = session["app_id"]
    identity = {"id": session["id"], "owner": app_id, "app_id": app_id}
    return {"kind": "SESSION", "scopes": session["scopes"], **identity}


def _authorize(caller: Record, who: set[str], method: str) -> None:
    if caller["kind"] == "ACCOUNT" and "account" in who:
        return
    if caller["kind"] == "SERVICE_KEY" and who & set(caller["key"]["roles"]):
        return
    if caller["kind"] == "SESSION":
        if method == "RollbackSettings":  # it could disarm the app
            refuse("ACCOUNT_TOKEN_REQUIRED", path="*")
        scopes = who & {"session", "read", "write", "delete"}
        if scopes <= {"session", *caller["scopes"]} and scopes:
            return
        if scopes:
            refuse("SCOPE_MISSING", scope=scopes.pop())
    refuse("CALLER_NOT_ALLOWED")


def is_live(world: World, token: Record) -> bool:
    """Whether an account token is accepted."""
    is_revoked = signing_keys.is_revoked(world, "ACCOUNT", token["kid"])
    return not token["ended"] and token["expire_time"] > world.now and not is_revoked
