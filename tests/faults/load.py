"""A mixed load: several threads that call for the same things at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Self
from uuid import UUID

from tests import people
from tests.faults.customers import Customer, Scene
from tests.faults.ledger import Client

from finlink.config import v1


@dataclass(frozen=True)
class Turn:
    """One call to be made: by whom, at which server, and by which dice."""

    client: Client
    scene: Scene
    customer: Customer
    dice: Random

    def new_request_id(self) -> str:
        return str(UUID(int=self.dice.getrandbits(128), version=4))

    def maybe_request_id(self) -> str:
        return self.new_request_id() if self.dice.random() < 0.5 else ""

    def some(self, known: list[str]) -> list[str]:
        """One of the newest, if there is any: other threads choose among the same."""
        return self.dice.sample(known[-3:], k=1) if known else []

    def any_secret(self) -> tuple[str, str]:
        return self.dice.choice(list(self.customer.secrets.items()) or [("", "")])


def create_secret(turn: Turn) -> None:
    owner = turn.customer
    made = turn.client.call(
        owner.token,
        "CreateSecret",
        app_id=owner.app_id,
        display_name="backend",
        request_id=turn.new_request_id(),
    )
    if made.is_answered:
        owner.secrets[made.answer.secret.id] = made.answer.client_secret
    elif made.why.endswith("SECRET_LIMIT_REACHED"):
        _make_room(turn)


def _make_room(turn: Turn) -> None:
    """Revoke a secret: first of those whose creation was never answered, which nobody knows."""
    owner = turn.customer
    listed = turn.client.ask(owner.token, "ListSecrets", app_id=owner.app_id)
    live = [secret.id for secret in listed.secrets] if listed else []
    unknown = [secret_id for secret_id in live if secret_id not in owner.secrets]
    if live:
        _revoke(turn, turn.dice.choice(unknown or live))


def _revoke(turn: Turn, secret_id: str) -> None:
    owner = turn.customer
    asked = {"secret_id": secret_id, "password": owner.password}
    if turn.client.ask(owner.token, "RevokeSecret", **asked):
        owner.secrets.pop(secret_id, None)


def rotate_secret(turn: Turn) -> None:
    owner, (secret_id, _) = turn.customer, turn.any_secret()
    if not secret_id:
        return
    answer = turn.client.ask(
        owner.token,
        "RotateSecret",
        secret_id=secret_id,
        password=owner.password,
        overlap={"seconds": turn.dice.choice([0, 0, 3600])},
        request_id=turn.new_request_id(),
    )
    if answer:
        owner.secrets[answer.secret.id] = answer.client_secret


def revoke_secret(turn: Turn) -> None:
    secret_id, _ = turn.any_secret()
    if len(turn.customer.secrets) > 2:
        _revoke(turn, secret_id)


def start_session(turn: Turn) -> None:
    owner, (_, plaintext) = turn.customer, turn.any_secret()
    if not plaintext:
        return
    answer = turn.client.ask("", "StartSession", client_id=owner.app_id, client_secret=plaintext)
    if answer:
        owner.sessions.append(answer.access_token)


def end_session(turn: Turn) -> None:
    for token in turn.some(turn.customer.sessions):
        turn.client.ask(token, "EndSession")


def create_link_token(turn: Turn) -> None:
    owner = turn.customer
    answer = turn.client.ask(
        owner.token,
        "CreateLinkToken",
        app_id=owner.app_id,
        parameters={"redirect_id": owner.redirect_id, "product": v1.PRODUCT_TRANSACTIONS},
        max_opens=turn.dice.choice([1, 2, 5]),
        request_id=turn.new_request_id(),
    )
    if answer:
        owner.link_tokens.append(answer.auth_token)


def open_link(turn: Turn) -> None:
    """Open one of the newest, which other threads open too."""
    for token in turn.some(turn.customer.link_tokens):
        turn.client.ask(
            turn.scene.link,
            "OpenLink",
            query=f"authToken={token}",
            request_id=turn.maybe_request_id(),
        )


def update_settings(turn: Turn) -> None:
    owner, number = turn.customer, turn.dice.getrandbits(64)
    answer = turn.client.ask(
        owner.token,
        "UpdateSettings",
        settings={
            "app_id": owner.app_id,
            "link": {"terms_uri": f"https://shop.example/terms/{number:x}"},
        },
        update_mask={"paths": ["link.terms_uri"]},
        comment=f"Terms {number:x}",
    )
    if answer:
        owner.versions.append(answer.settings.version)


def rollback_settings(turn: Turn) -> None:
    owner = turn.customer
    answer = turn.client.ask(
        owner.token,
        "RollbackSettings",
        app_id=owner.app_id,
        # Version 1 has no redirect, without which no Link could open.
        version=max(2, turn.dice.choice(owner.versions)),
        request_id=turn.new_request_id(),
    )
    if answer:
        owner.versions.append(answer.settings.version)


def publish_event(turn: Turn) -> None:
    number = turn.dice.getrandbits(64)
    turn.client.ask(
        turn.scene.publisher,
        "PublishEvent",
        app_id=turn.customer.app_id,
        event_id=f"conn-{number:x}",
        type="connection.ready",
        payload_json="{}",
    )


def create_endpoint(turn: Turn) -> None:
    owner = turn.customer
    made = turn.client.call(
        owner.token,
        "CreateEndpoint",
        app_id=owner.app_id,
        uri=people.NO_RECEIVER,
        event_types=["connection.*"],
        request_id=turn.new_request_id(),
    )
    if made.why.endswith("ENDPOINT_LIMIT_REACHED"):
        listed = turn.client.ask(owner.token, "ListEndpoints", app_id=owner.app_id)
        for endpoint in listed.endpoints[:8] if listed else []:
            turn.client.ask(owner.token, "DeleteEndpoint", endpoint_id=endpoint.id)


def rotate_signing_key(turn: Turn) -> None:
    turn.client.ask(
        turn.scene.operator,
        "RotateSigningKey",
        kind=v1.TOKEN_KIND_SESSION,
        request_id=turn.new_request_id(),
    )


# What is called for, and how often compared with the others.
MOVES: dict[Callable[[Turn], None], float] = {
    start_session: 8,
    end_session: 3,
    create_secret: 2,
    rotate_secret: 1,
    revoke_secret: 1,
    create_link_token: 3,
    open_link: 8,
    update_settings: 4,
    rollback_settings: 1,
    publish_event: 4,
    create_endpoint: 0.5,
    rotate_signing_key: 0.1,
}


_PAUSE = 0.05  # seconds; who is told UNAVAILABLE is told so at once
# What two who call for the same thing may be told.
ORDINARY = {
    "FAILED_PRECONDITION LINK_TOKEN_USED_UP",
    "FAILED_PRECONDITION SECRET_LIMIT_REACHED",
    "FAILED_PRECONDITION SECRET_NOT_ACTIVE",
    "FAILED_PRECONDITION ENDPOINT_LIMIT_REACHED",
    "UNAUTHENTICATED CLIENT_CREDENTIALS_INVALID",
    "UNAUTHENTICATED SESSION_INACTIVE",
    "NOT_FOUND ENDPOINT_NOT_FOUND",
}


class Load:
    """Threads that make one call after another until they are told to stop."""

    def __init__(self, scene: Scene, seed: str, *clients: Client, threads: int = 6) -> None:
        self._scene = scene
        self._enough = threading.Event()
        self._failures: list[BaseException] = []
        self._threads = [
            threading.Thread(
                target=self._run,
                args=(clients[number % len(clients)], Random(f"{seed} {number}")),  # noqa: S311
            )
            for number in range(threads)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _run(self, client: Client, dice: Random) -> None:
        try:
            while not self._enough.is_set():
                [move] = dice.choices(list(MOVES), list(MOVES.values()))
                move(Turn(client, self._scene, dice.choice(self._scene.customers), dice))
                if client.is_unavailable:
                    self._enough.wait(_PAUSE)
        except BaseException as error:  # noqa: BLE001 - raised where the load was put on
            self._failures.append(error)
