"""Session tokens verified by the service that gets them: in microseconds, and never open.

A token's signature says who it was made for, the stream of revocations that it has not
been ended since. Where the two do not suffice the service is asked, and where it does
not answer, the token is refused.
"""

from __future__ import annotations

import asyncio
import functools
import threading
import time
import weakref
from collections.abc import Collection, Mapping
from datetime import UTC, timedelta
from hashlib import sha256
from types import TracebackType
from typing import Final, Self

import grpc

from finlink.config import v1
from finlink_client import verifier_tokens
from finlink_client.channel import bearer, check_target, connect
from finlink_client.interceptors import AioInterceptor, Interceptor, Needs
from finlink_client.verifier_errors import (
    ScopeMissingError,
    SessionInactiveError,
    VerifierUnavailableError,
)
from finlink_client.verifier_keys import KeyFetch, KeyRing
from finlink_client.verifier_outages import Outages, refuses_key
from finlink_client.verifier_stream import RevocationStream, View
from finlink_client.verifier_tokens import VerifiedSession, VerifiedToken

ISSUER: Final = "https://config.finlink.example"  # what FINLINK_ISSUER is by itself
_NO_LIST: Final = 'required_scopes must be a list, such as ["read"], not a str.'
_LOOK_EVERY: Final = 0.01  # seconds


class SessionVerifier:
    """Verifies session tokens, for as many threads as want to.

    `channel` is a channel to Finlink Config, to be closed after this, or a target, as
    `open_channel` takes it. `service_key` has the role VERIFIER. Once a call that ends a
    session has answered, `verify` refuses its token after `max_staleness` at the latest,
    mostly after milliseconds; `finlink_client.verifier_stream` says why, and what a clock
    that somebody sets can add. Below a second, most tokens are asked about.

    `timeout` is how long it waits for the service's answer. At most `max_cached_tokens`
    tokens are remembered, those that were seen last, by their hashes. Make it where the
    process serves, not before a fork, and close it when it does no longer.
    """

    def __init__(
        self,
        channel: grpc.Channel | str,
        service_key: str,
        *,
        max_staleness: timedelta = timedelta(seconds=2),
        issuer: str = ISSUER,
        timeout: timedelta = timedelta(seconds=2),
        max_cached_tokens: int = 50_000,
    ) -> None:
        """Begin to follow what ends; asks until it has caught up. Does not wait."""
        if max_staleness <= timedelta() or timeout <= timedelta() or max_cached_tokens < 1:
            raise ValueError("max_staleness, timeout and max_cached_tokens must be above zero.")
        if not service_key:
            raise ValueError("The service key is empty; it takes one with the role VERIFIER.")
        is_own = isinstance(channel, str)
        place = "Finlink Config" + (f" at {channel}" if is_own else "")
        if isinstance(channel, str):
            check_target(channel)
            channel = connect(channel)
        # Not a view of the channel that adds the credential: with one, grpc looks each method
        # up at each call, and a channel that was closed meanwhile brings the process down.
        self._credential = (bearer(service_key),)
        self._stub = v1.SessionServiceStub(channel)
        self._seconds = timeout.total_seconds()
        self._issuer = issuer
        fetch = KeyFetch(self._stub, self._seconds)
        self._keys = KeyRing(fetch)
        watch = functools.partial(self._stub.WatchRevocations, metadata=self._credential)
        self._outages = Outages(place)
        bound = max_staleness.total_seconds()
        self._stream = RevocationStream(watch, self._keys, bound, self._outages)
        self._tokens = _Tokens(max_cached_tokens)
        # Called when nobody has this any more, and before the interpreter ends: a thread
        # within grpc would be cut off there.
        self._finalize = weakref.finalize(
            self, _close, fetch, self._stream, channel if is_own else None
        )
        self._stream.start()

    def verify(self, token: str, required_scopes: Collection[str] = ()) -> VerifiedSession:
        """Give the live session that a token stands for, which has all the scopes.

        Takes microseconds, and up to `timeout` when the service has to be asked. Raises
        SessionInactiveError, ScopeMissingError, or VerifierUnavailableError when the
        session cannot be told live or ended: refuse then, or try again.
        """
        if isinstance(required_scopes, str):
            raise TypeError(_NO_LIST)
        session = self._recall(token) or self._look(token)
        if required_scopes:
            _require(session, required_scopes)
        return session

    async def verify_async(
        self, token: str, required_scopes: Collection[str] = ()
    ) -> VerifiedSession:
        """Do the same without blocking the event loop."""
        if isinstance(required_scopes, str):
            raise TypeError(_NO_LIST)
        session = self._recall(token)
        if session is None:
            return await asyncio.to_thread(self.verify, token, required_scopes)
        if required_scopes:
            _require(session, required_scopes)
        return session

    def interceptor(self, methods: Mapping[str, Needs]) -> Interceptor:
        """Protect a `grpc.server`: which scopes the session needs for each method.

        `{"/pkg.Service/Method": ["read"], …}`; `[]` is for any session, `OPEN` for
        everybody. What is not named is refused. The handler finds the session with
        `current_session()`. A stream is checked when it begins, and not again.
        """
        return Interceptor(self.verify, methods)

    def aio_interceptor(self, methods: Mapping[str, Needs]) -> AioInterceptor:
        """Protect a `grpc.aio.server` in the same way."""
        return AioInterceptor(self.verify_async, methods)

    @property
    def is_caught_up(self) -> bool:
        """Whether it can answer by itself now."""
        return time.monotonic() < self._stream.view.until

    def wait_until_caught_up(self, timeout: timedelta) -> bool:
        """Wait for that, so as not to begin with asking; whether it came about."""
        until = time.monotonic() + timeout.total_seconds()
        while not self.is_caught_up:
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK_EVERY)
        return True

    def close(self) -> None:
        """End the stream, and the channel if it was made here. Nothing is verified then."""
        self._finalize()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _recall(self, token: str) -> VerifiedSession | None:
        """Give the session of a token that was seen before; None: look closer.

        What is relied on is read before what it vouches for.
        """
        view = self._stream.view
        now = time.monotonic()
        known = self._tokens.recent.get(_digest(token))
        if (
            known is not None
            and now < view.until
            and now + view.offset < known.expires
            and known.session_id not in view.ended
            and known.kid not in view.ended
        ):
            return known.session
        return None

    def _look(self, token: str) -> VerifiedSession:
        digest = _digest(token)
        known = self._tokens.get(digest) or self._read(token)
        if known is not None:
            view = self._stream.view  # after a signature, or keys, took their time
            now = time.monotonic()
            if now < view.until and _is_live(known, view, now + view.offset):
                self._tokens.put(digest, known)
                return known.session
        return self._ask(token)

    def _read(self, token: str) -> VerifiedToken | None:
        """Give what a token says if it is genuine; None: only the service can tell."""
        kid = verifier_tokens.read_kid(token)
        key = self._keys.get(kid)
        if key is None:
            if not self.is_caught_up:
                return None
            try:
                key = self._keys.find(kid)
            except grpc.RpcError:
                return None
            if key is None:
                raise SessionInactiveError(
                    "KEY_REVOKED" if kid in self._stream.view.ended else "SIGNATURE_INVALID"
                )
        return verifier_tokens.verify(token, kid, key, self._issuer)

    def _ask(self, token: str) -> VerifiedSession:
        request = v1.ValidateSessionRequest(access_token=token)
        try:
            answer = self._stub.ValidateSession(
                request, timeout=self._seconds, metadata=self._credential
            )
        except grpc.RpcError as error:
            if not self.is_caught_up:
                self._outages.note(error)
            raise VerifierUnavailableError(key_is_refused=refuses_key(error)) from error
        except ValueError as error:  # the channel is closed
            raise VerifierUnavailableError from error
        if not answer.active:
            name = v1.InactiveReason.Name(answer.inactive_reason)
            raise SessionInactiveError(name.removeprefix("INACTIVE_REASON_"))
        found = answer.session
        return VerifiedSession(
            session_id=found.id,
            app_id=found.app_id,
            account_id=found.account_id,
            environment=v1.Environment.Name(found.environment).removeprefix("ENVIRONMENT_"),
            secret_id=found.secret_id,
            scopes=frozenset(found.scopes),
            expire_time=found.expire_time.ToDatetime(UTC),
        )


class _Tokens:
    """Genuine tokens by their hash, in two generations: the older one makes room.

    Those that are asked for move to the recent one, so what is forgotten has not been
    seen for the longest time.
    """

    def __init__(self, most: int) -> None:
        self._half = (most + 1) // 2
        self._lock = threading.Lock()
        self.recent: dict[bytes, VerifiedToken] = {}
        self._older: dict[bytes, VerifiedToken] = {}

    def get(self, digest: bytes) -> VerifiedToken | None:
        return self.recent.get(digest) or self._older.get(digest)

    def put(self, digest: bytes, token: VerifiedToken) -> None:
        with self._lock:
            if digest in self.recent:
                return
            if len(self.recent) >= self._half:
                self._older, self.recent = self.recent, {}
            self.recent[digest] = token

    def __len__(self) -> int:
        return len(self.recent) + len(self._older)


def _is_live(token: VerifiedToken, view: View, now: float) -> bool:
    """Whether a genuine token is in force; False: only the service can tell.

    Raises SessionInactiveError.
    """
    for name, reason in ((token.session_id, ""), (token.kid, "KEY_REVOKED")):
        ended = view.ended.get(name)
        if ended is not None and ended.time <= now:
            raise SessionInactiveError(reason or ended.reason)
    if token.expires <= now:
        raise SessionInactiveError("EXPIRED")
    return token.begins <= now


def _require(session: VerifiedSession, scopes: Collection[str]) -> None:
    if not session.scopes.issuperset(scopes):
        raise ScopeMissingError([scope for scope in scopes if scope not in session.scopes])


def _digest(token: str) -> bytes:
    # What is no Unicode is no token, and becomes what is none either.
    return sha256(token.encode(errors="replace")).digest()


def _close(fetch: KeyFetch, stream: RevocationStream, channel: grpc.Channel | None) -> None:
    fetch.close()
    stream.close()
    if channel is not None:
        channel.close()
