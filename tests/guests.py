"""People at the door: they try to sign in, from some address."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass
from typing import Any

from tests import people
from tests.errors import Refused, refused


@dataclass(frozen=True)
class Guest:
    """Somebody with an e-mail, at an address of their own."""

    caller: people.Caller
    email: str
    address: str

    def sign_in(self, password: str) -> Any:
        return self.caller.accounts.SignIn(
            email=self.email, password=password, metadata=(("x-forwarded-for", self.address),)
        )

    def fail(self, times: int = 1, reason: str = "SIGN_IN_FAILED") -> Refused:
        """Give wrong passwords; what came of the last."""
        for _ in range(times):
            with refused(reason=reason) as refusal:
                self.sign_in(wrong())
        return refusal


def wrong() -> str:
    """Give a password that is nobody's."""
    return f"wrong-{secrets.token_hex(8)}"


def new_address() -> str:
    """Give an address from which nobody called yet."""
    return str(ipaddress.IPv6Address((0x20010DB8 << 96) + secrets.randbits(96)))


def unknown(nobody: people.Caller) -> Guest:
    """Somebody whose e-mail has no account."""
    return Guest(nobody, f"nobody-{secrets.token_hex(8)}@example.com", new_address())
