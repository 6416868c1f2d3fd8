"""Every column that is sealed, and for which place: what a rotation of the master key goes over.

A column named `sealed_…` that is not in here fails a test.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from finlink_server.domain import (
    accounts,
    deliveries,
    events,
    link_parameters,
    links,
    passwords,
    secret_state,
    service_keys,
    signing_keys,
    signing_secrets,
)

Place = Callable[..., str]


@dataclass(frozen=True)
class Column:
    """A sealed column. Its place follows from the row's key."""

    name: str
    place: Place
    is_text: bool = False  # in base64

    def bytes_of(self, stored: Any) -> bytes:  # noqa: ANN401 - the driver's
        """The sealed bytes of what is stored."""
        return base64.b64decode(stored) if self.is_text else bytes(stored)

    def stored(self, sealed: bytes) -> bytes | str:
        """What is stored of sealed bytes."""
        return base64.b64encode(sealed).decode() if self.is_text else sealed


@dataclass(frozen=True)
class Table:
    """A table that has such columns."""

    name: str
    key: Sequence[str]
    columns: Sequence[Column]


TABLES: Final = (
    Table("signing_key", ("kid",), [Column("sealed_private", signing_keys.private_place)]),
    Table("service_key", ("id",), [Column("sealed_hash", service_keys.hash_place)]),
    Table(
        "account",
        ("id",),
        [
            Column("sealed_password", passwords.place),
            Column("sealed_setup_hash", accounts.setup_place),
        ],
    ),
    Table("secret", ("id",), [Column("sealed_hash", secret_state.hash_place)]),
    Table("link_token", ("id",), [Column("sealed_parameters", link_parameters.place)]),
    Table(
        "link",
        ("id",),
        [
            Column("sealed_parameters", link_parameters.place),
            Column("ignored_parameters", links.names_place, is_text=True),
        ],
    ),
    Table("event_payload", ("event_seq",), [Column("sealed_payload", events.payload_place)]),
    Table("signing_secret", ("id",), [Column("sealed_secret", signing_secrets.place)]),
    Table(
        "attempt",
        ("delivery_id", "number"),
        [Column("sealed_response", deliveries.response_place)],
    ),
)
