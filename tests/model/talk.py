"""Calls to the real server, each answer compared with the model's."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import grpc
from google.protobuf import json_format
from tests import errors, people
from tests.clock import Clock
from tests.model import reference_methods as methods
from tests.model.messages import differences, message
from tests.model.reference import Refused, World

from finlink.config import v1

HOME = "127.0.0.1"  # the address of a call that was not forwarded
_ID = re.compile(r"\b[a-z]{3}_[0-9a-z]{26}\b")


class Disagreement(AssertionError):  # noqa: N818 - it may be the model that errs
    """The server and the model differ: the history, and what differs at its end."""


class _Silence:
    """What the server said of what it refused: whoever needs it expected an answer."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("the model expected an answer")


class _Heard:
    """A stub whose calls are answered as ever, but not without the id that the server gave them."""

    def __init__(self, stub: Any) -> None:
        self._stub, self.call_id = stub, ""

    def __getattr__(self, method: str) -> Any:
        def run(asked: Any, **options: Any) -> Any:
            said, call = getattr(self._stub, method).with_call(asked, **options)
            self.call_id = dict(call.trailing_metadata())["x-call-id"]
            return said

        return run


class Talk:
    """One history: what was said so far, and what the model makes of it."""

    def __init__(
        self,
        stubs: dict[str, Any],
        clock: Clock,
        world: World,
        outcomes: Counter[tuple[str, str]],
    ) -> None:
        self._stubs, self.clock, self.world, self.outcomes = stubs, clock, world, outcomes
        self.history: list[str] = []
        self._missing: dict[str, str] = {}  # reason → the sentence for what does not exist

    def ask(
        self,
        method: str,
        credential: str = "",
        address: str = HOME,
        who: str = "somebody",
        **fields: Any,
    ) -> Any:
        """Call the server; its answer if that is the model's too, nothing if both refuse."""
        asked = getattr(v1, f"{method}Request")(**fields)
        said, refusal = self._call(method, credential, address, asked)
        outcome = refusal.reason if refusal else "OK"
        self.outcomes[method, outcome] += 1
        self.history.append(f"{who}: {method} {self._readable(asked)} → {outcome}")
        try:
            record = methods.answer(self.world, method, credential, address, asked, said)
            expected = message(type(said), record, said) if not refusal else None
        except Refused as expected_refusal:
            self._compare_refusals(expected_refusal, refusal)
            return None
        except (AssertionError, ValueError, KeyError) as error:
            self.disagree(f"{error!r}", refusal)
        if refusal:
            self.disagree("the model expected an answer", refusal)
        lines = differences(expected, said)
        if lines:
            self.disagree("\n".join(map(self._named, lines)))
        return said

    def disagree(self, why: str, refusal: errors.Refused | None = None) -> None:
        """End the history."""
        said = f"\nthe server refused: {refusal.reason} {refusal.message}" if refusal else ""
        story = "\n".join(f"{number:3} {one}" for number, one in enumerate(self.history, 1))
        raise Disagreement(f"{self._named(why)}{said}\nafter this history:\n{story}")

    def _call(
        self, method: str, credential: str, address: str, asked: Any
    ) -> tuple[Any, errors.Refused | None]:
        bearer = (("authorization", f"Bearer {credential}"),) if credential else ()
        forwarded = () if address == HOME else (("x-forwarded-for", address),)
        stub = _Heard(self._stubs[methods.SERVICE_OF[method]])
        service = people.Service(stub, bearer + forwarded)
        self.world.now = self.clock()
        try:
            said = getattr(service, method)(asked)
        except grpc.RpcError as error:
            refusal = errors.Refused()
            refusal.read(error)
            self.world.call_id = refusal.call_id
            return _Silence(), refusal
        finally:
            self.world.until = self.clock()
        self.world.call_id = stub.call_id
        return said, None

    def _compare_refusals(self, expected: Refused, actual: errors.Refused | None) -> None:
        if actual is None:
            self.disagree(f"the model expected {expected.reason} {expected.facts}")
            return
        if (expected.code, expected.reason) != (actual.code.name, actual.reason):
            self.disagree(f"the model expected {expected.code} {expected.reason}", actual)
        told = {name: actual.facts.get(name) for name in expected.facts}
        if told != expected.facts:
            self.disagree(f"the model expected {expected.facts}, the server says {told}", actual)
        if expected.fields != set(actual.fields):
            named = f"{sorted(expected.fields)} to be named, the server names {actual.fields}"
            self.disagree(f"the model expected {named}", actual)
        if actual.reason.endswith("_NOT_FOUND"):
            text = actual.message
            for fact in sorted(actual.facts.values(), key=len, reverse=True):
                text = text.replace(fact, "…")
            if self._missing.setdefault(actual.reason, text) != text:
                self.disagree(f"what is another's is told apart from what is not: {text}")

    def _readable(self, asked: Any) -> str:
        told = json_format.MessageToDict(asked, preserving_proto_field_name=True)
        return self._named(" ".join(f"{name}={value}" for name, value in told.items()))

    def _named(self, text: str) -> str:
        """Call what has an id by the name that it has in the history, and cut credentials off."""
        named = _ID.sub(lambda found: self.world.names.get(found[0], found[0]), text)
        return re.sub(r"\b(eyJ|fls_|fsk_|fst_|whsec_)[\w.=-]+", r"\1…", named)
