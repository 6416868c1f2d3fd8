"""Holds requests to the table of shapes, before the database is touched."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from finlink_server import rules, shapes
from finlink_server.errors import FieldInvalid, Violation
from finlink_server.rules import Inside, Many, anything

# Characters. An error travels as trailing metadata, which holds each violation three
# times, and of which clients take 8 kB: beyond, they see no reason at all.
_LONGEST_ACCOUNT: Final = 1500

_Check = Callable[[Message, str], Iterator[Violation]]
_checks: dict[str, list[_Check]] = {}


def check(request: Message) -> None:
    """Refuse a request of which any field breaks its rule, naming such fields, in order."""
    named: list[Violation] = []
    room = _LONGEST_ACCOUNT
    for violation in _violations(request, ""):
        room -= len(violation.field) + len(violation.expected)
        if room < 0 and named:
            break
        named.append(violation)
    if named:
        raise FieldInvalid(violations=tuple(named))


def _violations(message: Message, place: str) -> Iterator[Violation]:
    descriptor = message.DESCRIPTOR
    checks = _checks.get(descriptor.full_name)
    if checks is None:
        checks = _checks[descriptor.full_name] = list(_compile(descriptor.fields))
    for one in checks:
        yield from one(message, place)


def _compile(fields: Iterable[Any]) -> Iterator[_Check]:
    for field in fields:
        rule = shapes.rule_of(field)
        if rule is anything:
            continue
        if isinstance(rule, Inside):
            yield _inside(field, rule)
        elif isinstance(rule, Many):
            yield _many(field, rule)
        else:
            yield _single(field, rule)


def _single(field: FieldDescriptor, rule: rules.Rule) -> _Check:
    name = field.name
    is_message = field.message_type is not None

    def run(message: Message, place: str) -> Iterator[Violation]:
        if is_message and not message.HasField(name) and not name.endswith("mask"):
            return
        expected = rule(getattr(message, name))
        if expected:
            yield Violation(place + name, expected)

    return run


def _many(field: FieldDescriptor, rule: Many) -> _Check:
    name = field.name
    each = shapes.enum_rule(field.enum_type, name) if field.enum_type is not None else rule.rule

    def run(message: Message, place: str) -> Iterator[Violation]:
        values = getattr(message, name)
        expected = rule.check(values)
        if expected:
            yield Violation(place + name, expected)
            return
        for index, value in enumerate(values):
            expected = each(value)
            if expected:
                yield Violation(f"{place}{name}[{index}]", expected)

    return run


def _inside(field: FieldDescriptor, rule: Inside) -> _Check:
    name = field.name

    def run_repeated(message: Message, place: str) -> Iterator[Violation]:
        entries = getattr(message, name)
        if len(entries) > rule.most:
            yield Violation(place + name, f"must have at most {rule.most} entries")
            return
        for index, entry in enumerate(entries):
            yield from _violations(entry, f"{place}{name}[{index}].")

    def run(message: Message, place: str) -> Iterator[Violation]:
        if message.HasField(name):
            yield from _violations(getattr(message, name), f"{place}{name}.")
        elif rule.required:
            yield Violation(place + name, "is required")

    return run_repeated if field.is_repeated else run
