"""The people and services of the tests: each calls with a credential of its own."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import grpc
import jwt

from finlink.config import v1

STUBS = {
    "accounts": v1.AccountServiceStub,
    "admin": v1.AdminServiceStub,
    "secrets": v1.SecretServiceStub,
    "sessions": v1.SessionServiceStub,
    "settings": v1.SettingsServiceStub,
    "links": v1.LinkServiceStub,
    "webhooks": v1.WebhookServiceStub,
}
# Refuses connections: the port of discard (RFC 863).
NO_RECEIVER = "https://127.0.0.1:9/"
# Every credential that the tests use or get, for the canary search.
CANARIES: set[str] = set()


class Service:
    """One service as one caller sees it: `service.GetApp(app_id=…)`."""

    def __init__(self, stub: Any, metadata: tuple[tuple[str, str], ...]) -> None:
        self._stub, self._metadata = stub, metadata

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._stub, method)
        request_type = getattr(v1, method + "Request")

        def run(request: Any = None, *, metadata: tuple[tuple[str, str], ...] = (), **fields: Any):
            for name in ("password", "new_password", "current_password", "client_secret"):
                if len(str(fields.get(name, ""))) >= 10:
                    CANARIES.add(fields[name])
            answer = call(
                request or request_type(**fields), metadata=self._metadata + metadata, timeout=60
            )
            for name in ("account_token", "setup_token", "client_secret", "access_token"):
                CANARIES.add(getattr(answer, name, "") or "")
            for name in ("auth_token", "key", "signing_secret"):
                CANARIES.add(getattr(answer, name, "") or "")
            return answer

        return run


class Caller:
    """Somebody with a credential, or with none."""

    def __init__(
        self,
        channel: grpc.Channel,
        credential: str = "",
        metadata: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.channel = channel
        self.credential = credential
        bearer = (("authorization", f"Bearer {credential}"),) if credential else ()
        self.metadata = bearer + metadata
        if credential:
            CANARIES.add(credential)
        self.accounts: Service
        for name, stub in STUBS.items():
            setattr(self, name, Service(stub(channel), self.metadata))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def using(self, credential: str) -> Caller:
        """The same channel with another credential."""
        return Caller(self.channel, credential)


@dataclass
class Account:
    """A customer who signed in."""

    id: str
    email: str
    password: str
    caller: Caller

    def __getattr__(self, name: str) -> Any:
        return getattr(self.caller, name)

    @property
    def token(self) -> str:
        return self.caller.credential

    def sign_in(self) -> Account:
        """Sign in once more: the same customer with another account token."""
        answer = self.caller.using("").accounts.SignIn(email=self.email, password=self.password)
        return Account(self.id, self.email, self.password, self.caller.using(answer.account_token))


@dataclass
class Secret:
    """A client secret with its plaintext."""

    id: str
    plaintext: str
    app_id: str
    caller: Caller = field(repr=False)

    def start(self, scopes: tuple[str, ...] = ()) -> Session:
        """Open a session with it."""
        answer = self.caller.using("").sessions.StartSession(
            client_id=self.app_id, client_secret=self.plaintext, scopes=scopes
        )
        return Session(answer, self.caller.using(answer.access_token))


@dataclass
class Session:
    """An API session, and a caller with its token."""

    answer: Any
    caller: Caller

    def __getattr__(self, name: str) -> Any:
        return getattr(self.caller, name)

    @property
    def id(self) -> str:
        return str(self.answer.session.id)

    @property
    def token(self) -> str:
        return self.caller.credential

    @property
    def claims(self) -> dict[str, Any]:
        """What the token says, unverified."""
        return jwt.decode(self.token, options={"verify_signature": False})


def why_inactive(verifier: Caller, session: Session) -> str:
    """Validate a session: the name of its InactiveReason, or nothing while it is active."""
    answer = verifier.sessions.ValidateSession(access_token=session.token)
    name = v1.InactiveReason.Name(answer.inactive_reason).removeprefix("INACTIVE_REASON_")
    assert answer.active == (name == "UNSPECIFIED")
    return "" if answer.active else str(name)


def new_account(operator: Caller, name: str = "Ana") -> Account:
    """Make a customer from nothing to signed in."""
    email, password = f"{uuid.uuid4().hex[:12]}@example.com", f"pw-{uuid.uuid4().hex}"
    setup = operator.admin.CreateAccount(email=email, display_name=name)
    nobody = operator.using("")
    nobody.accounts.SetPassword(setup_token=setup.setup_token, new_password=password)
    answer = nobody.accounts.SignIn(email=email, password=password)
    return Account(answer.account.id, email, password, operator.using(answer.account_token))


def new_app(account: Account, environment: int = v1.ENVIRONMENT_SANDBOX) -> v1.App:
    """Make an app for a customer."""
    answer = account.accounts.CreateApp(
        display_name="Shop (internal)", public_name="Shop", environment=environment
    )
    app: v1.App = answer.app
    return app


def new_secret(account: Account, app: v1.App, **fields: Any) -> Secret:
    """Make a client secret for an app."""
    answer = account.secrets.CreateSecret(app_id=app.id, display_name="backend", **fields)
    return Secret(answer.secret.id, answer.client_secret, app.id, account.caller)


def new_endpoint(caller: Any, app: v1.App) -> v1.Endpoint:
    """Make a webhook endpoint at which nobody listens, for nothing that happens by itself."""
    answer = caller.webhooks.CreateEndpoint(
        app_id=app.id, uri=NO_RECEIVER, event_types=["connection.*"]
    )
    endpoint: v1.Endpoint = answer.endpoint
    return endpoint


def add_redirect(account: Account, app: v1.App, uri: str = "https://shop.example/back") -> str:
    """Give an app a redirect, beside those that it has."""
    present = account.settings.GetSettings(app_id=app.id).settings
    present.link.redirects.add(display_name="Shop", uri=uri)
    answer = account.settings.UpdateSettings(
        settings=present, update_mask={"paths": ["link.redirects"]}
    )
    return str(answer.settings.link.redirects[-1].id)


def force_auth_token(account: Account, app: v1.App, *, on: bool = True) -> None:
    """Let Link open with an auth token only, or no longer so."""
    account.settings.UpdateSettings(
        settings={"app_id": app.id, "link": {"force_auth_token": on}},
        update_mask={"paths": ["link.force_auth_token"]},
    )


def choose_banks(account: Account, app: v1.App, mode: str = "ALL", **banks: Any) -> None:
    """Say which banks the app's widget shows; what is not named is as in a new app."""
    account.settings.UpdateSettings(
        settings={"app_id": app.id, "banks": {"mode": f"BANK_LIST_MODE_{mode}", **banks}},
        update_mask={"paths": ["banks"]},
    )
