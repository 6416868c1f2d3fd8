"""The master key, and what is derived from it.

Everything secret that the database keeps is sealed with AES-GCM under a key
derived from the master key, with the identity of its row as associated data: a
sealed value copied to another row does not open there.
"""

import base64
import binascii
import hmac
import os
import secrets
import stat
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"
_FILE_PREFIX = "fmk_"


class MasterKeyError(Exception):
    """The master key cannot be used; the text says why and what to do."""


class SealBroken(Exception):  # noqa: N818 - reads as what happened
    """A sealed value was altered, moved, or sealed with another master key."""


class Keyring:
    """Seals, opens and authenticates with keys derived from one master key."""

    def __init__(self, master: bytes) -> None:
        if len(master) != KEY_BYTES:
            message = f"A master key has {KEY_BYTES} bytes, not {len(master)}."
            raise MasterKeyError(message)
        self._master = master
        self._seal = AESGCM(self.derive("seal"))

    def derive(self, purpose: str) -> bytes:
        """Derive a 32-byte key for one purpose (HKDF-SHA256, RFC 5869)."""
        info = f"finlink-config/v1/{purpose}".encode()
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(self._master)

    @cached_property
    def id(self) -> str:
        """A name for the master key that tells nothing about it."""
        return self.derive("id")[:8].hex()

    def seal(self, plaintext: bytes, where: str) -> bytes:
        """Encrypt and authenticate a value for one place, such as `secret.hash:sec_…`."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._seal.encrypt(nonce, plaintext, where.encode())

    def open(self, sealed: bytes, where: str) -> bytes:
        """Decrypt a value that was sealed for this place, or raise SealBroken."""
        sealed = bytes(sealed)
        version, nonce, body = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if version != _VERSION:
            raise SealBroken(where)
        try:
            return self._seal.decrypt(nonce, body, where.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: cut off within the nonce
            raise SealBroken(where) from error

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Authenticate a message for one purpose (HMAC-SHA256)."""
        return hmac.digest(self._mac_key(purpose), message, sha256)

    def _mac_key(self, purpose: str) -> bytes:
        key = self._mac_keys.get(purpose)
        if key is None:
            key = self._mac_keys[purpose] = self.derive(f"mac/{purpose}")
        return key

    @cached_property
    def _mac_keys(self) -> dict[str, bytes]:
        return {}


def create_master_key(path: Path) -> None:
    """Write a new master key to a file that must not exist, mode 0600.

    The file appears whole or not at all: it is written beside its place and
    then linked there, which fails if something stands there already.
    """
    text = _FILE_PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n"
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"The master key cannot be written to {path}: {error.strerror}."
        raise MasterKeyError(message) from error
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError as error:
        message = f"{path} exists already. A master key is never overwritten: name another file."
        raise MasterKeyError(message) from error
    except OSError as error:
        message = f"The master key cannot be written to {path}: {error.strerror}."
        raise MasterKeyError(message) from error
    finally:
        draft.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _mounted_by_kubernetes(path: Path) -> bool:
    """Tell a mounted Secret, whose mode is 0644 inside a volume of its own."""
    return path.is_symlink() and path.readlink().parts[:1] == ("..data",)


def load_master_key(path: Path) -> Keyring:
    """Read the master key from its file, or say what is wrong with it."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        message = (
            f"There is no master key at {path}. Restore the file from where you keep it, or make"
            f" one for a new database with `finlink-server master-key create {path}`."
        )
        raise MasterKeyError(message) from error
    except (OSError, UnicodeDecodeError) as error:
        message = f"The master key at {path} cannot be read: {error}."
        raise MasterKeyError(message) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO) & ~stat.S_IRGRP and not _mounted_by_kubernetes(path):
        message = (
            f"Others on this machine may read or write the master key at {path}. Run"
            f" `chmod 600 {path}`."
        )
        raise MasterKeyError(message)
    try:
        raw = base64.b64decode(text.removeprefix(_FILE_PREFIX), altchars=b"-_", validate=True)
    except binascii.Error:
        raw = b""
    if not text.startswith(_FILE_PREFIX) or len(raw) != KEY_BYTES:
        message = (
            f"{path} does not hold a whole master key ({_FILE_PREFIX} and {KEY_BYTES} bytes in"
            " base64). Restore the file from where you keep it."
        )
        raise MasterKeyError(message)
    return Keyring(raw)
