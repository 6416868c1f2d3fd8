"""What is wrong with the server shows in its log; what it was trusted with does not.

In every layer something raises an exception that quotes all it was given, at `debug`. The
search after every run (`conftest`) looks for the same in all that other tests did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from tests import canaries, people
from tests.collector import Collector, collecting
from tests.errors import refused

from finlink.config import v1
from finlink_server import (
    app,
    calls,
    credentials,
    hashing,
    otlp,
    shape_check,
    tokens,
    tracing,
)
from finlink_server.crypto import Keyring
from finlink_server.domain import identity, journal, logins, passwords, secrets, sign_in
from finlink_server.env import Env
from finlink_server.hashing import Hasher
from finlink_server.storage import models

WORD = "secret-of-the-story"


class QuotedError(ValueError):
    """A defect that says everything it knows."""


def quote(*given: Any, **named: Any) -> Any:
    raise QuotedError(f"{WORD}: {given} {named} {[str(one) for one in given]}")


@dataclass
class Story:
    """Somebody who uses every credential that there is."""

    account: people.Account
    app: v1.App
    secret: people.Secret
    nobody: people.Caller
    verifier: people.Caller

    @property
    def told(self) -> list[str]:
        """What nobody may see."""
        return [
            self.account.password,
            self.account.token,
            self.secret.plaintext,
            self.verifier.credential,
            "a-new-password-of-hers",
        ]

    def signs_in(self) -> Any:
        return self.nobody.accounts.SignIn(email=self.account.email, password=self.account.password)

    def starts(self) -> Any:
        return self.nobody.sessions.StartSession(
            client_id=self.app.id, client_secret=self.secret.plaintext
        )

    def reports(self) -> Any:
        return self.nobody.secrets.ReportLeakedSecret(client_secret=self.secret.plaintext)

    def changes_password(self) -> Any:
        return self.account.accounts.ChangePassword(
            current_password=self.account.password, new_password="a-new-password-of-hers"
        )

    def rotates(self) -> Any:
        return self.account.secrets.RotateSecret(
            secret_id=self.secret.id, password=self.account.password
        )

    def revokes(self) -> Any:
        return self.account.secrets.RevokeSecret(
            secret_id=self.secret.id, password=self.account.password
        )

    def validates(self) -> Any:
        return self.verifier.sessions.ValidateSession(access_token=self.account.token)


# What breaks, and whose call finds out.
DEFECTS: dict[str, tuple[Any, str, Callable[[Story], Any]]] = {
    "the credential": (calls, "bearer", Story.validates),
    "the caller": (identity, "identify", Story.rotates),
    "the shape": (shape_check, "check", Story.signs_in),
    "the shape of a secret": (shape_check, "check", Story.starts),
    "the rules of signing in": (sign_in, "_settle", Story.signs_in),
    "the rules of logins": (logins, "find_secret", Story.starts),
    "the rules of secrets": (secrets, "finish", Story.revokes),
    "the formats": (credentials, "parse_client_secret", Story.reports),
    "the passwords": (passwords, "seal", Story.changes_password),
    "the hasher": (Hasher, "check", Story.revokes),
    "the hashes": (hashing, "_prepare", Story.signs_in),
    "the tokens": (tokens, "verify", Story.validates),
    "the keyring": (Keyring, "open", Story.rotates),
    "the journal": (journal, "_row", Story.rotates),
    "the transactions": (Env, "transaction", Story.rotates),
}


@pytest.fixture(scope="module")
def collector(server) -> Iterator[Collector]:
    with collecting() as collector:
        tracing.begin(otlp.Spans(collector.endpoint, 1.0))
        yield collector
        tracing.end(10)


@pytest.fixture
def story(account, app, secret, nobody, verifier) -> Story:
    return Story(account, app, secret, nobody, verifier)


@pytest.mark.parametrize("what", DEFECTS)
def test_a_defect_in_any_layer_shows_no_secret(server, collector, story, monkeypatch, what):
    place, name, happens = DEFECTS[what]
    before = len(server.log.getvalue())

    with monkeypatch.context() as broken:
        broken.setattr(place, name, quote)
        with refused(reason="INTERNAL") as refusal:
            happens(story)

    (defect, _) = server.log_of(refusal.call_id)
    assert defect["event"] == "defect"
    assert "QuotedError: <QuotedError>" in defect["exception"]
    since = server.log.getvalue()[before:]
    assert WORD not in since
    assert not [one for one in story.told if one in since]
    assert canaries.find(people.CANARIES, refusal.message.encode()) == []


def test_nor_do_the_spans_of_all_that(collector, story):
    story.signs_in()
    story.starts()

    tracing.end(10)

    assert collector.spans()
    assert canaries.find([*people.CANARIES, WORD, *story.told], collector.everything) == []


def test_nor_does_the_journal(env, story):
    story.starts()
    rows = env.database.execute("SELECT * FROM journal").fetchall()

    told = "\n".join(str(one) for row in rows for one in row).encode()
    assert canaries.find([*people.CANARIES, WORD, *story.told], told) == []


def test_what_stands_in_a_dataclass_of_the_domain_shows_no_secret(story):
    new = credentials.CLIENT_SECRET_TEST.new()

    made = [
        secrets.Created(models.Secret(), story.secret.plaintext),
        logins.Started(models.Session(), story.account.token, ""),
        new,
    ]

    assert canaries.find([*story.told, new.text], repr(made).encode()) == []


# --------------------------------------------------------------------------------- the protos


def fields(message: Descriptor) -> Iterator[FieldDescriptor]:
    yield from message.fields
    for nested in message.nested_types:
        yield from fields(nested)


TEXTS = [
    field
    for service in app.service_descriptors()
    for message in service.file.message_types_by_name.values()
    for field in fields(message)
    if field.type == FieldDescriptor.TYPE_STRING
]
# Of fields that are named so and tell nobody anything that opens a door.
HARMLESS = {"page_token", "next_page_token"}
# Whole URLs of Link may hold an auth token, and what an app hands to its connection.
QUERIES = {"finlink.config.v1.OpenLinkRequest.query", "finlink.config.v1.ExplainLinkRequest.query"}


def is_secret(field: FieldDescriptor) -> bool:
    last = field.name.removesuffix("s").rpartition("_")[2]
    named = last in {"password", "token", "secret", "key"} and field.name not in HARMLESS
    return named or field.full_name in QUERIES


@pytest.mark.parametrize("field", sorted({one.full_name for one in TEXTS}))
def test_every_field_of_a_secret_is_marked_so_and_no_other(field):
    (found, *_) = [one for one in TEXTS if one.full_name == field]

    assert found.GetOptions().debug_redact == is_secret(found)


def test_there_are_fields_of_secrets():
    assert len({one.full_name for one in TEXTS if is_secret(one)}) > 20
