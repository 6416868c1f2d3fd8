"""What a settings file would change: the difference between what it says and what is there.

What the file does not mention stays as it is. Endpoints that it does not name are deleted only
when that is asked for: a list that somebody cut short must not cut off a receiver.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from finlink.config import v1
from finlink_client.settings_file import fields
from finlink_client.settings_file.pairs import pair
from finlink_client.settings_file.problems import Problem, SettingsFileError
from finlink_client.settings_file.reader import SettingsFile

Entry = Mapping[str, Any]
_REDIRECTS: Final = "link.redirects"
_ENDPOINTS: Final = "webhook_endpoints"


class Action(Enum):
    """What becomes of an endpoint."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    KEEP = "keep"  # the file does not name it


@dataclass(frozen=True)
class Change:
    """A value that changes."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True)
class EndpointChange:
    """An endpoint that changes, or that the file does not name."""

    action: Action
    entry: Entry  # as the file wants it, or as it is
    changes: tuple[Change, ...] = ()
    etag: str = ""
    path: str = ""  # in the file

    @property
    def id(self) -> str:
        """Its id; empty for a new one."""
        return str(self.entry["id"])


@dataclass(frozen=True)
class Plan:
    """Everything that a file would change in an app as it was at one moment."""

    app_id: str
    version: int
    etag: str
    settings: tuple[Change, ...]
    endpoints: tuple[EndpointChange, ...]
    endpoint_ids: tuple[str, ...]  # of all that are there
    unmentioned: tuple[str, ...]  # paths that the file leaves alone

    @property
    def changes_anything(self) -> bool:
        """Whether there is something to do."""
        return bool(self.settings) or any(one.action is not Action.KEEP for one in self.endpoints)

    def endpoints_to(self, action: Action) -> list[EndpointChange]:
        """Give the endpoints of which this becomes."""
        return [one for one in self.endpoints if one.action is action]

    @property
    def lost_redirects(self) -> list[str]:
        """Ids of redirects that would be gone, and with them Link URLs that name them."""
        ids = [
            {str(one["id"]) for one in side}
            for change in self.settings
            if change.path == _REDIRECTS
            for side in (change.old, change.new)
        ]
        return sorted(ids[0] - ids[1]) if ids else []


def make(file: SettingsFile, present: v1.Settings, *, prune: bool = False) -> Plan:
    """Compare a file with the present settings of its app.

    Raises SettingsFileError for what the file says of things that are not there.
    """
    problems: list[Problem] = []
    now = fields.values_of(present)
    wanted = dict(file.values)
    if _REDIRECTS in wanted:
        wanted[_REDIRECTS] = _with_ids(file, wanted[_REDIRECTS], now[_REDIRECTS], problems)
    plan = Plan(
        present.app_id,
        present.version,
        present.etag,
        tuple(
            Change(path, now[path], wanted[path])
            for path in fields.PATHS
            if path in wanted and wanted[path] != now[path]
        ),
        tuple(_endpoints(file, present.webhook_endpoints, problems, prune=prune)),
        tuple(one.id for one in present.webhook_endpoints),
        tuple(_unmentioned(file)),
    )
    if problems:
        raise SettingsFileError(problems)
    return plan


def _unmentioned(file: SettingsFile) -> Iterator[str]:
    """Give what a file leaves alone: a whole section in one word."""
    for section in ("link", "banks"):
        paths = [path for path in fields.PATHS if path.startswith(f"{section}.")]
        left = [path for path in paths if path not in file.values]
        yield from [section] if left == paths else left
    if file.endpoints is None:
        yield _ENDPOINTS


def _with_ids(
    file: SettingsFile, wanted: Sequence[Entry], present: Sequence[Entry], problems: list[Problem]
) -> list[Entry]:
    """Let each redirect have the id of the present one that it is: Link URLs name it."""
    _check_ids(file, _REDIRECTS, wanted, present, problems)
    pairs = pair(wanted, present)
    return [
        {**one, "id": same["id"] if same else ""} for one, same in zip(wanted, pairs, strict=True)
    ]


def _endpoints(
    file: SettingsFile, present: Sequence[v1.Endpoint], problems: list[Problem], *, prune: bool
) -> Iterable[EndpointChange]:
    if file.endpoints is None:
        return []
    there = [fields.endpoint_values(one) for one in present]
    etags = {one.id: one.etag for one in present}
    _check_ids(file, _ENDPOINTS, file.endpoints, there, problems)
    found: list[EndpointChange] = []
    named: set[str] = set()
    pairs = zip(file.endpoints, pair(file.endpoints, there), strict=True)
    for index, (one, same) in enumerate(pairs):
        path = f"{_ENDPOINTS}[{index}]"
        if same is None:
            new = {**one, "id": ""}
            changes = tuple(Change(name, None, new[name]) for name in new if name != "id")
            found.append(EndpointChange(Action.CREATE, new, changes, path=path))
            continue
        named.add(same["id"])
        entry = {**same, **one, "id": same["id"]}
        changes = tuple(Change(n, same[n], entry[n]) for n in entry if entry[n] != same[n])
        if changes:
            etag = etags[same["id"]]
            found.append(EndpointChange(Action.UPDATE, entry, changes, etag, path))
    action = Action.DELETE if prune else Action.KEEP
    found += [
        EndpointChange(action, one, etag=etags[one["id"]])
        for one in there
        if one["id"] not in named
    ]
    _check_number(file, len(there), found, problems)
    return found


def _check_ids(
    file: SettingsFile,
    path: str,
    wanted: Sequence[Entry],
    present: Sequence[Entry],
    problems: list[Problem],
) -> None:
    known = {one["id"] for one in present}
    seen: set[str] = set()
    for index, one in enumerate(wanted):
        where = f"{path}[{index}].id"
        if one["id"] and one["id"] not in known:
            sentence = f"the app has no {one['id'][:40]}: take the line out to make a new one."
            problems.append(Problem(file.place(where), where, sentence))
        elif one["id"] in seen:
            problems.append(Problem(file.place(where), where, "stands twice in the file."))
        seen |= {one["id"]} - {""}


def _check_number(
    file: SettingsFile, present: int, found: Sequence[EndpointChange], problems: list[Problem]
) -> None:
    created = [one for one in found if one.action is Action.CREATE]
    deleted = sum(one.action is Action.DELETE for one in found)
    if created and present - deleted + len(created) > fields.MOST_ENDPOINTS:
        sentence = (
            f"would be one too many: an app has at most {fields.MOST_ENDPOINTS} endpoints, those"
            " that the file does not name included (--prune deletes those)."
        )
        problems.append(Problem(file.place(created[-1].path), created[-1].path, sentence))
