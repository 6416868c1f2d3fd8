"""A customer who lives through a rotation of the master key, and what is looked at after it."""

from __future__ import annotations

import base64
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from tests import people, processes
from tests.errors import refused
from tests.faults.stores import store_of
from tests.processes import Home

from finlink.config import v1
from finlink_server import key_file
from finlink_server.domain.sealed_columns import TABLES
from finlink_server.storage.schema import MODELS

SEALED = {f"{table.name}.{column.name}" for table in TABLES for column in table.columns}
# Blobs that are none: public keys and HMACs, of which those of counts grow with their row's.
PLAIN = {
    "signing_key.public",
    "idempotency.body_mac",
    "journal.chain_mac",
    "journal.count_mac",
    "journal_chain.head",
}
# Takes a place in the rotation as its first argument, and dies there.
DIES = """
import os, signal, sys
from finlink_server import commands, master_key_commands
from finlink_server.domain import master_key_rotation, resealing
place = sys.argv.pop(1)
module, name = (resealing.Resealing, "_batch") if place == "batch" else (
    (resealing.Resealing, place) if hasattr(resealing.Resealing, place)
    else (master_key_commands if place == "_report" else master_key_rotation, place)
)
function, calls = getattr(module, name), []
def die(*arguments):
    calls.append(1)
    if place != "batch" or len(calls) > 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*arguments)
setattr(module, name, die)
commands.main()
"""


def rotate_and_die(home: Home, place: str) -> int:
    """Begin a rotation that is killed at some place; the exit code."""
    arguments = ("-c", DIES, place, "master-key", "rotate")
    return processes.run(*arguments, env=home.environment({})).returncode


def keys(home: Home) -> list[str]:
    """The ids of the keys in a home's file, the newest first."""
    return [master.id for master in key_file.load(home.master_key).masters]


def drop_old_key(home: Home) -> str:
    """Take the old key's line out, and give its text."""
    new, old = home.master_key.read_text().splitlines()
    home.master_key.write_text(new + "\n")
    return old


def sealed_values(home: Home) -> Iterator[tuple[str, bytes]]:
    """Every value in the database that is sealed, or that nobody has said is not."""
    for model in MODELS:
        meta = model._meta
        names = [field.column_name for field in meta.sorted_fields]
        sql = f"SELECT {', '.join(names)} FROM {meta.table_name}"  # noqa: S608
        for row in store_of(home).read(sql):
            for name, value in zip(names, row, strict=True):
                place = f"{meta.table_name}.{name}"
                if value is not None and place in SEALED and isinstance(value, str):
                    yield place, base64.b64decode(value)
                elif isinstance(value, (bytes, memoryview)) and place not in PLAIN:
                    yield place, bytes(value)


def assert_sealed_with(home: Home, master_id: str) -> None:
    values = list(sealed_values(home))
    assert len(values) > 5
    marks = {(name, value[:9].hex()) for name, value in values}
    assert {mark for _, mark in marks} == {f"02{master_id}"}, marks


class Life:
    """A customer with a session and an auth token, who does a bit of everything."""

    def __init__(self, server: processes.Process, operator_key: str) -> None:
        self.server = server
        operator = server.caller(operator_key)
        self.operator = operator
        self.account = people.new_account(operator)
        self.app = people.new_app(self.account)
        self.redirect_id = people.add_redirect(self.account, self.app)
        self.secret = people.new_secret(self.account, self.app)
        self.session = self.secret.start()
        made = operator.admin.CreateServiceKey(
            display_name="platform",
            roles=[v1.ROLE_LINK, v1.ROLE_PUBLISHER],
            event_prefixes=["connection."],
        )
        self.platform = server.caller(made.key)
        self.endpoint = people.new_endpoint(self.account, self.app)
        self.request_id = str(uuid.uuid4())
        self.open_link()

    def at(self, server: processes.Process) -> Life:
        """The same customer, at a server that was started since."""
        self.server = server
        for name in ("operator", "platform"):
            setattr(self, name, server.caller(getattr(self, name).credential))
        self.account.caller = server.caller(self.account.token)
        self.secret.caller = server.caller()
        self.session = people.Session(self.session.answer, server.caller(self.session.token))
        return self

    def open_link(self) -> None:
        parameters = v1.LinkParameters(
            redirect_id=self.redirect_id, product=v1.PRODUCT_TRANSACTIONS
        )
        made = self.session.links.CreateLinkToken(parameters=parameters)
        self.platform.links.OpenLink(query=f"authToken={made.auth_token}&surplus=1")

    def create_secret_once(self) -> str:
        """The same request each time: the id of what the first one made."""
        with refused(grpc.StatusCode.ALREADY_EXISTS) as refusal:
            self.account.secrets.CreateSecret(
                app_id=self.app.id, display_name="once", request_id=self.request_id
            )
        return refusal.facts["secret_id"]

    def do_everything(self) -> None:
        self.account = self.account.sign_in()
        self.session = self.secret.start()
        assert self.operator.sessions.ValidateSession(access_token=self.session.token).active
        self.open_link()
        self.platform.webhooks.PublishEvent(
            app_id=self.app.id,
            event_id=str(uuid.uuid4()),
            type="connection.ready",
            payload_json='{"holder": "somebody"}',
        )
        self.account.webhooks.RotateSigningSecret(endpoint_id=self.endpoint.id)
        self.account.links.ListLinks(app_id=self.app.id)
        for link in self.account.links.ListLinks(app_id=self.app.id, page_size=3).links:
            self.platform.links.GetLink(link_id=link.id)


@contextmanager
def going_on(life: Life) -> Iterator[list[Exception]]:
    """Let a customer live on until the end of the block; what went wrong is collected."""
    faults: list[Exception] = []
    over = threading.Event()

    def live() -> None:
        while not over.is_set():
            try:
                life.do_everything()
            except Exception as error:  # noqa: BLE001 - collected
                faults.append(error)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield faults
    finally:
        over.set()
        thread.join()
