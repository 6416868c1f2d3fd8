"""What a process remembers of credentials: those that were good when they were last looked at.

An entry is true until the change feed tells of something that ends it; ends that come with
time are in the entry. Keys are SHA-256, so that memory holds no credential. What is not
remembered is looked up, which is slower and never wrong.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from finlink_server.config_values import Network
from finlink_server.domain import endings
from finlink_server.domain.caller import Role
from finlink_server.env import Env
from finlink_server.storage.feed import Place, Row

_NAME: Final = "credentials"
# What an entry takes, indexes and all, in bytes: measured with tracemalloc, rounded up.
_ENTRY: Final = 1536
# Rows after which nothing of the target's is taken for granted.
_ENDS_TARGET: Final = {
    "secret.updated",  # its client addresses
    "service_key.revoked",
    "account.signed_out",
    "account.token_ended",
}
_ENDS_ACCOUNT: Final = {
    "account.password_set",
    "account.password_changed",
    "account.password_reset",
    "account.suspended",
}
_ENDS_ALL: Final = {"signing_key.revoked"}


@dataclass(slots=True)
class KnownSession:
    """A session that was active, and what of it answers are made of."""

    id: str
    secret_id: str
    app_id: str
    account_id: str
    environment: str
    scopes: frozenset[str]
    create_time: int
    expire_time: int
    until: int  # the earlier of its end and its token's
    allowed: tuple[Network, ...]  # client addresses; none: any
    packed: bytes = b""  # the answer, once it was made
    packed_entry: bytes = b""  # the same in an answer that has several


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A service key that was live."""

    id: str
    roles: frozenset[Role]
    event_prefixes: tuple[str, ...]
    until: int = 2**62


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account token that was live."""

    account_id: str
    token_id: str
    until: int


Known = KnownSession | KnownKey | KnownAccount


@dataclass
class Memory:
    """Credentials by their hash, bounded: the oldest entry makes room.

    Written only while the feed holds its lock; read without one.
    """

    most: int
    _known: dict[bytes, tuple[Known, tuple[str, ...]]] = field(default_factory=dict)
    _tagged: dict[str, tuple[bytes, ...]] = field(default_factory=dict)

    def get(self, digest: bytes, now: int) -> Known | None:
        """What is known of a credential at this time."""
        entry = self._known.get(digest)
        return entry[0] if entry is not None and entry[0].until > now else None

    def put(self, digest: bytes, known: Known, tags: tuple[str, ...]) -> None:
        """Remember a credential until something happens to one of its tags."""
        self._forget(digest)
        while len(self._known) >= self.most:
            self._forget(next(iter(self._known)))
        self._known[digest] = (known, tags)
        for tag in tags:
            self._tagged[tag] = (*self._tagged.get(tag, ()), digest)

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()
        self._tagged.clear()

    def apply(self, rows: Sequence[Row]) -> None:
        """Forget what rows of the journal have changed."""
        for row in rows:
            if row.type in _ENDS_ALL:
                self.clear()
            for tag in _touched(row):
                for digest in self._tagged.get(tag, ()):
                    self._forget(digest)

    def __len__(self) -> int:
        """How many credentials are remembered."""
        return len(self._known)

    def _forget(self, digest: bytes) -> None:
        entry = self._known.pop(digest, None)
        if entry is None:
            return
        for tag in entry[1]:
            others = tuple(one for one in self._tagged[tag] if one != digest)
            if others:
                self._tagged[tag] = others
            else:
                del self._tagged[tag]


def recall(env: Env, digest: bytes) -> Known | None:
    """What is known of a credential now: nothing that any process has ended before this call."""
    memory = of(env)
    env.feed.refresh()
    return memory.get(digest, env.now())


def recall_all(env: Env, digests: Iterable[bytes]) -> list[Known | None]:
    """The same of several, in their order."""
    memory = of(env)
    env.feed.refresh()
    now = env.now()
    return [memory.get(digest, now) for digest in digests]


def remember(env: Env, place: Place, digest: bytes, known: Known, *tags: str) -> None:
    """Remember what was read after the feed stood at a place, unless it has moved since."""
    env.feed.unless_moved(place, lambda: of(env).put(digest, known, tags))


def digest_of(credential: str) -> bytes:
    """What a credential is remembered by."""
    return sha256(credential.encode()).digest()


def of(env: Env) -> Memory:
    """The memory of this process."""
    known: Memory = env.memory[_NAME]
    return known


def begin(env: Env, most_bytes: int) -> None:
    """Let this process remember credentials, in so much memory."""
    memory = env.memory[_NAME] = Memory(max(16, most_bytes // _ENTRY))
    env.feed.follow(memory)


def _touched(row: Row) -> Iterator[str]:
    if row.type in _ENDS_TARGET:
        yield row.target_id
    if row.type in _ENDS_ACCOUNT:
        yield row.account_id
    for ending in endings.of_row(row):
        yield ending.session_id
