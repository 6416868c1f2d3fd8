"""Credentials of a client, and what it means when one is refused. Knows no threads and no tasks.

A token is renewed after a call that it was good for, in the last quarter of its life: so a
client whose session was taken over by another process hears of that, and does not end the
other's session in turn. For the same reason one that was idle past its token's end tries that
token once more: if another process logged in before that end, it is told. If after it, nobody
was taken over then, and its login ends the other's session.

How much of its life is over is measured by this machine's monotonic clock, from before the
token was asked for: whatever any wall clock says does not matter.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import jwt
from google.protobuf.message import Message

from finlink.config import v1
from finlink_client.channel import bearer
from finlink_client.errors import FinlinkError, Internal, SessionTakenOver
from finlink_client.login_refusals import Refusals
from finlink_client.messages import Method, build

_RENEW_AFTER: Final = (0.75, 0.9)  # of its life: not all replicas in one moment
_TRY_AGAIN_AFTER: Final = (5.0, 15.0)  # seconds, when a renewal failed
_DOUBT: Final = 60.0  # seconds in which a login without an answer may yet come about
# Ends of a session after which its secret opens another one.
_REPLACEABLE: Final = {"EXPIRED", "ENDED", "REVOKED", "KEY_REVOKED"}
# Such a login has not happened; what others have done is not known.
_REFUSALS: Final = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNIMPLEMENTED,
}
# They take no credential.
OPEN: Final = frozenset(
    f"/finlink.config.v1.{method}"
    for method in (
        "AccountService/SignIn",
        "AccountService/SetPassword",
        "SecretService/ReportLeakedSecret",
        "SessionService/StartSession",
        "SessionService/ListSigningKeys",
    )
)

_CHANGE: Final = "/finlink.config.v1.AccountService/ChangePassword"

_log = logging.getLogger("finlink_client")

TAKEN_OVER: Final = (
    "Another process logged in with the same client secret, which ended the session of this one:"
    " a secret has one session at a time. Give each replica a client secret of its own, and make"
    " a new client; this one does not log in again."
)

_UNREADABLE: Final = (
    "The answer to the login holds no token. Check that the target is a Finlink Config server, no"
    " older than this client."
)


@dataclass(frozen=True, repr=False)
class Login:
    """How to get a token, and how to see that it is still good."""

    method: Method[Any]
    request: Message
    token_field: str
    proof: Method[Any]


def with_client_secret(client_id: str, client_secret: str, scopes: Sequence[str]) -> Login:
    """Log in as an app's server."""
    start = Method(
        "/finlink.config.v1.SessionService/StartSession",
        v1.StartSessionRequest,
        v1.StartSessionResponse,
    )
    get = Method(
        "/finlink.config.v1.SessionService/GetSession", v1.GetSessionRequest, v1.GetSessionResponse
    )
    fields = {"client_id": client_id, "client_secret": client_secret, "scopes": scopes}
    check_given(client_id=client_id, client_secret=client_secret)
    return Login(start, build(start.request, fields), "access_token", get)


def with_password(email: str, password: str) -> Login:
    """Log in as a customer."""
    sign_in = Method(
        "/finlink.config.v1.AccountService/SignIn", v1.SignInRequest, v1.SignInResponse
    )
    get = Method(
        "/finlink.config.v1.AccountService/GetAccount", v1.GetAccountRequest, v1.GetAccountResponse
    )
    fields = {"email": email, "password": password}
    check_given(email=email, password=password)
    return Login(sign_in, build(sign_in.request, fields), "account_token", get)


def check_given(**credentials: object) -> None:
    """Refuse what is empty: a variable that is not set should not make a client of nobody."""
    for name, value in credentials.items():
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a str, not {type(value).__name__}.")
        if not value:
            raise ValueError(f"{name} is empty: only `anonymous` makes a client without one.")


@dataclass(frozen=True, eq=False)
class Token:
    """A credential; times by the monotonic clock."""

    value: str = field(repr=False)
    entry: tuple[str, str] = field(repr=False)  # of the metadata
    renew_at: float = float("inf")
    ends_at: float = float("inf")


class Tokens:
    """The newest token, and what to do when one is refused."""

    def __init__(
        self, login: Login | None, clock: Callable[[], float], credential: str | None = None
    ) -> None:
        """Begin without a token, or with one that is not renewed. Raises ValueError, TypeError."""
        self.login = login
        self.clock = clock
        self._newest = Token(credential, bearer(credential)) if credential is not None else None
        self._renew_at = float("inf")
        self._doubt_until = float("-inf")
        self._taken_over = False
        self._refusals = Refusals(clock)

    def usable(self) -> Token | None:
        """Give the newest token, be its life over: what it ended of is then heard of.

        Raises SessionTakenOver.
        """
        if self._taken_over:
            raise _taken_over()
        return self._newest

    def is_newest(self, used: Token) -> bool:
        """Tell whether no other token has come in the place of one."""
        return self._newest is used

    @property
    def are_alive(self) -> bool:
        """Whether the newest token lives, as far as is known here."""
        return self._newest is not None and self.clock() < self._newest.ends_at

    @property
    def want_proof(self) -> bool:
        """Whether the newest token should be tried on the service before others are given it."""
        return self._newest is not None and (self.are_due or not self.are_alive)

    @property
    def are_due(self) -> bool:
        """Whether it is time for the next token, while this one is still good."""
        return not self._taken_over and self.clock() >= self._renew_at

    def take(self, answer: Any, asked: float) -> Token:  # noqa: ANN401 - of any login
        """Hold the token of a login that was asked for at a time. Raises Internal."""
        assert self.login is not None  # noqa: S101 - for the type checker
        value = getattr(answer, self.login.token_field)
        life = _life(value)
        self._renew_at = asked + life * random.uniform(*_RENEW_AFTER)  # noqa: S311 - no secret
        self._newest = Token(value, bearer(value), self._renew_at, asked + life)
        self._refusals.forget()
        _log.debug("Logged in for %d s.", life)
        return self._newest

    def check_login(self) -> None:
        """Raise what the login was refused with while it would be in vain to send it again."""
        self._refusals.check()

    def note_answer(self, method: Method[Any], fields: Mapping[str, Any]) -> None:
        """Sign in with the new password from now on if this call has changed it."""
        if self.login is not None and method.path == _CHANGE:
            email = getattr(self.login.request, "email", "")
            self.login = with_password(email, fields["new_password"])
            self._refusals.forget()

    def note_failure(self, login: Login, error: BaseException) -> None:
        """Note that a login did not succeed, as far as is known."""
        if login is self.login:  # and not with a password that was changed meanwhile
            self._refusals.note(error)
        now = self.clock()
        again = now + random.uniform(*_TRY_AGAIN_AFTER)  # noqa: S311 - no secret
        self._renew_at = max(again, self._refusals.until)
        if not (isinstance(error, FinlinkError) and error.code in _REFUSALS):
            self._doubt_until = now + _DOUBT

    def replace(self, used: Token, failure: FinlinkError, *, may_log_in: bool) -> bool:
        """Tell whether a call may be sent again with another token than the one refused.

        Without may_log_in only if this client has a newer one already. To be asked when no
        login is under way. Raises SessionTakenOver.
        """
        if self.login is None or failure.reason not in {"SESSION_INACTIVE", "CREDENTIAL_INVALID"}:
            return False
        if self._newest is not used:
            return True
        why = failure.facts.get("inactive_reason", "")
        if why == "SUPERSEDED" and self.clock() >= self._doubt_until:
            self._taken_over = True
            raise _taken_over(failure)
        if not may_log_in or (why and why not in _REPLACEABLE | {"SUPERSEDED"}):
            return False
        # Perhaps a login of this client whose answer was lost; if so, then once.
        self._doubt_until = float("-inf")
        self._newest = None
        return True


def _life(token: str) -> int:
    """Give the seconds for which a token is good."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        return int(claims["exp"]) - int(claims["iat"]) - 1  # iat is rounded down
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        # Without its cause, which may quote the token.
        raise Internal(grpc.StatusCode.INTERNAL, _UNREADABLE) from None


def _taken_over(failure: FinlinkError | None = None) -> SessionTakenOver:
    return SessionTakenOver(
        grpc.StatusCode.UNAUTHENTICATED,
        TAKEN_OVER,
        reason="SESSION_INACTIVE",
        facts={"inactive_reason": "SUPERSEDED"},
        call_id=failure.call_id if failure else "",
    )
