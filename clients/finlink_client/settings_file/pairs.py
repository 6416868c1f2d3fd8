"""Which entry of a file is which of the present ones. A file need not have their ids.

The same id decides; then the same everything, the same uri and name, the same uri, the same
name. So a redirect that moves or gets another name keeps its id, which Link URLs name, and an
endpoint its signing secret; one that does both at once is a new one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

Entry = Mapping[str, Any]

_SAME: Final[Sequence[Callable[[Entry], Any]]] = (
    lambda one: one["id"],
    lambda one: (one["uri"], one["display_name"], *one.get("event_types", ())),
    lambda one: (one["uri"], one["display_name"]),
    lambda one: one["uri"],
    lambda one: one["display_name"],
)


def pair(wanted: Sequence[Entry], present: Sequence[Entry]) -> list[Entry | None]:
    """Give for each wanted entry the present one that it is, or None for a new one."""
    found: dict[int, Entry] = {}
    left = list(present)
    for same in _SAME:
        for index, one in enumerate(wanted):
            if index in found or not same(one):
                continue
            match = next((other for other in left if same(other) == same(one)), None)
            if match is not None and one["id"] in {"", match["id"]}:  # with an id: that or none
                found[index] = match
                left.remove(match)
    return [found.get(index) for index in range(len(wanted))]
