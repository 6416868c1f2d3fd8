"""A copy of the database without the master key: nothing in it can be used."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pysqlite3
import pytest
from tests import people
from tests.hooks import Hook
from tests.processes import Home
from tests.receiver import Receiver, answer

from finlink.config import v1
from finlink_server import key_file
from finlink_server.crypto import Keyring, SealBroken
from finlink_server.domain import passwords, signing_keys
from finlink_server.storage.models import Account, SigningKey

pytestmark = pytest.mark.sqlite("a copy of its file is what is stolen")

# SQLite's own backup, in another process: closing the database's file in the one that serves
# it would drop its locks.
BACKUP = (
    "import pysqlite3, sys\n"
    "source, target = map(pysqlite3.connect, sys.argv[1:])\n"
    "source.backup(target)\n"
)
# What credentials and hashes of them look like, whoever made them.
SHAPES = (
    rb"\$2[abxy]\$\d\d\$",
    rb"fls_(live|test)_[0-9A-Za-z]{45}",
    rb"fs[kt]_[0-9A-Za-z]{38}",
    rb"whsec_[0-9A-Za-z+/]{43}=",  # whole: the end of an id and the next, `sec_…`, may look so
    rb"fmk_",
    rb"eyJ[0-9A-Za-z_-]{20,}\.",
    rb"PRIVATE KEY",
)


@dataclass
class Copy:
    """A copied database, read as whoever stole it would."""

    path: Path

    def cells(self) -> Iterator[tuple[str, object]]:
        """Every value with its `table.column`."""
        with closing(pysqlite3.connect(str(self.path))) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (table,) in tables.fetchall():
                rows = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - from the schema
                names = [f"{table}.{column[0]}" for column in rows.description]
                for row in rows:
                    yield from zip(names, row, strict=True)

    def blobs(self) -> Iterator[tuple[str, bytes]]:
        return ((name, bytes(value)) for name, value in self.cells() if isinstance(value, bytes))

    def sealed(self) -> Iterator[tuple[str, bytes]]:
        return ((name, value) for name, value in self.blobs() if ".sealed_" in name)

    def everything(self) -> bytes:
        return b"\n".join(
            value if isinstance(value, bytes) else str(value).encode() for _, value in self.cells()
        )


@pytest.fixture(scope="module")
def told(operator, platform, receiver_tls) -> list[str]:
    """Put a webhook into the database; give its secret, what it tells and what was answered."""
    account = people.new_account(operator)
    app = people.new_app(account)
    answered, holder = "what-the-receiver-answered", "a-customer-of-the-customer"
    payload = f'{{"holder":"{holder}"}}'
    with Receiver(receiver_tls).running() as receiver:
        uri = receiver.on("/told", answer(200, answered.encode()))
        made = account.webhooks.CreateEndpoint(app_id=app.id, uri=uri)
        hook = Hook(made.endpoint.id, "/told", app.id, platform, receiver)
        assert hook.settled(hook.publish(payload_json=payload)).attempts[0].response == answered
    key = made.signing_secret.removeprefix("whsec_")
    return [answered, holder, key, base64.b64decode(key).hex()]


@pytest.fixture(scope="module")
def used(operator, verifier, link_front_end, told) -> list[str]:
    """Put every kind of credential into the database; give those with which it was done."""
    account = people.new_account(operator)
    app = people.new_app(account, v1.ENVIRONMENT_LIVE)
    secret = people.new_secret(account, app)
    session = secret.start()
    parameters = v1.LinkParameters(
        redirect_id=people.add_redirect(account, app), update_token="update-token-of-a-connection"
    )
    made = session.links.CreateLinkToken(parameters=parameters)
    link_front_end.links.OpenLink(query=f"authToken={made.auth_token}")
    setup = operator.admin.CreateAccount(email=f"new-{account.email}", display_name="New")
    return [
        account.password,
        account.token,
        secret.plaintext,
        session.token,
        made.auth_token,
        parameters.update_token,
        setup.setup_token,
        verifier.credential,
        *told,
        *(one for one in people.CANARIES if len(one) >= 10),
    ]


@pytest.fixture(scope="module")
def copy(server, used, tmp_path_factory) -> Copy:
    path = tmp_path_factory.mktemp("stolen") / "finlink.db"
    subprocess.run([sys.executable, "-c", BACKUP, server.env.database.path, path], check=True)
    return Copy(path)


def test_the_copy_holds_no_credential_and_no_hash_of_one(copy, used):
    stolen = copy.everything()

    for one in used:
        plain = one.encode()
        digest = sha256(plain).digest()
        for form in (plain, digest, digest.hex().encode(), base64.b64encode(digest)):
            assert form not in stolen


@pytest.mark.parametrize("shape", SHAPES)
def test_the_copy_holds_nothing_that_looks_like_a_credential(copy, shape):
    assert not re.search(shape, copy.everything())
    assert not re.search(shape, copy.path.read_bytes())  # nor do pages that SQLite has freed


def test_the_copy_holds_no_private_key(copy, env):
    stolen = copy.everything() + copy.path.read_bytes()

    for row in SigningKey.select():
        seed = env.keyring.open(row.sealed_private, signing_keys.private_place(row.kid))
        for form in (seed, seed.hex().encode(), base64.b64encode(seed).rstrip(b"=")):
            assert form not in stolen
    assert all(master._raw not in stolen for master in env.keyring.masters)


def test_what_is_sealed_says_so_and_there_is_some_of_each_kind(copy):
    sealed = list(copy.sealed())

    assert all(value[:1] == b"\x01" for _, value in sealed)
    assert {name for name, _ in sealed} == {
        "signing_key.sealed_private",
        "service_key.sealed_hash",
        "account.sealed_password",
        "account.sealed_setup_hash",
        "secret.sealed_hash",
        "link_token.sealed_parameters",
        "link.sealed_parameters",
        "signing_secret.sealed_secret",
        "event_payload.sealed_payload",
        "attempt.sealed_response",
    }


def test_every_other_blob_is_a_public_key_or_an_hmac(copy):
    names = {name for name, _ in copy.blobs()} - {name for name, _ in copy.sealed()}

    macs = {"idempotency.body_mac", "journal.chain_mac", "journal.count_mac"}
    macs |= {"journal_chain.head"}
    assert names <= {"signing_key.public", *macs}


def test_the_copy_holds_no_key_of_a_webhook(copy, told):
    assert bytes.fromhex(told[-1]) not in copy.everything()


def test_no_other_master_key_opens_any_of_it(copy):
    other = Keyring(os.urandom(32))

    for name, value in copy.sealed():
        with pytest.raises(SealBroken):
            other.open(value, name)


def test_a_server_with_a_new_master_key_does_not_start_on_the_copy(copy, server, tmp_path):
    thief = Home(tmp_path / "thief")
    key_file.create(thief.master_key)

    told = thief.run("migrate", DATABASE_URL=f"sqlite:///{copy.path}")

    assert told.returncode == 1
    assert server.env.keyring.id in told.stderr
    assert key_file.load(thief.master_key).id in told.stderr


def test_a_hash_put_into_anothers_row_is_worth_nothing(env, account, stranger):
    # Whoever can write to the database, but has no master key, gives a victim the own password.
    rows = [Account.get_by_id(one.id) for one in (account, stranger)]
    victim, own = rows
    victim.sealed_password = own.sealed_password

    assert passwords.stored_hash(env, own)
    with pytest.raises(SealBroken):
        passwords.stored_hash(env, victim)
