"""Reads a settings file. A file with anything in it that has no meaning is refused as a whole.

YAML decides where a value is, and its field what it is: `NO` in a list of countries is Norway,
though YAML 1.1 takes it for false.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from google.protobuf.descriptor import FieldDescriptor

from finlink.config import v1
from finlink_client.settings_file import fields
from finlink_client.settings_file.problems import Place, Problem, SettingsFileError

_MOST_BYTES: Final = 1 << 20  # ten times the largest settings
_START: Final = Place(1, 1)
_YAML: Final = "tag:yaml.org,2002:"
_BOOLS: Final = {"true": True, "false": False}
_TOP: Final = ("api_version", "app_id", "link", "banks", "webhook_endpoints")
_ENDPOINTS: Final = "webhook_endpoints"


@dataclass
class SettingsFile:
    """What a file says: values by path, endpoints, and where each stands."""

    app_id: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    endpoints: list[dict[str, Any]] | None = None
    places: dict[str, Place] = field(default_factory=dict)

    def place(self, path: str) -> Place:
        """Give the place of a path, or of what it is in."""
        while path and path not in self.places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.places.get(path, _START)


def read(content: bytes) -> SettingsFile:
    """Read a file. Raises SettingsFileError, which names every place that is wrong."""
    reading = _Reading()
    root = _compose(content)
    if root is None:
        raise SettingsFileError([Problem(_START, "", "The file is empty. Begin with an export.")])
    reading.top(root)
    if reading.problems:
        raise SettingsFileError(reading.problems)
    return reading.file


def _compose(content: bytes) -> yaml.Node | None:
    if len(content) > _MOST_BYTES:
        raise SettingsFileError([Problem(_START, "", "The file is larger than 1 MiB.")])
    try:
        return yaml.compose(content.decode("utf-8-sig"), yaml.SafeLoader)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = Problem(Place(line, 1), "", "This is no UTF-8: save the file as UTF-8.")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else _START
        told = ", ".join(filter(None, (error.context, error.problem)))
        problem = Problem(place, "", f"This is no YAML: {told}.")
    except yaml.YAMLError as error:
        told = str(error).partition("\n")[0]
        problem = Problem(_START, "", f"This is no YAML: {told}.")
    except RecursionError:
        problem = Problem(_START, "", "The file is nested too deep for settings.")
    raise SettingsFileError([problem])


class _Reading:
    """One file while it is read: what was understood, and what was not."""

    def __init__(self) -> None:
        self.file = SettingsFile()
        self.problems: list[Problem] = []

    def top(self, root: yaml.Node) -> None:
        found = dict(self._entries(root, "", _TOP))
        version = self._text(found["api_version"], "api_version") if "api_version" in found else ""
        if version != fields.API_VERSION:
            place = found.get("api_version", root)
            must = f"must be {fields.API_VERSION}, the version of the format that this client knows"
            self._complain(place, "api_version", must)
        if "app_id" in found:
            self.file.app_id = self._text(found["app_id"], "app_id") or ""
        for name in ("link", "banks"):
            if name in found:
                self._section(found[name], name)
        if _ENDPOINTS in found:
            self.file.endpoints = self._list(found[_ENDPOINTS], _ENDPOINTS, self._endpoint)
            self._tell_apart(found[_ENDPOINTS], self.file.endpoints)

    def _section(self, node: yaml.Node, path: str) -> None:
        below = [one.removeprefix(f"{path}.") for one in fields.PATHS if one.startswith(f"{path}.")]
        names = tuple(dict.fromkeys(one.partition(".")[0] for one in below))
        for name, value in self._entries(node, path, names):
            where = f"{path}.{name}"
            if where in fields.PATHS:
                read = self._field(value, where, fields.field_at(where))
                self.file.values[where] = read
            else:
                self._section(value, where)

    def _field(self, node: yaml.Node, path: str, of: FieldDescriptor) -> Any:  # noqa: ANN401
        if of.is_repeated:
            if of.message_type is None:
                return self._list(node, path, self._text)
            return self._list(node, path, lambda one, at: self._message(one, at, of.message_type))
        if of.message_type is not None:
            if node.tag == f"{_YAML}null":
                return None
            return self._message(node, path, of.message_type)
        if of.type == FieldDescriptor.TYPE_BOOL:
            return self._bool(node, path)
        text = self._text(node, path)
        return self._word(node, path, text, of) if text and of.enum_type is not None else text

    def _message(self, node: yaml.Node, path: str, of: Any) -> dict[str, Any]:  # noqa: ANN401 - a Descriptor
        """Read an entry of a list, or a theme, all of text: what it leaves out is empty."""
        values: dict[str, Any] = dict.fromkeys(of.fields_by_name, "")
        for name, value in self._entries(node, path, list(values)):
            values[name] = self._text(value, f"{path}.{name}")
        return values

    def _endpoint(self, node: yaml.Node, path: str) -> dict[str, Any]:
        """Read an endpoint. Whether it is disabled is left alone if the file does not say."""
        values: dict[str, Any] = {"id": "", "display_name": "", "uri": "", "event_types": []}
        known = v1.Endpoint.DESCRIPTOR.fields_by_name
        for name, value in self._entries(node, path, fields.ENDPOINT_FIELDS):
            values[name] = self._field(value, f"{path}.{name}", known[name])
        if not values["uri"]:
            self._complain(node, f"{path}.uri", "must be there: where its events are sent")
        return values

    def _tell_apart(self, node: yaml.Node, endpoints: Iterable[dict[str, Any]]) -> None:
        seen: dict[Any, int] = {}
        for index, one in enumerate(endpoints):
            same = seen.setdefault((one["uri"], one["display_name"]), index)
            if same != index:
                must = f"must differ in uri or display_name from entry [{same}]"
                self._complain(node, f"{_ENDPOINTS}[{index}]", must)

    def _entries(
        self, node: yaml.Node, path: str, names: Sequence[str]
    ) -> Iterator[tuple[str, yaml.Node]]:
        """Give the entries of a mapping whose keys are known, each once."""
        if not isinstance(node, yaml.MappingNode) or node.tag != f"{_YAML}map":
            self._complain(node, path, f"must be a mapping with some of {', '.join(names)}")
            return
        seen: set[str] = set()
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            where = f"{path}.{name}" if path else name
            if name not in names:
                self._complain(key, path, _unknown(name, names))
            elif name in seen:
                self._complain(key, where, "stands here twice: keep one of the two")
            else:
                seen.add(name)
                self._note(value if isinstance(value, yaml.ScalarNode) else key, where)
                yield name, value

    def _list(self, node: yaml.Node, path: str, read: Callable[[yaml.Node, str], Any]) -> list[Any]:
        if not isinstance(node, yaml.SequenceNode) or node.tag != f"{_YAML}seq":
            self._complain(node, path, "must be a list; write [] for an empty one")
            return []
        values = []
        for index, entry in enumerate(node.value):
            where = f"{path}[{index}]"
            self._note(entry, where)
            values.append(read(entry, where))
        return values

    def _text(self, node: yaml.Node, path: str) -> str | None:
        if not isinstance(node, yaml.ScalarNode) or not node.tag.startswith(_YAML):
            self._complain(node, path, "must be text")
        elif node.tag == f"{_YAML}null" and node.style is None:
            self._complain(node, path, "has no value: write '' for none, or take the line out")
        else:
            return str(node.value)
        return None

    def _bool(self, node: yaml.Node, path: str) -> bool:
        plain = isinstance(node, yaml.ScalarNode) and node.style is None
        if not plain or node.value not in _BOOLS:
            self._complain(node, path, "must be true or false")
        return bool(plain and _BOOLS.get(node.value))

    def _word(self, node: yaml.Node, path: str, text: str, of: FieldDescriptor) -> str:
        words = fields.words(of).values()
        if text not in words:
            self._complain(node, path, f"must be one of {', '.join(words)}")
        return text

    def _note(self, node: yaml.Node, path: str) -> None:
        self.file.places[path] = _place(node)

    def _complain(self, node: yaml.Node, path: str, sentence: str) -> None:
        self.problems.append(Problem(_place(node), path, f"{sentence}."))


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _unknown(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, 1)
    hint = f"the nearest is {close[0]}" if close else f"it may have {', '.join(names)}"
    return f"has no key `{name[:50]}`: {hint}"
