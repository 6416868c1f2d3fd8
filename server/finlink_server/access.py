"""Who may call what: one table. A method that is not in it may be called by nobody."""

from dataclasses import dataclass
from typing import Final

from finlink_server.domain.caller import Caller, CallerKind, Role
from finlink_server.errors import AccountTokenRequired, CallerNotAllowed, ScopeMissing

PACKAGE: Final = "finlink.config.v1"


@dataclass(frozen=True)
class Access:
    """Which identities may call a method; `a | b` allows both.

    `scope` is what a session token needs: one of the scopes, or "any"; empty
    means that no session token will do. `disarms`: what it does could disarm the
    app, and a session token is told that an account token can.
    """

    open: bool = False
    account: bool = False
    scope: str = ""
    roles: frozenset[Role] = frozenset()
    disarms: bool = False

    def __or__(self, other: "Access") -> "Access":
        """Allow whom either allows."""
        return Access(
            self.open or other.open,
            self.account or other.account,
            self.scope or other.scope,
            self.roles | other.roles,
            self.disarms or other.disarms,
        )

    def __str__(self) -> str:
        """Name who may call, for the refusal's message."""
        names = []
        if self.account:
            names.append("account tokens")
        if self.scope:
            with_scope = "" if self.scope == "any" else f" with scope {self.scope}"
            names.append(f"session tokens{with_scope}")
        names += [f"service keys with role {role.value}" for role in Role if role in self.roles]
        return ", ".join(names) or "nobody"


NOBODY: Final = Access()
OPEN: Final = Access(open=True)
ACCOUNT: Final = Access(account=True)
DISARMING: Final = Access(account=True, disarms=True)
SESSION: Final = Access(scope="any")
READ: Final = Access(scope="read")
WRITE: Final = Access(scope="write")
DELETE: Final = Access(scope="delete")
OPERATOR: Final = Access(roles=frozenset({Role.OPERATOR}))
VERIFIER: Final = Access(roles=frozenset({Role.VERIFIER}))
LINK: Final = Access(roles=frozenset({Role.LINK}))
PUBLISHER: Final = Access(roles=frozenset({Role.PUBLISHER}))

TABLE: Final = {
    "AccountService": {
        "SignIn": OPEN,
        "SignOut": ACCOUNT,
        "SetPassword": OPEN,
        "ChangePassword": ACCOUNT,
        "GetAccount": ACCOUNT | OPERATOR,
        "CreateApp": ACCOUNT,
        "GetApp": ACCOUNT | OPERATOR,
        "ListApps": ACCOUNT | OPERATOR,
        "UpdateApp": ACCOUNT,
        "DeleteApp": ACCOUNT,
        "ListAuditEvents": ACCOUNT | OPERATOR,
        "VerifyAuditLog": ACCOUNT | OPERATOR,
    },
    "AdminService": {
        "CreateAccount": OPERATOR,
        "ListAccounts": OPERATOR,
        "ResetPassword": OPERATOR,
        "SuspendAccount": OPERATOR,
        "ReinstateAccount": OPERATOR,
        "EndSecret": OPERATOR,
        "CreateServiceKey": OPERATOR,
        "ListServiceKeys": OPERATOR,
        "RevokeServiceKey": OPERATOR,
        "RotateSigningKey": OPERATOR,
        "SetBankStatus": OPERATOR,
    },
    "SecretService": {
        "CreateSecret": ACCOUNT,
        "GetSecret": ACCOUNT | OPERATOR,
        "ListSecrets": ACCOUNT | OPERATOR,
        "UpdateSecret": ACCOUNT,
        "RotateSecret": ACCOUNT,
        "RevokeSecret": ACCOUNT,
        "ReportLeakedSecret": OPEN,
    },
    "SessionService": {
        "StartSession": OPEN,
        "ValidateSession": VERIFIER | OPERATOR,
        "BatchValidateSessions": VERIFIER | OPERATOR,
        "WatchRevocations": VERIFIER | OPERATOR,
        "EndSession": SESSION,
        "GetSession": ACCOUNT | SESSION | OPERATOR,
        "ListSessions": ACCOUNT | OPERATOR,
        "RevokeSession": ACCOUNT,
        "ListSigningKeys": OPEN,
    },
    "LinkService": {
        "CreateLinkToken": ACCOUNT | WRITE,
        "GetLinkToken": ACCOUNT | READ | OPERATOR,
        "ListLinkTokens": ACCOUNT | READ | OPERATOR,
        "RevokeLinkToken": ACCOUNT | DELETE,
        "OpenLink": LINK,
        "ExplainLink": ACCOUNT | READ | OPERATOR | LINK,
        "GetLink": ACCOUNT | READ | OPERATOR | LINK | PUBLISHER,
        "ListLinks": ACCOUNT | READ | OPERATOR,
        "ListLinkBanks": OPERATOR | LINK,
    },
    "SettingsService": {
        "GetSettings": ACCOUNT | READ | OPERATOR | VERIFIER,
        "UpdateSettings": ACCOUNT | WRITE,
        "ListSettingsVersions": ACCOUNT | READ | OPERATOR,
        "RollbackSettings": DISARMING,
        "WatchSettings": ACCOUNT | OPERATOR | VERIFIER,
        "ListBanks": ACCOUNT | READ | OPERATOR,
        "GetBank": ACCOUNT | READ | OPERATOR,
        "ListAppBanks": ACCOUNT | READ | OPERATOR,
    },
    "WebhookService": {
        "CreateEndpoint": ACCOUNT | WRITE,
        "GetEndpoint": ACCOUNT | READ | OPERATOR,
        "ListEndpoints": ACCOUNT | READ | OPERATOR,
        "UpdateEndpoint": ACCOUNT | WRITE,
        "DeleteEndpoint": ACCOUNT | DELETE,
        "RotateSigningSecret": ACCOUNT,
        "SendTestEvent": ACCOUNT | WRITE,
        "PublishEvent": PUBLISHER,
        "ListEvents": ACCOUNT | READ | OPERATOR,
        "ListDeliveries": ACCOUNT | READ | OPERATOR,
        "GetDelivery": ACCOUNT | READ | OPERATOR,
        "RedeliverEvents": ACCOUNT | WRITE,
        "ListEventTypes": ACCOUNT | READ | OPERATOR,
    },
}

METHODS: Final = {
    f"/{PACKAGE}.{service}/{method}": access
    for service, methods in TABLE.items()
    for method, access in methods.items()
}


def access_to(method: str) -> Access:
    """Who may call a method, by its full name `/package.Service/Method`."""
    return METHODS.get(method, NOBODY)


def authorize(caller: Caller, access: Access) -> None:
    """Refuse a caller whose one identity does not allow the method."""
    match caller.kind:
        case CallerKind.ACCOUNT:
            allowed = access.account
        case CallerKind.SERVICE_KEY:
            allowed = bool(access.roles & caller.roles)
        case CallerKind.SESSION:
            if access.disarms:
                raise AccountTokenRequired(path="*")
            allowed = bool(access.scope)
            if allowed and access.scope != "any" and access.scope not in caller.scopes:
                raise ScopeMissing(scope=access.scope)
        case _:
            allowed = False
    if not allowed:
        method = caller.call.method.removeprefix(f"/{PACKAGE}.")
        raise CallerNotAllowed(method=method, caller=_name(caller), allowed=str(access))


def _name(caller: Caller) -> str:
    roles = ", ".join(role.value for role in Role if role in caller.roles)
    return f"{caller.kind.value} with role {roles}" if roles else caller.kind.value
