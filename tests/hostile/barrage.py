"""Generated calls of every method, and what came of them."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from tests import people
from tests.errors import Refused
from tests.hostile import crowd
from tests.hostile.crowd import Crowd
from tests.hostile.messages import Forge
from tests.methods import METHODS, Metadata, Method
from tests.processes import Process

LANES = 4  # callers at one time
_LOOK_EVERY = 80  # calls of a lane; then those who were thrown out are replaced
_NOT_OURS = (health_pb2, reflection_pb2)
_BAD = (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL)
_OPEN_END = 20.0  # seconds


@dataclass(frozen=True)
class Target:
    """A method that may be called, of our services or of others."""

    method: Method
    path: str
    answers: type[Any]
    is_ours: bool = True


def _targets() -> list[Target]:
    from finlink_server import app  # noqa: PLC0415 - the descriptors of the server

    ours = {
        f"{service.name}/{method.name}": method
        for service in app.service_descriptors()
        for method in service.methods
    }
    found = [Target(one, one.path, GetMessageClass(ours[str(one)].output_type)) for one in METHODS]
    for module in _NOT_OURS:
        for service in module.DESCRIPTOR.services_by_name.values():
            for of in service.methods:
                method = Method(service.name, of.name, of.input_type, of.server_streaming)
                path = f"/{service.full_name}/{of.name}"
                found.append(Target(method, path, GetMessageClass(of.output_type), is_ours=False))
    unknown = Method("SecretService", "StealSecret", METHODS[0].request)
    return [*found, Target(unknown, unknown.path, GetMessageClass(METHODS[0].request))]


TARGETS = _targets()


@dataclass
class Outcomes:
    """What came of the calls."""

    codes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)  # by method
    callers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return self.codes.total()

    def __str__(self) -> str:
        codes = "  ".join(f"{code} {count}" for code, count in self.codes.most_common())
        refused = "  ".join(f"{reason} {count}" for reason, count in self.reasons.most_common())
        return (
            f"{self.calls} calls of {len(TARGETS)} methods, {len(self.accepted)} of which were"
            f" accepted at least once\n{codes}\n{refused}"
        )


class Barrage:
    """Calls with numbers: what each is, is told by the seed and its number."""

    def __init__(self, server: Process, operator_key: str, seed: int) -> None:
        self.outcomes = Outcomes()
        self._server = server
        self._operator_key = operator_key
        self._seed = seed
        self._next = 0

    def run(self, calls: int) -> None:
        """Make so many more calls."""
        numbers = range(self._next, self._next + calls)
        self._next += calls
        with ThreadPoolExecutor(LANES) as pool:
            for lane in [pool.submit(self._lane, numbers[one::LANES]) for one in range(LANES)]:
                lane.result()

    def _lane(self, numbers: range) -> None:
        options = (("grpc.use_local_subchannel_pool", 1),)
        with grpc.insecure_channel(self._server.target, options) as channel:
            operator = people.Caller(channel, self._operator_key)
            present: Crowd | None = None
            for index, number in enumerate(numbers):
                if present is None or (
                    index % _LOOK_EVERY == 0 and not crowd.is_alive(channel, present)
                ):
                    present = self._gather(operator)
                self._call(channel, present, number)

    def _gather(self, operator: people.Caller) -> Crowd:
        for _ in range(20):
            try:
                return crowd.gather(operator)
            except grpc.RpcError as error:  # keys were rotated by another lane meanwhile
                last = error
        raise last

    def _call(self, channel: grpc.Channel, present: Crowd, number: int) -> None:
        dice = random.Random(f"{self._seed}-{number}")  # noqa: S311 - the same at every run
        target = TARGETS[number % len(TARGETS)]
        caller, metadata = present.somebody(dice, target.method)
        raw = Forge(dice, present.known).request(target.method)
        messages = dice.choice((0, 2)) if dice.random() < 0.02 else 1
        self.outcomes.callers[caller] += 1
        wrong = ""
        try:
            answer = _send(channel, target, [raw] * messages, metadata)
            target.answers.FromString(answer)
            self.outcomes.codes["OK"] += 1
            self.outcomes.accepted[target.path] += 1
        except grpc.RpcError as error:
            wrong = self._refused(target, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told with its number
            wrong = repr(error)
        if wrong:
            self.outcomes.wrong.append(
                f"seed {self._seed}, call {number}: {target.path} by {caller}: {wrong}"
            )

    def _refused(self, target: Target, error: Any) -> str:
        code = error.code()
        self.outcomes.codes[code.name] += 1
        if target.method.streams and code is grpc.StatusCode.CANCELLED:
            return ""  # who reads too slowly is cut off, and may not see the reason
        if code in _BAD:
            return f"{code.name} {error.details()}"
        if target.is_ours:
            refusal = Refused()
            try:
                refusal.read(error)
            except (AssertionError, ValueError, KeyError) as problem:
                return f"{code.name} {error.details()}: {problem}"
            self.outcomes.reasons[refusal.reason] += 1
        return ""


def _send(channel: grpc.Channel, target: Target, raw: list[bytes], metadata: Metadata) -> bytes:
    """Send messages, and give the first answer's bytes; none, if a stream ends without."""
    if not target.method.streams and not target.path.endswith("Info"):
        unary: Any = channel.stream_unary(target.path)
        return bytes(unary(iter(raw), metadata=metadata, timeout=_OPEN_END))
    stream: Any = channel.stream_stream(target.path)
    call = stream(iter(raw), metadata=metadata, timeout=_OPEN_END)
    answer = next(call, b"")
    call.cancel()
    return bytes(answer)
