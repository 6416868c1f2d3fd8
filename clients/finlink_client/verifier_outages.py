"""Tells those who run a protected service, once, why its sessions cannot be verified."""

from __future__ import annotations

import logging
import threading
from typing import Final

import grpc

from finlink_client.errors import FinlinkError

_REFUSED: Final = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED})
_log = logging.getLogger("finlink_client")


def refuses_key(error: BaseException | None) -> bool:
    """Tell whether Finlink answered, and refused the verifier's own key."""
    call: object = error  # grpc's own failures are calls too, which no type says
    return isinstance(call, grpc.Call) and call.code() in _REFUSED


class Outages:
    """Warns when one begins, not with each attempt in it, and says when it is over."""

    def __init__(self, place: str) -> None:
        """Take the name under which the service is known here."""
        self._place = place
        self._lock = threading.Lock()
        self._told = ""

    def note(self, error: grpc.RpcError) -> None:
        """Note that the service could not be asked."""
        found = FinlinkError.of(error)
        if refuses_key(error):
            self._warn(f"{self._place} refuses the service key, so nobody is let in", found)
        else:
            self._warn(f"{self._place} cannot be asked, so nobody is let in", found)

    def end(self) -> None:
        """Note that all is well."""
        if self._told:  # looked at without the lock: this is called twice a second
            with self._lock:
                self._told = ""
            _log.info("%s can be asked again.", self._place)

    def _warn(self, what: str, error: FinlinkError) -> None:
        with self._lock:
            if self._told == what:
                return
            self._told = what
        _log.warning("%s: %s", what, error)
