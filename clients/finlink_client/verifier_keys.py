"""The public keys of session tokens, as ListSigningKeys gives them."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from finlink.config import v1
from finlink_client.verifier_tokens import parse_key

# A new key is published 30 seconds before its first token.
FETCH_EVERY: Final = 10.0  # seconds; whoever makes up key ids costs the service no more
_AFTER_A_FAILURE: Final = 1.0  # seconds


class KeyRing:
    """The keys that are known, fetched anew when a token names another."""

    def __init__(
        self,
        fetch: Callable[[], v1.ListSigningKeysResponse],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with no key."""
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, Ed25519PublicKey] = {}
        self._fetching = threading.Lock()
        self._next_fetch = float("-inf")
        self._failed = False

    def __contains__(self, kid: str) -> bool:
        """Whether a key is known, without a fetch."""
        return kid in self._keys

    def __len__(self) -> int:
        """How many keys are known."""
        return len(self._keys)

    def get(self, kid: str) -> Ed25519PublicKey | None:
        """Give a key that is known, without a fetch."""
        return self._keys.get(kid)

    def find(self, kid: str) -> Ed25519PublicKey | None:
        """Give a key, fetched if need be; None if the service has none of this id.

        Raises grpc.RpcError when that cannot be told.
        """
        key = self._keys.get(kid)
        if key is None:
            self.refresh(kid)
            key = self._keys.get(kid)
        return key

    def refresh(self, kid: str = "") -> None:
        """Fetch the keys, unless that was done a short while ago.

        Those who want a key at the same time wait for one fetch. Raises grpc.RpcError.
        """
        with self._fetching:
            if kid in self._keys:
                return
            if self._clock() >= self._next_fetch:
                self._load()
            elif self._failed:
                raise _RecentlyFailedError

    def reload(self) -> None:
        """Fetch the keys now: one of them was revoked. Raises grpc.RpcError."""
        with self._fetching:
            self._load()

    def _load(self) -> None:
        self._failed = True
        try:
            answer = self._fetch()
            found = (parse_key(key.jwk_json) for key in answer.keys)
            self._keys = dict(pair for pair in found if pair is not None)
            self._failed = False
        finally:
            # From the end on, so that those who waited meanwhile do not fetch again.
            wait = _AFTER_A_FAILURE if self._failed else FETCH_EVERY
            self._next_fetch = self._clock() + wait


class KeyFetch:
    """Asks the service for its keys; an end interrupts that, however long the service takes."""

    def __init__(self, stub: v1.SessionServiceStub, seconds: float) -> None:
        """Take how long to wait for an answer."""
        self._stub = stub
        self._seconds = seconds
        self._call: grpc.Future[v1.ListSigningKeysResponse] | None = None
        self._closed = False
        self._lock = threading.Lock()

    def __call__(self) -> v1.ListSigningKeysResponse:
        """Raise grpc.RpcError if there is no answer."""
        with self._lock:
            if self._closed:
                raise _ClosedError
            request = v1.ListSigningKeysRequest()
            call = self._call = self._stub.ListSigningKeys.future(request, timeout=self._seconds)
        try:
            return call.result()
        except grpc.FutureCancelledError:
            raise _ClosedError from None

    def close(self) -> None:
        """Interrupt the call that is on its way, and make no other."""
        with self._lock:
            self._closed = True
            if self._call is not None:
                self._call.cancel()


class _ClosedError(grpc.RpcError):
    """The verifier was closed."""

    def __str__(self) -> str:
        return "The verifier is closed."


class _RecentlyFailedError(grpc.RpcError):
    """The fetch that others waited for has failed."""

    def __str__(self) -> str:
        return "The signing keys could not be fetched a moment ago."
