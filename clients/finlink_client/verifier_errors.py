"""Why a verifier says no."""

import copyreg
from collections.abc import Sequence
from typing import Final


class VerifierError(Exception):
    """A token that is not accepted, or cannot be judged. As text: a sentence."""

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle it as it is: an exception is made anew from its text, which these do not take."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class SessionInactiveError(VerifierError):
    """The token is not, or no longer, that of a live session.

    `reason` is the name of an InactiveReason without its prefix, such as
    `REVOKED`, `EXPIRED` or `SIGNATURE_INVALID`.
    """

    def __init__(self, reason: str) -> None:
        """Take the reason; the text never holds the token."""
        super().__init__(f"The token is not that of a live session: {reason}.")
        self.reason = reason


class ScopeMissingError(VerifierError):
    """The session is good, but lacks scopes: `missing_scopes`."""

    def __init__(self, missing_scopes: Sequence[str]) -> None:
        """Take the scopes that the session lacks."""
        super().__init__(f"The session lacks the scopes: {', '.join(missing_scopes)}.")
        self.missing_scopes = tuple(missing_scopes)


class VerifierUnavailableError(VerifierError):
    """The verifier does not know enough to answer, and could not ask the service.

    Says nothing about the token. `problem` is why, as a sentence; `__cause__` is what asking
    raised.
    """

    def __init__(self, *, key_is_refused: bool = False) -> None:
        """Take whether the service answered, and refused the verifier's own key."""
        self.problem = _KEY_REFUSED if key_is_refused else _NO_ANSWER
        super().__init__(f"{self.problem} Try again.")


_NO_ANSWER: Final = "Whether the session is live cannot be told now: Finlink does not answer."
_KEY_REFUSED: Final = (
    "Whether the session is live cannot be told now: Finlink refuses the key with which this"
    " service asks it."
)
