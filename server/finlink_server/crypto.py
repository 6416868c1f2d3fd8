"""Master keys, and what is derived from them.

Everything secret that the database keeps is sealed with AES-GCM under a key
derived from a master key, with the identity of its row as associated data: a
sealed value copied to another row does not open there.

A master key can be replaced, so a process may hold several. Which of them seals, the
database says (see `domain/master_keys`). A sealed value tells by its first byte, the
version, whose it is: 1 is that of the key with which the database was made; 2 is
followed by the id of a key that came later; 3, of which nothing is stored, says nothing.

What is compared, and never opened, is an HMAC. Its keys come from the first master key
and outlive it: who asks again is to find what he left. The journal's are of an epoch
each, of which every master key begins one.
"""

import hmac
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final, NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_ID_BYTES: Final = 8
_FIRST: Final = b"\x01"
_LATER: Final = b"\x02"
_BRIEFLY: Final = b"\x03"
# For what HMACs are made. What comes to need one later is derived from the last.
LOOKUPS: Final = ("request-id", "journal", "event", "rate", "sign-in", "email", "others")


class MasterKeyError(Exception):
    """The master key cannot be used; the text says why and what to do."""


class SealBroken(Exception):  # noqa: N818 - reads as what happened
    """A sealed value was altered, moved, or sealed with another master key."""


class AuditKeys(NamedTuple):
    """What authenticates the journal in one epoch: that of one master key."""

    master_id: str
    of_rows: bytes
    of_counts: bytes
    of_heads: bytes


class MasterKey:
    """One master key."""

    def __init__(self, raw: bytes) -> None:
        """Take its bytes, of which there are 32."""
        if len(raw) != KEY_BYTES:
            message = f"A master key has {KEY_BYTES} bytes, not {len(raw)}."
            raise MasterKeyError(message)
        self._raw = raw
        self.cipher = AESGCM(self.derive("seal"))

    def derive(self, purpose: str) -> bytes:
        """Derive a 32-byte key for one purpose."""
        return _derive(self._raw, purpose)

    @cached_property
    def id(self) -> str:
        """A name for the master key that tells nothing about it."""
        return self.derive("id")[:_ID_BYTES].hex()

    @property
    def lookup(self) -> dict[str, bytes]:
        """The keys of HMACs that a database has for which this is the first master key."""
        return {purpose: self.derive(f"mac/{purpose}") for purpose in LOOKUPS}

    @property
    def audit(self) -> AuditKeys:
        """The keys of its epoch of the journal."""
        names = ("journal-chain", "journal-count", "journal-head")
        return AuditKeys(self.id, *(self.derive(f"mac/{name}") for name in names))


@dataclass(frozen=True)
class Standing:
    """Where a database stands with its master keys; `revision` grows with each change."""

    lookup: Mapping[str, bytes]
    epochs: tuple[AuditKeys, ...]  # the oldest first; the last is that of the key that seals
    revision: int = 0
    rotating_from: str = ""  # the key under which values may still be sealed

    @classmethod
    def first(cls, master: MasterKey) -> Self:
        """Where it stands with the one that it was made with."""
        return cls(master.lookup, (master.audit,))

    @property
    def first_id(self) -> str:
        """The key with which the database was made."""
        return self.epochs[0].master_id

    @property
    def id(self) -> str:
        """The key that seals."""
        return self.epochs[-1].master_id

    @property
    def oldest_good(self) -> int:
        """The oldest epoch that may still authenticate what changes: heads and counts."""
        return len(self.epochs) - (2 if self.rotating_from else 1)

    def mark(self, master_id: str) -> bytes:
        """What a value that is sealed with this key begins with."""
        return _FIRST if master_id == self.first_id else _LATER + bytes.fromhex(master_id)


class Keyring:
    """Seals, opens and authenticates with the master keys that this process holds."""

    def __init__(self, *masters: bytes) -> None:
        """Hold these, the newest first. Until the database says otherwise, that one seals."""
        self.hold([MasterKey(raw) for raw in masters])
        self.adopt(Standing.first(self.masters[0]))
        # Asks the database where it stands. Set by whoever has one; raises if it seals with
        # a key that is not held.
        self.learn: Callable[[], None] = lambda: None
        self.is_stale = False  # whether it may stand elsewhere by now

    def hold(self, masters: list[MasterKey]) -> None:
        """Hold these from now on."""
        self.masters = masters
        self._by_id = {master.id: master for master in masters}

    def adopt(self, standing: Standing) -> None:
        """Go by what the database says; the key that seals is held."""
        sealing = standing.mark(standing.id), self._by_id[standing.id]
        self.standing, self._sealing = standing, sealing

    @property
    def id(self) -> str:
        """The key that seals."""
        return self.standing.id

    @property
    def sealing(self) -> MasterKey:
        """That key itself."""
        return self._by_id[self.id]

    def find(self, master_id: str) -> MasterKey | None:
        """The key with this id, if it is held."""
        return self._by_id.get(master_id)

    def seal(self, plaintext: bytes, where: str) -> bytes:
        """Encrypt and authenticate a value for one place, such as `secret.hash:sec_…`."""
        if self.is_stale:
            self.learn()
        mark, master = self._sealing
        return mark + seal_with(master, plaintext, where)

    def seal_briefly(self, plaintext: bytes, where: str) -> bytes:
        """Seal what must stay short, and is not stored: it does not tell with which key."""
        if self.is_stale:
            self.learn()
        mark, master = self._sealing
        if mark == _FIRST:
            return mark + seal_with(master, plaintext, where)
        return _BRIEFLY + seal_with(master, plaintext, _brief(where))

    def open(self, sealed: bytes, where: str) -> bytes:
        """Decrypt a value that was sealed for this place, or raise SealBroken."""
        sealed = bytes(sealed)
        if sealed[:1] == _BRIEFLY:
            return self._open_with_any(sealed[1:], _brief(where))
        master_id, size = self._sealed_with(sealed)
        master = self._by_id.get(master_id)
        if master is None and master_id:
            self.learn()
            master = self._by_id.get(master_id)
        if master is None:
            raise SealBroken(where)
        return open_with(master, sealed[size:], where)

    def is_sealed_newly(self, sealed: bytes) -> bool:
        """Whether a value says that it was sealed with the key that seals."""
        mark, _ = self._sealing
        return bytes(sealed[: len(mark)]) == mark

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Authenticate a message for one purpose (HMAC-SHA256), whatever key seals."""
        key = self.standing.lookup.get(purpose) or self._key_of_another(purpose)
        return hmac.digest(key, message, sha256)

    def _open_with_any(self, body: bytes, where: str) -> bytes:
        before = self.standing
        for master in self.masters:
            with suppress(SealBroken):
                return open_with(master, body, where)
        self.learn()
        if self.standing is before:
            raise SealBroken(where)
        return self._open_with_any(body, where)

    def _sealed_with(self, sealed: bytes) -> tuple[str, int]:
        """The key with which something was sealed, and how many bytes say so."""
        if sealed[:1] == _FIRST:
            return self.standing.first_id, 1
        if sealed[:1] == _LATER:
            return sealed[1 : 1 + _ID_BYTES].hex(), 1 + _ID_BYTES
        return "", 0

    def _key_of_another(self, purpose: str) -> bytes:
        key = self._others.get(purpose)
        if key is None:
            key = self._others[purpose] = _derive(self.standing.lookup["others"], purpose)
        return key

    @cached_property
    def _others(self) -> dict[str, bytes]:
        return {}


def _brief(where: str) -> str:
    """Where a brief value is sealed for: what is stored does not open in its place."""
    return f"brief:{where}"


def seal_with(master: MasterKey, plaintext: bytes, where: str) -> bytes:
    """Encrypt what follows a sealed value's mark."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + master.cipher.encrypt(nonce, plaintext, where.encode())


def open_with(master: MasterKey, body: bytes, where: str) -> bytes:
    """Decrypt what follows a sealed value's mark, or raise SealBroken."""
    nonce, encrypted = body[:_NONCE_BYTES], body[_NONCE_BYTES:]
    try:
        return master.cipher.decrypt(nonce, encrypted, where.encode())
    except (InvalidTag, ValueError) as error:  # ValueError: cut off within the nonce
        raise SealBroken(where) from error


def _derive(key: bytes, purpose: str) -> bytes:
    """HKDF-SHA256 (RFC 5869)."""
    info = f"finlink-config/v1/{purpose}".encode()
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(key)
