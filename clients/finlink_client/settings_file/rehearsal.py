"""Asks the server what it would refuse, before anything is changed."""

import difflib
from collections.abc import Iterator, Sequence
from typing import Final

from finlink_client.client import Finlink
from finlink_client.errors import InvalidArgument
from finlink_client.settings_file import changes
from finlink_client.settings_file.plans import Action, Plan
from finlink_client.settings_file.problems import Problem, SettingsFileError
from finlink_client.settings_file.reader import SettingsFile

_MAKING: Final = {Action.CREATE, Action.UPDATE}


def rehearse(client: Finlink, file: SettingsFile, plan: Plan) -> None:
    """Let the server check a plan, as far as it can without changing anything.

    Raises SettingsFileError for what it would refuse, with its place in the file; and
    FinlinkError as the change itself would. Where a URI leads is looked up only when an
    endpoint is made.
    """
    problems = [*_settings_problems(client, file, plan), *_endpoint_problems(client, file, plan)]
    if problems:
        raise SettingsFileError(problems)


def _settings_problems(client: Finlink, file: SettingsFile, plan: Plan) -> Iterator[Problem]:
    if not plan.settings:
        return
    try:
        changes.update_settings(client, plan, validate_only=True)
    except InvalidArgument as refusal:
        if not refusal.field_violations:
            raise
        for field, expected in refusal.field_violations:
            path = field.removeprefix("settings.")
            yield Problem(file.place(path), path, f"{expected.removesuffix('.')}.")


def _endpoint_problems(client: Finlink, file: SettingsFile, plan: Plan) -> Iterator[Problem]:
    made = [one for one in plan.endpoints if one.action in _MAKING]
    own = [one.name for one in client.events.list_types().event_types] if made else []
    for change in made:
        uri, path = change.entry["uri"], f"{change.path}.uri"
        if not uri.startswith(("https://", "http://")):
            yield Problem(file.place(path), path, "must begin with https://.")
        for index, wanted in enumerate(change.entry["event_types"]):
            if not _can_happen(wanted, own):
                near = difflib.get_close_matches(wanted, own, 1) or own
                where = f"{change.path}.event_types[{index}]"
                sentence = f"is no type of events; there is {', '.join(near)}."
                yield Problem(file.place(where), where, sentence)


def _can_happen(wanted: str, own: Sequence[str]) -> bool:
    """Whether there is such a type, or may be among those that other services publish."""
    group, dot, name = wanted.partition(".")
    if group.removesuffix("s") not in {one.partition(".")[0] for one in own}:
        return bool(group and dot and name)
    return any(
        one.startswith(wanted[:-1]) if wanted.endswith(".*") else one == wanted for one in own
    )
