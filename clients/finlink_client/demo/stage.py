"""One step of the demo: ask, check, show."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, NoReturn, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from finlink.config import v1
from finlink_client.channel import with_credential
from finlink_client.errors import FinlinkError

Request = TypeVar("Request", bound=Message)
Answer = TypeVar("Answer", bound=Message)


class Outcome(StrEnum):
    """How a step ended."""

    PENDING = "pending"
    ANSWERED = "answered"
    REFUSED = "refused"  # as the story wants it
    UNEXPECTED = "unexpected"


@dataclass
class Step:
    """What was asked and what came back. Never holds a credential whole."""

    number: int
    chapter: str
    who: str
    rpc: str
    asked: str
    outcome: Outcome = Outcome.PENDING
    answer: str = ""
    reason: str = ""
    expected: str = ""
    call_id: str = ""
    rows: list[dict[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Give the step as a program reads it."""
        return {"as_told": self.outcome is not Outcome.UNEXPECTED, **asdict(self)}


class Audience(Protocol):
    """Who watches: a person at a terminal, or a program."""

    def chapter(self, title: str) -> None:
        """Hear that a new part of the story begins."""

    def asked(self, step: Step) -> None:
        """See what is asked."""

    def answered(self, step: Step) -> None:
        """See what came back."""

    def finished(self, steps: int, farewell: str) -> None:
        """Hear that all went as told."""


class StoryBrokenError(Exception):
    """A step was not answered as the story tells. It has been shown already."""


class Caller:
    """Somebody in the story: a name, and the services as this one may call them."""

    def __init__(self, name: str, channel: grpc.Channel, credential: str = "") -> None:
        """Stand on `channel`, with the credential if there is one."""
        self.name = name
        view = with_credential(channel, credential) if credential else channel
        self.admin = v1.AdminServiceStub(view)
        self.accounts = v1.AccountServiceStub(view)
        self.secrets = v1.SecretServiceStub(view)
        self.sessions = v1.SessionServiceStub(view)
        self.settings = v1.SettingsServiceStub(view)
        self.links = v1.LinkServiceStub(view)


class Stage:
    """Plays steps before an audience, and stops at the first that goes wrong."""

    def __init__(self, audience: Audience) -> None:
        """Begin with an empty stage."""
        self._audience = audience
        self._chapter = ""
        self.steps = 0

    def chapter(self, title: str) -> None:
        """Open a new part of the story."""
        self._chapter = title
        self._audience.chapter(title)

    def ask(
        self,
        who: Caller,
        method: "grpc.UnaryUnaryMultiCallable[Request, Answer]",
        request: Request,
        *,
        asked: str,
        told: Callable[[Answer], str],
        holds: Callable[[Answer], Mapping[str, bool]] = lambda _: {},
        rows: Callable[[Answer], list[dict[str, str]]] = lambda _: [],
    ) -> Answer:
        """Make a call that must succeed, and show what `told` makes of it.

        `holds` names what must be true of the answer.
        """
        step = self._begin(who, request, asked)
        try:
            answer, call = method.with_call(request)
        except grpc.RpcError as error:
            failure = FinlinkError.of(error)
            self._break(step, expected="an answer", came=str(failure), call_id=failure.call_id)
        trailers = dict(call.trailing_metadata() or ())
        step.call_id = str(trailers.get("x-call-id", ""))
        step.answer = told(answer)
        step.rows = rows(answer)
        broken = [promise for promise, kept in holds(answer).items() if not kept]
        if broken:
            self._break(step, expected=", ".join(broken), came=step.answer, call_id=step.call_id)
        step.outcome = Outcome.ANSWERED
        self._audience.answered(step)
        return answer

    def expect_refusal(
        self,
        who: Caller,
        method: "grpc.UnaryUnaryMultiCallable[Request, Answer]",
        request: Request,
        *,
        asked: str,
        reason: str,
        says: Sequence[str] = (),
    ) -> None:
        """Make a call that must be refused for `reason`, in a message with `says` in it."""
        step = self._begin(who, request, asked)
        try:
            method(request)
        except grpc.RpcError as error:
            refusal = FinlinkError.of(error)
            step.reason, step.call_id = refusal.reason, refusal.call_id
            kept = refusal.reason == reason and all(part in refusal.message for part in says)
            if not kept:
                expected = " with ".join((reason, *says))
                self._break(step, expected=expected, came=str(refusal), call_id=refusal.call_id)
            step.outcome, step.answer = Outcome.REFUSED, refusal.message
            self._audience.answered(step)
        else:
            # The answer is not shown: what should not be given may hold a
            # credential.
            self._break(step, expected=reason, came="an answer: it was allowed")

    def _begin(self, who: Caller, request: Message, asked: str) -> Step:
        self.steps += 1
        rpc = request.DESCRIPTOR.name.removesuffix("Request")
        step = Step(self.steps, self._chapter, who.name, rpc, asked)
        self._audience.asked(step)
        return step

    def _break(self, step: Step, *, expected: str, came: str, call_id: str = "") -> NoReturn:
        step.outcome, step.expected = Outcome.UNEXPECTED, expected
        step.answer, step.call_id = came, call_id
        self._audience.answered(step)
        raise StoryBrokenError(f"Step {step.number}, {step.rpc}, did not go as the story tells.")


def veil(credential: str) -> str:
    """Give what tells a credential from another: its prefix, if any, and last 4 characters.

    >>> veil("fls_test_" + 41 * "0" + "aB3x")
    'fls_test_…aB3x'
    """
    prefix = re.match(r"(?:[a-z]+_)*", credential)
    return f"{prefix[0] if prefix else ''}…{credential[-4:]}"
