"""Every way in which a call can be refused: one class per outcome.

A class name in upper case is the outcome's reason in `error_reason.proto`, its
fields are the facts that the caller gets in ErrorInfo.metadata, and its text is
the sentence that a person at a terminal reads. Nothing else in the server picks
a status code.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from math import ceil
from typing import ClassVar, Final, dataclass_transform


class Code(Enum):
    """The gRPC status codes in use, by number (grpc/status.h)."""

    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class Violation:
    """A field that breaks its rule, and what was expected of it."""

    field: str
    expected: str


def _reason(class_name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).upper()


@dataclass_transform(frozen_default=False)
class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a defect
    """A call that is refused. Subclasses name the outcome."""

    code: ClassVar[Code]
    text: ClassVar[str]
    reason: ClassVar[str]

    def __init_subclass__(cls) -> None:
        """Make the subclass a dataclass of its facts, and register its reason."""
        dataclass(cls)
        cls.reason = _reason(cls.__name__)
        REASONS[cls.reason] = cls

    def facts(self) -> dict[str, str]:
        """Facts for ErrorInfo.metadata."""
        return {
            field.name: str(getattr(self, field.name))
            for field in fields(self)  # type: ignore[arg-type] # __init_subclass__ makes it one
            if field.name not in {"violations", "retry_after"}
        }

    def message(self) -> str:
        """Say what was wrong and what to do."""
        return self.text.format_map({**vars(self), "wait": self._wait})

    @property
    def _wait(self) -> str:
        """As text, rounded up: whoever waits for less is refused again."""
        return f"{max(1, ceil(self.retry_seconds or 0))} s"

    @property
    def violations_named(self) -> tuple[Violation, ...]:
        """The fields to name in BadRequest."""
        return getattr(self, "violations", ())

    @property
    def retry_seconds(self) -> float | None:
        """How long to wait, in seconds, where waiting helps."""
        return getattr(self, "retry_after", None)

    def __str__(self) -> str:
        """Give the message."""
        return self.message()


REASONS: dict[str, type[Refusal]] = {}


# UNAUTHENTICATED


class CredentialMissing(Refusal):
    code = Code.UNAUTHENTICATED
    text = "This method needs a credential. Send metadata `authorization: Bearer <credential>`."


class CredentialInvalid(Refusal):
    code = Code.UNAUTHENTICATED
    text = "The credential is not accepted: {problem}. Get a new one and send it once."

    problem: str


# By the name of an InactiveReason: a new session with the same secret is no way out of these.
_HOW_TO_GO_ON: Final[Mapping[str, str]] = {
    "SUPERSEDED": (
        "A newer one of the same secret took over: use that, or a secret of your own for each"
        " replica."
    ),
    "SECRET_REVOKED": "Its secret was revoked: open a new one with another secret.",
    "SECRET_EXPIRED": "Its secret has expired: open a new one with another secret.",
    "APP_DELETED": "Its app was deleted, so no new one can be opened.",
    "ACCOUNT_SUSPENDED": "Its account is suspended: ask an operator to reinstate it.",
}


class SessionInactive(Refusal):
    code = Code.UNAUTHENTICATED
    text = "The session has ended ({inactive_reason})."

    inactive_reason: str

    def message(self) -> str:
        """Say how to go on, which depends on why it ended."""
        open_another = "Open a new one with StartSession."
        return f"{super().message()} {_HOW_TO_GO_ON.get(self.inactive_reason, open_another)}"


class SignInFailed(Refusal):
    code = Code.UNAUTHENTICATED
    text = "The e-mail or the password is wrong."


class ClientCredentialsInvalid(Refusal):
    code = Code.UNAUTHENTICATED
    text = (
        "The client id or the client secret is wrong, or the secret has ended. Compare both with"
        " App Settings, API Secrets."
    )


class SetupTokenInvalid(Refusal):
    code = Code.UNAUTHENTICATED
    text = "The setup token is unknown, used up or too old. Ask an operator for a new one."


# PERMISSION_DENIED


class CallerNotAllowed(Refusal):
    code = Code.PERMISSION_DENIED
    text = "{method} may not be called with {caller}. Use one of: {allowed}."

    method: str
    caller: str
    allowed: str


class ScopeMissing(Refusal):
    code = Code.PERMISSION_DENIED
    text = (
        "The session was opened without the scope `{scope}`. Open one with it; its secret must"
        " grant it."
    )

    scope: str
    of_secret: bool = False

    def message(self) -> str:
        """Name what lacks the scope."""
        if not self.of_secret:
            return super().message()
        return (
            f"The secret does not grant the scope `{self.scope}`. Ask for scopes that it grants,"
            " or use another secret."
        )

    def facts(self) -> dict[str, str]:
        """Leave out what only the message tells."""
        return {"scope": self.scope}


class AccountTokenRequired(Refusal):
    code = Code.PERMISSION_DENIED
    text = "A session token may not change `{path}`. Sign in and use an account token."

    path: str


class PasswordWrong(Refusal):
    code = Code.PERMISSION_DENIED
    text = "The password does not match. Attempts left before this token ends: {attempts_left}."

    attempts_left: int


class ClientAddressNotAllowed(Refusal):
    code = Code.PERMISSION_DENIED
    text = (
        "The secret may not be used from {client_address}. Call from an address in its"
        " allowed_cidrs, or change those with UpdateSecret."
    )

    client_address: str


class AccountSuspended(Refusal):
    code = Code.PERMISSION_DENIED
    text = "The account is suspended. Ask an operator to reinstate it."


# NOT_FOUND: the same text and shape whether the thing is another's or nobody's


class AccountNotFound(Refusal):
    code = Code.NOT_FOUND
    text = "There is no account {account_id} that you may see."

    account_id: str


class AppNotFound(Refusal):
    code = Code.NOT_FOUND
    text = "There is no app {app_id} that you may see."

    app_id: str


class SecretNotFound(Refusal):
    code = Code.NOT_FOUND
    text = "There is no secret {secret_id} that you may see."

    secret_id: str


class SessionNotFound(Refusal):
    code = Code.NOT_FOUND
    text = "There is no session {session_id} that you may see."

    session_id: str


class ServiceKeyNotFound(Refusal):
    code = Code.NOT_FOUND
    text = "There is no service key {service_key_id}."

    service_key_id: str


class SettingsVersionNotFound(Refusal):
    code = Code.NOT_FOUND
    text = "The settings of app {app_id} have no version {version}."

    app_id: str
    version: int


class LinkTokenNotFound(Refusal):
    code = Code.NOT_FOUND
    text = "There is no Link token {link_token_id} that you may see."

    link_token_id: str


class LinkNotFound(Refusal):
    code = Code.NOT_FOUND
    text = "There is no Link {link_id} that you may see."

    link_id: str


class EndpointNotFound(Refusal):
    code = Code.NOT_FOUND
    text = "There is no webhook endpoint {endpoint_id} that you may see."

    endpoint_id: str


class EventNotFound(Refusal):
    code = Code.NOT_FOUND
    text = "There is no event {event_id} of the last 30 days that you may see."

    event_id: str


class DeliveryNotFound(Refusal):
    code = Code.NOT_FOUND
    text = "There is no delivery {delivery_id} that you may see."

    delivery_id: str


class BankNotFound(Refusal):
    code = Code.NOT_FOUND
    text = "There is no bank {named}. Search the catalogue by name or BIC for its id."

    bank_id: str  # empty if what was sent is not even in the form of an id

    @property
    def named(self) -> str:
        """The id if it is one: nothing that is not in an id's form is said back."""
        return f"`{self.bank_id}`" if self.bank_id else "with that id"

    def message(self) -> str:
        """Name the bank if its id can be named."""
        return self.text.format(named=self.named)

    def facts(self) -> dict[str, str]:
        """Leave out what is not in the form of an id."""
        return {"bank_id": self.bank_id} if self.bank_id else {}


# ALREADY_EXISTS


class AccountAlreadyExists(Refusal):
    code = Code.ALREADY_EXISTS
    text = (
        "Account {account_id} exists already. Its setup token was shown once; ResetPassword makes"
        " a new one."
    )

    account_id: str


class SecretAlreadyExists(Refusal):
    code = Code.ALREADY_EXISTS
    text = (
        "This request made secret {secret_id}, whose plaintext was shown once. If it is lost,"
        " revoke the secret and make another with a new request_id."
    )

    secret_id: str


class ServiceKeyAlreadyExists(Refusal):
    code = Code.ALREADY_EXISTS
    text = (
        "This request made service key {service_key_id}, which was shown once. If it is lost,"
        " revoke it and make another with a new request_id."
    )

    service_key_id: str


class EndpointAlreadyExists(Refusal):
    code = Code.ALREADY_EXISTS
    text = (
        "This request made a signing secret of endpoint {endpoint_id}, which was shown once. If it"
        " is lost, rotate it with a new request_id."
    )

    endpoint_id: str


# FAILED_PRECONDITION


class SecretLimitReached(Refusal):
    code = Code.FAILED_PRECONDITION
    text = (
        "App {app_id} has {limit} live secrets, the most that an app may have. Revoke one first,"
        " or rotate one with overlap 0."
    )

    app_id: str
    limit: int


class AppLimitReached(Refusal):
    code = Code.FAILED_PRECONDITION
    text = "The account has {limit} apps, the most that it may have. Delete one first."

    limit: int


class RedirectLimitReached(Refusal):
    code = Code.FAILED_PRECONDITION
    text = "An app may have {limit} redirects at most. Remove one first."

    limit: int


class EndpointLimitReached(Refusal):
    code = Code.FAILED_PRECONDITION
    text = "App {app_id} has {limit} webhook endpoints, as many as it may. Delete one first."

    app_id: str
    limit: int


class EndpointDisabled(Refusal):
    code = Code.FAILED_PRECONDITION
    text = (
        "Endpoint {endpoint_id} is disabled. Enable it first: UpdateEndpoint with `disabled` false."
    )

    endpoint_id: str


class SecretNotActive(Refusal):
    code = Code.FAILED_PRECONDITION
    text = "Secret {secret_id} is {state}. Only a live secret that is not retiring can do this."

    secret_id: str
    state: str


class LinkAuthTokenRequired(Refusal):
    code = Code.FAILED_PRECONDITION
    text = (
        "App {app_id} opens Link with an auth token only. Make one with CreateLinkToken and pass it"
        " as `authToken`."
    )

    app_id: str


class LinkTokenInvalid(Refusal):
    code = Code.FAILED_PRECONDITION
    text = "The auth token was not made by this service, or was altered. Make a new one."


class LinkTokenExpired(Refusal):
    code = Code.FAILED_PRECONDITION
    text = "Auth token {link_token_id} has expired. Make a new one."

    link_token_id: str


class LinkTokenUsedUp(Refusal):
    code = Code.FAILED_PRECONDITION
    text = (
        "Auth token {link_token_id} has opened as many Links as it may ({max_opens}). Make a new"
        " one."
    )

    link_token_id: str
    max_opens: int


class LinkTokenRevoked(Refusal):
    code = Code.FAILED_PRECONDITION
    text = "Auth token {link_token_id} was revoked. Make a new one."

    link_token_id: str


class LinkRedirectUnknown(Refusal):
    code = Code.FAILED_PRECONDITION
    text = "No app has the redirect `{redirect_id}`. Use an id from the app's settings."

    redirect_id: str


class LinkBankNotAvailable(Refusal):
    code = Code.FAILED_PRECONDITION
    text = "The bank {bank_id} cannot be connected here: it {why}. Name another, or none."

    bank_id: str
    why: str


class LinkParameterInvalid(Refusal):
    code = Code.FAILED_PRECONDITION
    text = "The Link parameter `{parameter}` {expected}."

    parameter: str
    expected: str


class LinkEnded(Refusal):
    code = Code.FAILED_PRECONDITION
    text = "Link {link_id} has expired or was revoked. Open a new one."

    link_id: str


# INVALID_ARGUMENT


class FieldInvalid(Refusal):
    code = Code.INVALID_ARGUMENT
    text = "{summary}"

    violations: tuple[Violation, ...]

    @property
    def summary(self) -> str:
        """Name the fields in one sentence."""
        return "; ".join(f"{v.field}: {v.expected}" for v in self.violations) + "."

    def message(self) -> str:
        """Name each field and what was expected of it."""
        return self.summary

    @classmethod
    def of(cls, field: str, expected: str) -> "FieldInvalid":
        """Refuse for one field."""
        return cls(violations=(Violation(field, expected),))


class RequestUnreadable(Refusal):
    code = Code.INVALID_ARGUMENT
    text = (
        "The request is not a message of type {request_type}. Generate your stubs from the protos"
        " of this service."
    )

    request_type: str


class RequestIdReused(Refusal):
    code = Code.INVALID_ARGUMENT
    text = (
        "request_id {request_id} was used for another request in the last 24 hours. Use a new UUID"
        " for each request, and the same one only to repeat it unchanged."
    )

    request_id: str
    violations: tuple[Violation, ...] = (
        Violation("request_id", "a UUID not used for another request in the last 24 hours"),
    )


class PageTokenInvalid(Refusal):
    code = Code.INVALID_ARGUMENT
    text = (
        "The page token was not made for this caller, list and filter. Start again without one,"
        " and change nothing but page_token and page_size from page to page."
    )

    violations: tuple[Violation, ...] = (
        Violation("page_token", "the next_page_token of an answer to the same caller and filter"),
    )


# ABORTED


class EtagMismatch(Refusal):
    code = Code.ABORTED
    text = (
        "It was changed since you read it (its etag is now {etag}). Read it again, apply your"
        " change to what is there now, and repeat."
    )

    etag: str


class OutcomeUnknown(Refusal):
    code = Code.ABORTED
    text = "The database broke off during the commit. Read what is there before you repeat."


# OUT_OF_RANGE


class CursorTooOld(Refusal):
    code = Code.OUT_OF_RANGE
    text = "The cursor is too old, or not one of this database. Begin anew without one."


# RESOURCE_EXHAUSTED


class RateLimited(Refusal):
    code = Code.RESOURCE_EXHAUSTED
    text = "Too many attempts. Wait {wait} before the next one."

    retry_after: float


class Overloaded(Refusal):
    code = Code.RESOURCE_EXHAUSTED
    text = "The server has as many of these as it may. Try again in {wait}."

    retry_after: float = 5.0


class HashQueueFull(Refusal):
    code = Code.RESOURCE_EXHAUSTED
    text = "Too many passwords wait to be checked. Try again in {wait}."

    retry_after: float


# UNAVAILABLE


class DatabaseUnavailable(Refusal):
    code = Code.UNAVAILABLE
    text = "The database cannot be reached or written. Try again in {wait}."

    retry_after: float = 1.0


class DatabaseBusy(Refusal):
    code = Code.UNAVAILABLE
    text = "The database stayed locked for too long. Try again in {wait}."

    retry_after: float = 1.0


class ShuttingDown(Refusal):
    code = Code.UNAVAILABLE
    text = "The server is stopping. Try again: another one takes over."

    retry_after: float = 1.0


# The rest


class DeadlinePassed(Refusal):
    code = Code.DEADLINE_EXCEEDED
    text = "The call's deadline passed before the work was done. Nothing was changed."


class MethodUnknown(Refusal):
    code = Code.UNIMPLEMENTED
    text = "There is no method {method}. `grpcurl … list` shows the services and methods."

    method: str


class Internal(Refusal):
    code = Code.INTERNAL
    text = (
        "An unexpected fault. Quote the call id in this error to whoever runs the service; its"
        " log holds the details."
    )
