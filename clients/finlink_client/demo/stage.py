"""One step of the demo: ask, check, show."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from queue import Empty
from typing import Any, Final, NoReturn, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from finlink.config import v1
from finlink_client.channel import with_credential
from finlink_client.errors import FinlinkError
from finlink_client.webhook_receiver import Arrival, Receiver

PATIENCE: Final = 20.0  # seconds, for what happens a moment after the answer that caused it
_LOOK_EVERY: Final = 0.05

Request = TypeVar("Request", bound=Message)
Answer = TypeVar("Answer", bound=Message)


class Outcome(StrEnum):
    """How a step ended."""

    PENDING = "pending"
    ANSWERED = "answered"
    REFUSED = "refused"  # as the story wants it
    SKIPPED = "skipped"  # refused, and the story goes on without
    UNEXPECTED = "unexpected"


@dataclass
class Step:
    """What was asked and what came back. Never holds a credential whole.

    `rpc` is `webhook` where nothing was asked, but something had to arrive.
    """

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


class SkippedError(Exception):
    """A step was refused for a reason with which the story can live. It has been shown already."""


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
        self.webhooks = v1.WebhookServiceStub(view)


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
        until: Callable[[Answer], bool] = lambda _: True,
        excuse: Callable[[FinlinkError], str] = lambda _: "",
    ) -> Answer:
        """Make a call that must succeed, and show what `told` makes of it.

        `holds` names what must be true of the answer; the call is repeated
        `until` that is so, for a while. If there is an `excuse` for a refusal,
        the step is skipped with that sentence: SkippedError.
        """
        step = self._begin(who, request, asked)
        try:
            answer, call = _patiently(method, request, until)
        except grpc.RpcError as error:
            failure = FinlinkError.of(error)
            sentence = excuse(failure)
            if sentence:
                self._skip(step, failure, sentence)
            self._break(step, expected="an answer", came=str(failure), call_id=failure.call_id)
        trailers = dict(call.trailing_metadata() or ())
        step.call_id = str(trailers.get("x-call-id", ""))
        if not until(answer):
            waited = f"what was waited for, within {PATIENCE:g} s"
            self._break(step, expected=waited, came="another answer", call_id=step.call_id)
        step.rows = rows(answer)
        self._finish(step, told(answer), holds(answer))
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

    def expect_webhook(
        self,
        receiver: Receiver,
        event_type: str,
        *,
        told: Callable[[Arrival], str],
        holds: Callable[[Arrival], Mapping[str, bool]],
    ) -> None:
        """Wait for an event of this type that verifies and is answered as the receiver now does.

        What else arrives does not count: an event may come more than once.
        """
        step = self._open("receiver", "webhook", event_type)
        until = time.monotonic() + PATIENCE
        problem = ""
        while True:
            try:
                arrival = receiver.arrivals.get(timeout=max(0, until - time.monotonic()))
            except Empty:
                self._break(
                    step,
                    expected=f"{event_type} within {PATIENCE:g} s",
                    came=problem or "nothing. Does the server run on this machine?",
                )
            problem = arrival.problem
            if arrival.event and (arrival.type, arrival.status) == (event_type, receiver.status):
                self._finish(step, told(arrival), holds(arrival))
                return

    def _begin(self, who: Caller, request: Message, asked: str) -> Step:
        return self._open(who.name, request.DESCRIPTOR.name.removesuffix("Request"), asked)

    def _open(self, who: str, rpc: str, asked: str) -> Step:
        self.steps += 1
        step = Step(self.steps, self._chapter, who, rpc, asked)
        self._audience.asked(step)
        return step

    def _finish(self, step: Step, answer: str, promises: Mapping[str, bool]) -> None:
        step.answer = answer
        broken = [promise for promise, kept in promises.items() if not kept]
        if broken:
            self._break(step, expected=", ".join(broken), came=answer, call_id=step.call_id)
        step.outcome = Outcome.ANSWERED
        self._audience.answered(step)

    def _skip(self, step: Step, refusal: FinlinkError, sentence: str) -> NoReturn:
        step.outcome, step.reason, step.call_id = Outcome.SKIPPED, refusal.reason, refusal.call_id
        step.answer = f"{refusal.message} {sentence}"
        self._audience.answered(step)
        raise SkippedError(sentence)

    def _break(self, step: Step, *, expected: str, came: str, call_id: str = "") -> NoReturn:
        step.outcome, step.expected = Outcome.UNEXPECTED, expected
        step.answer, step.call_id = came, call_id
        self._audience.answered(step)
        raise StoryBrokenError(f"Step {step.number}, {step.rpc}, did not go as the story tells.")


def _patiently(
    method: "grpc.UnaryUnaryMultiCallable[Request, Answer]",
    request: Request,
    until: Callable[[Answer], bool],
) -> tuple[Answer, grpc.Call]:
    """Call until the answer is the one that is waited for, or patience has an end."""
    end = time.monotonic() + PATIENCE
    while True:
        answer, call = method.with_call(request)
        if until(answer) or time.monotonic() > end:
            return answer, call
        time.sleep(_LOOK_EVERY)


def veil(credential: str) -> str:
    """Give what tells a credential from another: its prefix, if any, and last 4 characters.

    >>> veil("fls_test_" + 41 * "0" + "aB3x")
    'fls_test_…aB3x'
    """
    prefix = re.match(r"(?:[a-z]+_)*", credential)
    return f"{prefix[0] if prefix else ''}…{credential[-4:]}"
