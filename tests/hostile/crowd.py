"""Those who call: customers and services with all that they know, and people with none of it."""

from __future__ import annotations

import contextlib
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import grpc
from tests import people
from tests.hostile.messages import NASTY
from tests.methods import Metadata, Method

from finlink.config import v1

_WHO_MAY = {
    **dict.fromkeys(("OpenLink", "ListLinkBanks"), "a front end"),
    "PublishEvent": "a publisher",
    "EndSession": "a customer's program",
    **dict.fromkeys(("ValidateSession", "BatchValidateSessions", "WatchRevocations"), "a verifier"),
}
_BANKS = ("es-bbva", "es-caixabank", "pt-bpi")


@dataclass(frozen=True)
class Crowd:
    """Everybody who may call for a while, by kind, and what exists for them to name."""

    callers: Mapping[str, Metadata]
    known: Mapping[str, Sequence[str]]

    def somebody(self, dice: random.Random, method: Method) -> tuple[str, Any]:
        """Choose one, half the time who may; sometimes with metadata that nobody needs."""
        kind = dice.choice(list(self.callers))
        if dice.random() < 0.5:
            kind = _WHO_MAY.get(method.name) or dice.choice(
                ("an operator",)
                if method.service == "AdminService"
                else ("a customer", "another customer", "a customer's program")
            )
        metadata: tuple[Any, ...] = self.callers[kind]
        if dice.random() < 0.2:
            metadata += (_odd(dice),)
        return kind, metadata


def _odd(dice: random.Random) -> Any:
    printable = [one for one in NASTY if one.isascii() and one.isprintable() and len(one) < 5000]
    return dice.choice(
        [
            ("x-forwarded-for", dice.choice((*printable, "203.0.113.9", "::1, 10.0.0.1", ",,,"))),
            ("x-client-trace-id", dice.choice(printable)),
            ("authorization", dice.choice(printable)),
            ("x-call-id", "call_" + "0" * 26),
            ("x-odd-bin", dice.randbytes(dice.randrange(2000))),
            ("grpc-accept-encoding", "gzip, identity, nonsense"),
            ("grpc-tags-bin", dice.randbytes(9)),
        ]
    )


def gather(operator: people.Caller) -> Crowd:
    """Make two customers with something of everything, and services of each role."""
    known: dict[str, list[str]] = defaultdict(list)
    callers: dict[str, Metadata] = {"nobody": ()}
    # The root that the tests need is named to nobody: else it would be revoked at once.
    roles = {
        "an operator": v1.ROLE_OPERATOR,
        "a verifier": v1.ROLE_VERIFIER,
        "a front end": v1.ROLE_LINK,
        "a publisher": v1.ROLE_PUBLISHER,
    }
    for kind, role in roles.items():
        prefixes = ["connection."] if role == v1.ROLE_PUBLISHER else []
        made = operator.admin.CreateServiceKey(
            display_name=kind, roles=[role], event_prefixes=prefixes
        )
        known["service_key_id"].append(made.service_key.id)
        callers[kind] = _bearer(made.key)
    front_end = operator.using(callers["a front end"][0][1].removeprefix("Bearer "))
    for kind in ("a customer", "another customer"):
        account = people.new_account(operator)
        callers[kind] = _bearer(account.token)
        session = _settle(account, front_end, known)
        if kind == "a customer":
            callers["a customer's program"] = _bearer(session.token)
            reading = _secret(account, known).start(("read",))
            callers["a program that may read"] = _bearer(reading.token)
    spare = people.new_account(operator)  # whose setup token nobody has used
    known["setup_token"].append(operator.admin.ResetPassword(account_id=spare.id).setup_token)
    known["new_password"] = known["current_password"] = known["password"]
    known["client_id"] = known["app_id"]
    known["app_ids"], known["access_tokens"] = known["app_id"], known["access_token"]
    known["bank_ids"] = known["pinned_bank_ids"] = known["bank_id"] = list(_BANKS)
    token = known["access_token"][0]
    callers |= {
        "somebody with a Link token": _bearer(known["auth_token"][0]),
        "somebody with a client secret": _bearer(known["client_secret"][0]),
        "somebody with half a token": _bearer(token[: len(token) // 2]),
        "somebody with a forged token": _bearer(token[:-9] + "AAAAAAAAA"),
        "somebody with garbage": (("authorization", "Bearer"),),
        "somebody with another scheme": (("authorization", f"Basic {token}"),),
        "somebody with two credentials": _bearer(token) * 2,
    }
    people.CANARIES.update(known["password"])
    return Crowd(callers, known)


def _bearer(credential: str) -> Metadata:
    return (("authorization", f"Bearer {credential}"),)


def _secret(account: people.Account, known: dict[str, list[str]]) -> people.Secret:
    app = people.new_app(account)
    secret = people.new_secret(account, app)
    known["app_id"].append(app.id)
    known["App.id"].append(app.id)
    known["secret_id"].append(secret.id)
    known["Secret.id"].append(secret.id)
    known["client_secret"].append(secret.plaintext)
    return secret


def _settle(
    account: people.Account, front_end: people.Caller, known: dict[str, list[str]]
) -> people.Session:
    secret = _secret(account, known)
    app = account.accounts.GetApp(app_id=secret.app_id).app
    session = people.new_secret(account, app).start()  # of a secret that is named to nobody
    redirect = people.add_redirect(account, app)
    parameters = v1.LinkParameters(redirect_id=redirect, product=v1.PRODUCT_TRANSACTIONS)
    link = account.links.CreateLinkToken(app_id=app.id, parameters=parameters, max_opens=100)
    opened = front_end.links.OpenLink(query=f"authToken={quote(link.auth_token)}")
    endpoint = people.new_endpoint(account, app)
    event = account.webhooks.SendTestEvent(endpoint_id=endpoint.id)
    url = f"id={redirect}&product=TRANSACTIONS&language=es"
    named = {
        "account_id": account.id,
        "email": account.email,
        "password": account.password,
        "access_token": session.token,
        "session_id": session.id,
        "redirect_id": redirect,
        "Redirect.id": redirect,
        "link_token_id": link.link_token.id,
        "link_id": opened.link.id,
        "endpoint_id": endpoint.id,
        "Endpoint.id": endpoint.id,
        "ListDeliveriesRequest.event_id": event.event.id,
        "RedeliverEventsRequest.event_id": event.event.id,
        "auth_token": link.auth_token,
        "actor_id": account.id,
        "target_id": secret.id,
        "OpenLinkRequest.query": url,
        "ExplainLinkRequest.query": url,
    }
    for name, value in named.items():
        known[name].append(value)
    known["OpenLinkRequest.query"].append(f"authToken={quote(link.auth_token)}&theme=DARK")
    for one in account.webhooks.ListDeliveries(app_id=app.id).deliveries:
        known["delivery_id"].append(one.id)
    return session


def is_alive(channel: grpc.Channel, crowd: Crowd) -> bool:
    """Whether a customer is still signed in, of those whom nobody has thrown out."""
    get_account = v1.AccountServiceStub(channel).GetAccount
    for kind in ("a customer", "another customer"):
        with contextlib.suppress(grpc.RpcError):
            get_account(v1.GetAccountRequest(), metadata=crowd.callers[kind], timeout=60)
            return True
    return False
