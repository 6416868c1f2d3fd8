"""The file of the master key: one `fmk_…` a line, the newest first.

Two stand in it while the one replaces the other.
"""

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from finlink_server.crypto import KEY_BYTES, Keyring, MasterKeyError

_PREFIX: Final = "fmk_"


def create(path: Path) -> None:
    """Write a new master key to a file that must not exist, mode 0600.

    The file appears whole or not at all: it is written beside its place and
    then linked there, which fails if something stands there already.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        _write(path, _new_line(), path.hardlink_to)
    except FileExistsError as error:
        message = f"{path} exists already. A master key is never overwritten: name another file."
        raise MasterKeyError(message) from error


def prepend(path: Path) -> None:
    """Write a new master key before those in a file; who has and may read it stays so."""
    path = path.resolve()
    before = path.stat()

    def replace(draft: Path) -> None:
        if (draft.stat().st_uid, draft.stat().st_gid) != (before.st_uid, before.st_gid):
            os.chown(draft, before.st_uid, before.st_gid)
        draft.chmod(stat.S_IMODE(before.st_mode))
        draft.replace(path)

    _write(path, _new_line() + path.read_text(encoding="ascii").strip() + "\n", replace)


def is_writable(path: Path) -> bool:
    """Whether a new key may be written there: a mounted Secret is changed where it comes from."""
    folder = path.resolve().parent
    return not _mounted_by_kubernetes(path) and os.access(folder, os.W_OK)


def load(path: Path) -> Keyring:
    """Read the master keys from their file, or say what is wrong with it."""
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
    raws = [_read_line(line) for line in text.split("\n")]
    if b"" in raws:
        which = f"Line {raws.index(b'') + 1} of {path}" if len(raws) > 1 else str(path)
        message = (
            f"{which} does not hold a whole master key ({_PREFIX} and {KEY_BYTES} bytes in"
            " base64). Restore the file from where you keep it."
        )
        raise MasterKeyError(message)
    if len(set(raws)) < len(raws):
        message = f"{path} holds the same master key twice. Take one of the two lines out."
        raise MasterKeyError(message)
    return Keyring(*raws)


def _new_line() -> str:
    return _PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n"


def _read_line(line: str) -> bytes:
    """The bytes of a key; none if it is not whole."""
    try:
        raw = base64.b64decode(line.removeprefix(_PREFIX), altchars=b"-_", validate=True)
    except binascii.Error:
        raw = b""
    return raw if line.startswith(_PREFIX) and len(raw) == KEY_BYTES else b""


def _write(path: Path, text: str, put_in_place: Callable[[Path], None]) -> None:
    """Write a draft beside a file, and see it and its new name onto the disk."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(draft)
    except FileExistsError:
        raise
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        draft.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _unwritable(path: Path, error: OSError) -> MasterKeyError:
    return MasterKeyError(f"The master key cannot be written to {path}: {error.strerror}.")


def _mounted_by_kubernetes(path: Path) -> bool:
    """Tell a mounted Secret, whose mode is 0644 inside a volume of its own."""
    return path.is_symlink() and path.readlink().parts[:1] == ("..data",)
