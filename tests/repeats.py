"""Every method with a request_id: how to call it, and what it answers when repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grpc import StatusCode
from tests import people
from tests.errors import refused

from finlink.config import v1


@dataclass
class World:
    """Who and what the methods with a request_id need."""

    operator: people.Caller
    front_end: people.Caller
    account: people.Account
    app: v1.App
    secret: people.Secret
    spare: people.Secret
    redirect_id: str
    endpoint_id: str
    spare_endpoint_id: str


@dataclass
class Method:
    """One method; `other` makes another body of the usual one."""

    call: Callable[[World, dict[str, Any]], Any]
    body: Callable[[World], dict[str, Any]]
    other: Callable[[World], dict[str, Any]]
    made: Callable[[Any], str]
    shown_once: str = ""  # the reason of a repeat's refusal, where a credential was shown

    def run(self, world: World, request_id: str, *, other: bool = False) -> str:
        """Call it: the id of what it made, now or before."""
        change = self.other(world) if other else {}
        fields = {**self.body(world), **change, "request_id": request_id}
        return self.made(self.call(world, fields))

    def repeat(self, world: World, request_id: str) -> str:
        """Call it again: the id of what it made before."""
        if not self.shown_once:
            return self.run(world, request_id)
        with refused(StatusCode.ALREADY_EXISTS, self.shown_once) as refusal:
            self.run(world, request_id)
        (made,) = refusal.facts.values()
        return made


def email(name: str) -> Callable[[World], dict[str, Any]]:
    return lambda w: {"email": f"{name}-{w.account.email}"}


METHODS = {
    "CreateAccount": Method(
        call=lambda w, f: w.operator.admin.CreateAccount(display_name="Eva", **f),
        body=email("eva"),
        other=email("other"),
        made=lambda answer: answer.account.id,
        shown_once="ACCOUNT_ALREADY_EXISTS",
    ),
    "CreateServiceKey": Method(
        call=lambda w, f: w.operator.admin.CreateServiceKey(display_name="gateway", **f),
        body=lambda _: {"roles": [v1.ROLE_VERIFIER]},
        other=lambda _: {"roles": [v1.ROLE_LINK]},
        made=lambda answer: answer.service_key.id,
        shown_once="SERVICE_KEY_ALREADY_EXISTS",
    ),
    "RotateSigningKey": Method(
        call=lambda w, f: w.operator.admin.RotateSigningKey(**f),
        body=lambda _: {"kind": v1.TOKEN_KIND_LINK},
        other=lambda _: {"kind": v1.TOKEN_KIND_ACCOUNT},
        made=lambda answer: answer.kid,
    ),
    "CreateApp": Method(
        call=lambda w, f: w.account.accounts.CreateApp(display_name="Till", **f),
        body=lambda _: {"public_name": "Shop", "environment": v1.ENVIRONMENT_SANDBOX},
        other=lambda _: {"environment": v1.ENVIRONMENT_LIVE},
        made=lambda answer: answer.app.id,
    ),
    "CreateSecret": Method(
        call=lambda w, f: w.account.secrets.CreateSecret(app_id=w.app.id, **f),
        body=lambda _: {"display_name": "new"},
        other=lambda _: {"scopes": ["read"]},
        made=lambda answer: answer.secret.id,
        shown_once="SECRET_ALREADY_EXISTS",
    ),
    "RotateSecret": Method(
        call=lambda w, f: w.account.secrets.RotateSecret(password=w.account.password, **f),
        body=lambda w: {"secret_id": w.secret.id},
        other=lambda w: {"secret_id": w.spare.id},
        made=lambda answer: answer.secret.id,
        shown_once="SECRET_ALREADY_EXISTS",
    ),
    "CreateLinkToken": Method(
        call=lambda w, f: w.account.links.CreateLinkToken(app_id=w.app.id, **f),
        body=lambda w: {
            "parameters": {"redirect_id": w.redirect_id, "product": v1.PRODUCT_TRANSACTIONS}
        },
        other=lambda _: {"max_opens": 2},
        made=lambda answer: answer.link_token.id,
    ),
    "OpenLink": Method(
        call=lambda w, f: w.front_end.links.OpenLink(**f),
        body=lambda w: {"query": f"id={w.redirect_id}&product=TRANSACTIONS"},
        other=lambda w: {"query": f"id={w.redirect_id}&product=TRANSACTIONS&theme=DARK"},
        made=lambda answer: answer.link.id,
    ),
    "RollbackSettings": Method(
        call=lambda w, f: w.account.settings.RollbackSettings(app_id=w.app.id, **f),
        body=lambda _: {"version": 1},
        other=lambda _: {"version": 2},
        made=lambda answer: str(answer.settings.version),
    ),
    "CreateEndpoint": Method(
        call=lambda w, f: w.account.webhooks.CreateEndpoint(app_id=w.app.id, **f),
        body=lambda _: {"uri": people.NO_RECEIVER},
        other=lambda _: {"event_types": ["secret.leaked"]},
        made=lambda answer: answer.endpoint.id,
        shown_once="ENDPOINT_ALREADY_EXISTS",
    ),
    "RotateSigningSecret": Method(
        call=lambda w, f: w.account.webhooks.RotateSigningSecret(**f),
        body=lambda w: {"endpoint_id": w.endpoint_id},
        other=lambda w: {"endpoint_id": w.spare_endpoint_id},
        made=lambda answer: answer.endpoint.id,
        shown_once="ENDPOINT_ALREADY_EXISTS",
    ),
}
