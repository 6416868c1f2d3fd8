"""The client's methods: each RPC is one, with its fields as arguments, sync and async alike."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from tests.methods import METHODS, Method, comments
from tests.test_required_fields import REQUIRED

from finlink.config import v1
from finlink_client import AsyncFinlink, Finlink, types
from finlink_client.logins import OPEN
from finlink_client.resources import AsyncResources, Resources
from finlink_server import access

OF_A_CALL = {"timeout", "metadata"}
# Of a channel to another service there can be a view; one of grpc.aio is made with interceptors.
OF_ONE_KIND = {"authorize", "interceptors"}


class Recorder:
    """Notes what is called, in place of calling it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def unary(self, method: Any, _timeout: Any, _metadata: Any, /, **fields: Any) -> Any:
        self.calls.append((method.path, fields))
        return method.answer()

    def pages(self, _items: Any, method: Any, _timeout: Any, _metadata: Any, /, **fields: Any):
        self.calls.append((method.path, fields))

    def watch(self, method: Any, _metadata: Any, /, **fields: Any):
        self.calls.append((method.path, fields))


class AsyncRecorder(Recorder):
    async def unary(self, method: Any, _timeout: Any, _metadata: Any, /, **fields: Any) -> Any:
        return super().unary(method, None, None, **fields)


def all_methods(of: Any) -> dict[str, Any]:
    """Every method of every attribute: `secrets.rotate`."""
    return {
        f"{attribute}.{name}": method
        for attribute, resource in vars(of).items()
        for name, method in inspect.getmembers(resource, inspect.ismethod)
        if not name.startswith("_")
    }


def called(of: Any, recorder: Recorder) -> dict[str, tuple[str, dict[str, Any]]]:
    """What each method calls, and with which fields, when it is given all of them."""
    for method in all_methods(of).values():
        answer = method(**dict.fromkeys(set(inspect.signature(method).parameters) - OF_A_CALL))
        if inspect.iscoroutine(answer):
            asyncio.run(answer)
    return dict(zip(all_methods(of), recorder.calls, strict=True))


RECORDER: Any = Recorder()
SYNC = Resources(RECORDER)
CALLED = called(SYNC, RECORDER)
ASYNC_RECORDER: Any = AsyncRecorder()
ASYNC = AsyncResources(ASYNC_RECORDER)


def parameters_of(method: Method) -> dict[str, inspect.Parameter]:
    name = next(name for name, (path, _) in CALLED.items() if path == method.path)
    return dict(inspect.signature(all_methods(SYNC)[name]).parameters)


def test_every_rpc_is_one_method():
    assert sorted(path for path, _ in CALLED.values()) == sorted(one.path for one in METHODS)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_method_takes_the_fields_of_its_request_and_sends_them(method):
    fields = {one.name for one in method.request.fields}
    sent = next(sent for path, sent in CALLED.values() if path == method.path)

    assert set(sent) == fields
    assert set(parameters_of(method)) - OF_A_CALL == fields


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_method_demands_what_the_service_demands_of_everybody(method):
    said = comments("fields")
    demanded = {
        name
        for name in REQUIRED.get(method.name, "").split()
        if "may leave it empty" not in said[f"{method.request.name}.{name}"]
    } - ({"app_ids"} if method.name == "WatchSettings" else set())  # a service key names none
    given = parameters_of(method).values()

    assert {one.name for one in given if one.default is inspect.Parameter.empty} == demanded


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_all_but_an_id_at_the_beginning_is_given_by_name(method):
    by_place = [
        one.name
        for one in parameters_of(method).values()
        if one.kind is not inspect.Parameter.KEYWORD_ONLY
    ]

    assert by_place == [one.name for one in method.request.fields[: len(by_place)]]
    assert len(by_place) < 2
    assert all(name.endswith("_id") or name == "query" for name in by_place)


def test_a_method_tells_what_the_proto_tells():
    assert "Replaces a secret without downtime" in str(SYNC.secrets.rotate.__doc__)
    assert "overlap: How long the old secret stays live" in str(SYNC.secrets.rotate.__doc__)


def test_the_async_methods_call_the_same():
    assert called(ASYNC, ASYNC_RECORDER) == CALLED


@pytest.mark.parametrize("name", CALLED)
def test_the_async_methods_look_the_same(name):
    sync, other = all_methods(SYNC)[name], all_methods(ASYNC)[name]
    there, here = inspect.signature(sync), inspect.signature(other)
    plain = str(here.return_annotation).replace(".Async", ".").replace("async_", "")

    assert here.parameters == there.parameters
    assert plain == str(there.return_annotation)
    assert sync.__doc__ == other.__doc__


def test_the_two_clients_look_the_same():
    def shape(of: type) -> dict[str, str]:
        return {
            name: str(inspect.signature(member))
            for name, member in inspect.getmembers(of, callable)
            if (not name.startswith("_") or name == "__init__") and name not in OF_ONE_KIND
        }

    assert shape(AsyncFinlink) == shape(Finlink)


def test_credentials_stay_away_from_methods_that_are_open_to_everybody():
    assert set(OPEN) == {path for path, one in access.METHODS.items() if one.open}


def test_every_message_enum_and_value_can_be_reached():
    made = {name for name in vars(v1) if not name.startswith("_")}

    assert made <= set(vars(types))
