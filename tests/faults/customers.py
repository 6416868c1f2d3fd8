"""Customers of a service under load, and what they know of what they made there."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests import people
from tests.processes import Process

from finlink.config import v1


@dataclass
class Customer:
    """One app and its owner."""

    token: str = field(repr=False)
    password: str = field(repr=False)
    app_id: str
    redirect_id: str
    # What the answers gave: ids with what goes with them.
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    sessions: list[str] = field(default_factory=list, repr=False)  # tokens
    link_tokens: list[str] = field(default_factory=list, repr=False)  # auth tokens
    versions: list[int] = field(default_factory=lambda: [1])


@dataclass
class Scene:
    """Everybody, with credentials that outlive every restart."""

    operator: str = field(repr=False)
    verifier: str = field(repr=False)
    link: str = field(repr=False)
    publisher: str = field(repr=False)
    customers: list[Customer]


def settle(server: Process, operator_key: str, count: int = 3) -> Scene:
    """Make the people and services of a load."""
    operator = server.caller(operator_key)

    def key(role: int, *prefixes: str) -> str:
        made = operator.admin.CreateServiceKey(
            display_name="faults", roles=[role], event_prefixes=prefixes
        )
        return str(made.key)

    return Scene(
        operator_key,
        key(v1.ROLE_VERIFIER),
        key(v1.ROLE_LINK),
        key(v1.ROLE_PUBLISHER, "connection."),
        [_customer(operator) for _ in range(count)],
    )


def _customer(operator: people.Caller) -> Customer:
    account = people.new_account(operator)
    app = people.new_app(account)
    redirect_id = people.add_redirect(account, app)
    customer = Customer(account.token, account.password, app.id, redirect_id)
    for _ in range(2):
        secret = people.new_secret(account, app)
        customer.secrets[secret.id] = secret.plaintext
    return customer
