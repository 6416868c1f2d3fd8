"""The reference of the API: everything that the protos publish stands in it."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from typing import Any

import pytest
from tests import readme
from tests.methods import METHODS, descriptor_set

from finlink.config import v1
from finlink_client import remedies
from finlink_client.resources import Resources
from finlink_server import access, errors
from finlink_server.domain import event_types

CLIENT: Any = Resources(None)  # type: ignore[arg-type] # nothing is called
GENERATE = readme.REPOSITORY / "protos" / "generate.py"
PAGE = (readme.REPOSITORY / "generated" / "REFERENCE.md").read_text()
CHAPTERS = {
    chapter.partition("\n")[0]: f"\n{chapter}"
    for chapter in re.split(r"^##+ ", PAGE, flags=re.MULTILINE)[1:]
}
OURS = [file for file in descriptor_set().file if file.package == "finlink.config.v1"]
MESSAGES = {one.name: one for file in OURS for one in file.message_type}
ENUMS = [one for file in OURS for one in file.enum_type if one.name != "ErrorReason"]
SHARED = [one for name, one in MESSAGES.items() if not name.endswith(("Request", "Response"))]
REASONS = [name.removeprefix("ERROR_REASON_") for name in v1.ErrorReason.keys()[1:]]


def rows(chapter: str, title: str = "") -> dict[str, list[str]]:
    """The rows of a table of a chapter, by the name that stands in the first column."""
    text = CHAPTERS[chapter].partition(f"**{title}**")[2] if title else CHAPTERS[chapter]
    table = text.partition("\n|---")[2].partition("\n\n")[0]
    found = [readme.cells(line) for line in table.splitlines()[1:]]
    return {cells[0].strip("`"): cells[1:] for cells in found}


def without_default(rpc: str) -> set[str]:
    """What the method of the Python client demands, by the name that the page gives it."""
    [attribute, name] = re.findall(r"`client\.(\w+)\.(\w+)`", CHAPTERS[rpc])[0]
    parameters = inspect.signature(getattr(getattr(CLIENT, attribute), name)).parameters
    return {one.name for one in parameters.values() if one.default is one.empty}


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_every_rpc_is_there_with_its_fields_and_what_is_required(method):
    request = rows(method.name, method.request.name) if method.request.fields else {}
    required = [name for name, (_, wanted, _) in request.items() if wanted == "yes"]

    assert list(request) == [one.name for one in method.request.fields]
    assert all(said for _, _, said in request.values())
    assert set(required) == without_default(method.name)


@pytest.mark.parametrize("service", access.TABLE)
def test_every_rpc_says_who_may_call_it_and_what_python_calls_it(service):
    for name, allowed in access.TABLE[service].items():
        [who] = re.findall(
            r"\*\*Who may call\*\*: ([^·]+) · .*\*\*Python\*\*: `client", CHAPTERS[name]
        )

        assert who == ("everybody: no credential is needed" if allowed.open else str(allowed))


@pytest.mark.parametrize("message", SHARED, ids=lambda one: one.name)
def test_every_message_is_there_with_its_fields(message):
    assert list(rows(message.name)) == [one.name for one in message.field]


@pytest.mark.parametrize("enum", ENUMS, ids=lambda one: one.name)
def test_every_enum_is_there_with_its_values(enum):
    numbers = {name: int(cells[0]) for name, cells in rows(enum.name).items()}

    assert numbers == {one.name: one.number for one in enum.value}


@pytest.mark.parametrize("reason", REASONS)
def test_every_published_reason_has_a_row_with_its_code_and_what_to_do(reason):
    code, meaning, remedy = rows("Error reasons")[reason]

    assert code.partition(",")[0] == errors.REASONS[reason].code.name
    assert meaning.endswith(".")
    assert remedy == remedies.REASONS[reason]


def test_no_row_is_for_a_reason_that_is_not_published():
    assert list(rows("Error reasons")) == REASONS


def test_every_type_of_events_has_a_row_with_its_data():
    said = {name: json.loads(data.strip("`")) for name, (_, data) in rows("Events").items()}

    assert said == {one.name: one.sample for one in event_types.TYPES}


def test_no_two_chapters_have_one_name():
    headings = re.findall(r"^##+ (.+)$", PAGE, re.MULTILINE)

    assert len({one.lower() for one in headings}) == len(headings)


def test_what_is_checked_in_is_what_would_be_made():
    done = subprocess.run(
        [sys.executable, GENERATE, "--check"], capture_output=True, check=False, text=True
    )

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
