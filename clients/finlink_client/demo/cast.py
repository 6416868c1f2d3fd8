"""Who is in the demo's story, and what each step leaves for the next."""

import secrets
import uuid
from collections.abc import Iterable

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from finlink.config import v1
from finlink_client.demo.stage import Caller, Stage, veil


class Cast:
    """The people and their things. Begins with nobody but an operator."""

    def __init__(self, stage: Stage, channel: grpc.Channel, operator: Caller) -> None:
        self.stage = stage
        self.channel = channel
        self.operator = operator

        # Without a credential until the story gives them one.
        self.customer = Caller("customer", channel)
        self.server = Caller("server", channel)
        self.verifier = Caller("verifier", channel)
        self.link = Caller("link", channel)

        # Fresh for each run, so that the demo works again on the same server.
        self.email = f"demo+{secrets.token_hex(6)}@finlink.example"
        self.password = secrets.token_urlsafe(18)
        self.signed_in = False
        self.account = v1.Account()
        self.app = v1.App()
        self.redirect = v1.Redirect()
        self.first_settings = v1.Settings()
        self.settings = v1.Settings()
        self.bank = v1.Bank()
        self.second_bank = v1.Bank()
        self.third_bank = v1.Bank()
        self.bank_is_down = False  # the third: for all apps of the server
        self.hidden_bank = v1.Bank()
        self.older_token = ""
        self.secret = v1.Secret()
        self.client_secret = ""
        self.successor = v1.RotateSecretResponse()
        self.first = v1.StartSessionResponse()
        self.second = v1.StartSessionResponse()
        self.service_keys: list[v1.ServiceKey] = []

    def login(self) -> v1.StartSessionRequest:
        return v1.StartSessionRequest(client_id=self.app.id, client_secret=self.client_secret)

    def link_token_request(self) -> v1.CreateLinkTokenRequest:
        return v1.CreateLinkTokenRequest(
            parameters=v1.LinkParameters(
                redirect_id=self.redirect.id,
                product=v1.PRODUCT_TRANSACTIONS,
                external_id="order-42",
            ),
            request_id=once(),
        )

    def revocation(self, password: str, *, validate_only: bool = False) -> v1.RevokeSecretRequest:
        return v1.RevokeSecretRequest(
            secret_id=self.secret.id, password=password, validate_only=validate_only
        )

    def service(
        self, name: str, role: v1.Role.ValueType, event_prefixes: Iterable[str] = ()
    ) -> Caller:
        """Make a service key, and whoever works with it."""
        made = self.stage.ask(
            self.operator,
            self.operator.admin.CreateServiceKey,
            v1.CreateServiceKeyRequest(
                display_name=f"Demo {name}",
                roles=[role],
                event_prefixes=event_prefixes,
                request_id=once(),
            ),
            asked=", ".join((bare(v1.Role.Name(role), "ROLE_"), *event_prefixes)),
            told=lambda a: f"{a.service_key.id}, shown once: {veil(a.key)}",
            holds=lambda a: {"that role alone": list(a.service_key.roles) == [role]},
        )
        self.service_keys.append(made.service_key)
        return Caller(name, self.channel, made.key)

    def expect_inactive(
        self, asked: str, session: v1.StartSessionResponse, reason: v1.InactiveReason.ValueType
    ) -> None:
        """Let the verifier ask for a token that is dead."""
        self.stage.ask(
            self.verifier,
            self.verifier.sessions.ValidateSession,
            v1.ValidateSessionRequest(access_token=session.access_token),
            asked=asked,
            told=verdict,
            holds=lambda a: {
                "inactive": not a.active,
                bare(v1.InactiveReason.Name(reason), "INACTIVE_REASON_"): (
                    a.inactive_reason == reason
                ),
            },
        )


def once() -> str:
    """Give a request_id: a retry on the way cannot make a thing twice."""
    return str(uuid.uuid4())


def shape(
    app_id: str,
    paths: Iterable[str],
    comment: str = "",
    *,
    link: v1.LinkSettings | None = None,
    banks: v1.BankSettings | None = None,
    etag: str = "",
) -> v1.UpdateSettingsRequest:
    """Ask for new values at these paths; an empty app_id is a session's own."""
    return v1.UpdateSettingsRequest(
        settings=v1.Settings(app_id=app_id, link=link, banks=banks, etag=etag),
        update_mask=FieldMask(paths=paths),
        comment=comment,
    )


def verdict(answer: v1.ValidateSessionResponse) -> str:
    if answer.active:
        return f"active, {answer.session.id}, scopes {' '.join(answer.session.scopes)}"
    reason = v1.InactiveReason.Name(answer.inactive_reason)
    return f"inactive, {bare(reason, 'INACTIVE_REASON_')}"


def bare(name: str, prefix: str) -> str:
    return name.removeprefix(prefix)


def names(banks: Iterable[v1.Bank]) -> str:
    return ", ".join(bank.id for bank in banks)


def clock(time: Timestamp) -> str:
    return time.ToDatetime().strftime("%H:%M:%S UTC")


def row(event: v1.AuditEvent) -> dict[str, str]:
    actor = bare(v1.ActorKind.Name(event.actor.kind), "ACTOR_KIND_").lower().replace("_", " ")
    return {
        "time (UTC)": event.event_time.ToDatetime().strftime("%H:%M:%S"),
        "event": event.type if event.count <= 1 else f"{event.type} x{event.count}",
        "by": actor,
        "on": event.target_id,
    }
