"""Who calls: exactly one identity, which decides alone."""

from dataclasses import dataclass, field, replace
from enum import Enum


class CallerKind(Enum):
    """The kind of identity; the value is how messages name it."""

    ANONYMOUS = "no credential"
    ACCOUNT = "an account token"
    SESSION = "a session token"
    SERVICE_KEY = "a service key"
    COMMAND_LINE = "the command line"
    SERVER = "the server itself"


class Role(Enum):
    """What a service key may do; the value is the enum's name in the protos."""

    OPERATOR = "OPERATOR"
    VERIFIER = "VERIFIER"
    LINK = "LINK"
    PUBLISHER = "PUBLISHER"


SCOPES = ("read", "write", "delete")


@dataclass(frozen=True, slots=True)
class Call:
    """Facts of one call, for the journal and the log."""

    id: str = ""
    method: str = ""
    client_address: str = ""
    client_trace_id: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """An identity and the call that it makes.

    `id` is what proved it: an account, a session or a service key. `token_id` is
    the account token's row.
    """

    kind: CallerKind
    call: Call
    id: str = ""
    account_id: str = ""
    app_id: str = ""
    token_id: str = ""
    scopes: frozenset[str] = frozenset()
    roles: frozenset[Role] = frozenset()
    event_prefixes: tuple[str, ...] = field(default=())

    def proven(self, kind: CallerKind, identity: str) -> "Caller":
        """This call, once it has proved an identity: who stands in the journal."""
        return replace(self, kind=kind, id=identity)

    @property
    def sees_everything(self) -> bool:
        """Services of the platform look at any account's things; access.py says at which."""
        return self.kind in {CallerKind.SERVICE_KEY, CallerKind.COMMAND_LINE}

    def sees(self, account_id: str, app_id: str) -> bool:
        """Whether something of this account and app exists as far as the caller knows."""
        if self.sees_everything:
            return True
        if self.kind is CallerKind.SESSION:
            return self.app_id == app_id
        return self.kind is CallerKind.ACCOUNT and self.account_id == account_id

    @property
    def owner(self) -> str:
        """On whose behalf: stays the same when a token is replaced by a newer one."""
        if self.kind is CallerKind.SESSION:
            return self.app_id
        return self.account_id or self.id
