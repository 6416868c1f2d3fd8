"""A plan as people read it: a diff in YAML, and sentences for what it means."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from finlink_client.settings_file.plans import Action, Change, EndpointChange, Plan
from finlink_client.settings_file.writer import LineDumper, dump

_CONTEXT: Final = 3  # lines around what changes
_IF_ANY: Final = {"id", "title", "description", "button", "success"}


class Line(NamedTuple):
    """A line of a diff; its sign is `+`, `-` or a space."""

    sign: str
    text: str


def diff(plan: Plan) -> Iterator[Line]:
    """Show what a plan changes."""
    for change in plan.settings:
        yield from _compare({change.path: change.old}, {change.path: change.new})
    for endpoint in plan.endpoints:
        yield from _endpoint(endpoint)


def summary(plan: Plan) -> str:
    """Say in a sentence how much a plan changes."""
    counts = [
        (len(plan.settings), "change {} setting{}"),
        (len(plan.endpoints_to(Action.CREATE)), "create {} endpoint{}"),
        (len(plan.endpoints_to(Action.UPDATE)), "change {} endpoint{}"),
        (len(plan.endpoints_to(Action.DELETE)), "delete {} endpoint{}"),
    ]
    told = [words.format(count, "s" * (count > 1)) for count, words in counts if count]
    if not told:
        return "The file would change nothing."
    return f"The file would {', '.join(told[:-1])}{' and ' if told[1:] else ''}{told[-1]}."


def remarks(plan: Plan) -> list[str]:
    """Say what a diff does not show: what is left alone."""
    kept = [
        f"{one.id} ({one.entry['uri']}) is not in the file and stays: --prune deletes it."
        for one in plan.endpoints_to(Action.KEEP)
    ]
    left = [f"Not in the file, and left as it is: {', '.join(plan.unmentioned)}."]
    return kept + (left if plan.unmentioned else [])


def as_json(plan: Plan) -> dict[str, Any]:
    """Give a plan as JSON."""
    return {
        "app_id": plan.app_id,
        "version": plan.version,
        "changes_anything": plan.changes_anything,
        "settings": [_as_json(one) for one in plan.settings],
        "webhook_endpoints": [
            {
                "action": one.action.value,
                "id": one.id,
                "uri": one.entry["uri"],
                "changes": [_as_json(change) for change in one.changes],
            }
            for one in plan.endpoints
        ],
        "lost_redirect_ids": plan.lost_redirects,
        "unmentioned": list(plan.unmentioned),
    }


def _as_json(change: Change) -> dict[str, Any]:
    return {"path": change.path, "old_value": change.old, "new_value": change.new}


def _endpoint(change: EndpointChange) -> Iterator[Line]:
    if change.action is Action.UPDATE:
        name = f"{change.id} ({change.entry['uri']})"
        old = {name: {one.path: one.old for one in change.changes}}
        yield from _compare(old, {name: {one.path: one.new for one in change.changes}})
    elif change.action is Action.CREATE:
        yield from _compare({}, {"new endpoint": _shown(change.entry)})
    elif change.action is Action.DELETE:
        yield from _compare({change.id: _shown(change.entry)}, {})


def _compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Line]:
    before, after = _lines(old), _lines(new)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    at = 0
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        first = group[0][1]
        if at == 0 < first:
            yield Line(" ", before[0])  # which names what changes
            at = 1
        if at < first:
            yield Line(" ", "  …")
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                yield from (Line(" ", line) for line in before[start:end])
            else:
                yield from (Line("-", line) for line in before[start:end])
                yield from (Line("+", line) for line in after[new_start:new_end])
            at = end


def _lines(values: Mapping[str, Any]) -> list[str]:
    return dump(_shown(values), dumper=LineDumper).splitlines() if values else []


def _shown(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a file
    """Leave out ids that are not given yet, and texts that are the widget's own."""
    if isinstance(value, Mapping):
        named = {name: _shown(one) for name, one in value.items()}
        return {name: one for name, one in named.items() if one != "" or name not in _IF_ANY}
    return [_shown(one) for one in value] if isinstance(value, list) else value
