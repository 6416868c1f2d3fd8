"""Profiles: to which server, and with which credential, under a name.

They stand in one file of the user's configuration, which nobody else may read. It is written
anew in whole, so that nobody ever finds half of it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final

import click

DEFAULT: Final = "default"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, repr=False)
class Profile:
    """What a command connects with. Of the credentials it holds one or none."""

    target: str = ""
    tls_root: str = ""
    app_id: str = ""  # which app is meant where a command names none
    client_id: str = ""
    client_secret: str = ""
    email: str = ""
    account_token: str = ""
    service_key: str = ""

    @property
    def kind(self) -> str:
        """Say which credential it holds."""
        if self.service_key:
            return "service key"
        if self.client_id:
            return "client secret"
        return "account" if self.email or self.account_token else "none"


def file() -> Path:
    """Give the place of the file: $XDG_CONFIG_HOME/finlink/profiles.toml."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if Path(base).is_absolute() else Path.home() / ".config"
    return folder / "finlink" / "profiles.toml"


def read() -> dict[str, Profile]:
    """Read all profiles. Raises UsageError for a file that others could read, or broken."""
    try:
        with _opened() as opened:
            status = os.fstat(opened.fileno())
            mode = stat.S_IMODE(status.st_mode)
            if not stat.S_ISREG(status.st_mode):
                raise click.UsageError(f"{file()} is no file.")
            if mode & 0o077:
                raise click.UsageError(
                    f"Others can read {file()}, which holds credentials (its mode is {mode:04o})."
                    f" Close it: chmod 600 '{file()}'; and replace what they may have read."
                )
            content = opened.read()
            tables = tomllib.loads(content.decode())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise click.UsageError(f"Cannot read {file()}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # Where, and not what: the line may hold a credential.
        where = re.search(r"at line (\d+)", str(error))
        before = content[: error.start] if isinstance(error, UnicodeDecodeError) else content
        line = int(where[1]) if where else before.rstrip().count(b"\n") + 1
        raise click.UsageError(f"{file()} is not TOML (at line {line}): repair it.") from None
    return {name: _profile(name, table) for name, table in tables.items()}


def _opened() -> BinaryIO:
    """Open the file, and wait for nobody where a pipe stands in its place."""
    flags = os.O_RDONLY | os.O_NONBLOCK
    return open(file(), "rb", opener=lambda path, _: os.open(path, flags))


def find(name: str) -> Profile:
    """Give a profile by its name. Raises UsageError."""
    known = read()
    if name not in known:
        has = f"It has {', '.join(known)}." if known else "There is none yet."
        raise click.UsageError(
            f"{file()} has no profile {name}. {has} `finlink profiles set {name}` makes it."
        )
    return known[name]


def put(name: str, profile: Profile) -> None:
    """Keep a profile under a name."""
    if not _NAME.fullmatch(name):
        raise click.UsageError(
            "A profile's name is 1 to 64 letters, digits, dots, hyphens and underscores, of"
            " which the first is a letter or a digit."
        )
    with _alone():
        _write({**read(), name: profile})


def remove(name: str) -> None:
    """Forget a profile. Raises UsageError if there is none of that name."""
    find(name)
    with _alone():
        _write({key: one for key, one in read().items() if key != name})


def _profile(name: str, table: object) -> Profile:
    known = Profile.__dataclass_fields__
    if not isinstance(table, dict) or not all(isinstance(one, str) for one in table.values()):
        raise click.UsageError(
            f"{file()}: [{name}] must be a table of texts, with some of {', '.join(known)}."
        )
    strange = [key for key in table if key not in known]
    if strange:
        raise click.UsageError(
            f"{file()}: [{name}] has {strange[0]}, which is none of {', '.join(known)}."
        )
    return Profile(**table)


@contextmanager
def _alone() -> Iterator[None]:
    """Let nobody else write between what is read here and what is written."""
    folder = file().parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise click.UsageError(f"Cannot write {file()}: {error.strerror}.") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(profiles: dict[str, Profile]) -> None:
    lines = []
    for name, profile in profiles.items():
        lines.append(f"[{json.dumps(name)}]")
        # A JSON string is a TOML string, but for DEL, which TOML wants escaped.
        lines += [f"{key} = {_quoted(one)}" for key, one in asdict(profile).items() if one]
        lines.append("")
    place = file().resolve()  # who linked it from elsewhere keeps the link
    try:
        # Made with mode 0600 from the beginning.
        handle, path = tempfile.mkstemp(dir=place.parent, prefix=".profiles-")
        try:
            with os.fdopen(handle, "wb") as opened:
                opened.write("\n".join(lines).encode())
                opened.flush()
                os.fsync(opened.fileno())
            Path(path).replace(place)
        except BaseException:
            Path(path).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise click.UsageError(f"Cannot write {file()}: {error.strerror}.") from None
    except UnicodeEncodeError:
        raise click.UsageError("A profile holds text, and some of this is none.") from None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
