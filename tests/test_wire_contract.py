"""What callers have in their stubs stays as it is."""

from __future__ import annotations

import difflib
from importlib.resources import files

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet
from tests import wire_contract
from tests.wire_contract import GOLDEN, PACKAGE, added, describe, lost

HOW = "If that is meant, `python -m tests.wire_contract` writes the golden file anew."


@pytest.fixture
def protos():
    raw = (files(PACKAGE) / "descriptors.binpb").read_bytes()
    return FileDescriptorSet.FromString(raw)


def test_nothing_that_callers_have_stubs_of_was_changed():
    golden, now = GOLDEN.read_text(), wire_contract.of_the_package()

    if lost(golden, now):
        pytest.fail(
            f"Callers have stubs of what is gone. {HOW}\n{diff(golden, now)}", pytrace=False
        )


def test_what_was_added_is_in_the_golden_file_too():
    golden, now = GOLDEN.read_text(), wire_contract.of_the_package()

    if added(golden, now):
        pytest.fail(f"The golden file lacks what is new. {HOW}\n{diff(golden, now)}", pytrace=False)


def diff(golden, now):
    pair = (golden.splitlines(), now.splitlines())
    return "\n".join(difflib.unified_diff(*pair, "golden", "protos", n=0, lineterm=""))


def message(protos, name):
    return next(one for file in protos.file for one in file.message_type if one.name == name)


def field(protos, of, name):
    return next(one for one in message(protos, of).field if one.name == name)


def enum(protos, name):
    return next(one for file in protos.file for one in file.enum_type if one.name == name)


def method(protos, of, name):
    services = (one for file in protos.file for one in file.service)
    service = next(one for one in services if one.name == of)
    return next(one for one in service.method if one.name == name)


def renumber_a_field(protos):
    field(protos, "Secret", "hint").number = 99


def rename_a_field(protos):
    field(protos, "Secret", "hint").name = "tip"


def retype_a_field(protos):
    field(protos, "Session", "id").type = FieldDescriptorProto.TYPE_BYTES


def repeat_a_field(protos):
    field(protos, "Secret", "hint").label = FieldDescriptorProto.LABEL_REPEATED


def remove_a_field(protos):
    message(protos, "Secret").field.remove(field(protos, "Secret", "hint"))


def renumber_an_enum_value(protos):
    enum(protos, "SecretState").value[1].number = 77


def rename_an_error_reason(protos):
    enum(protos, "ErrorReason").value[5].name = "ERROR_REASON_OTHERWISE"


def rename_a_method(protos):
    method(protos, "SecretService", "GetSecret").name = "FetchSecret"


def stream_a_method(protos):
    method(protos, "SecretService", "GetSecret").server_streaming = True


def answer_with_another_message(protos):
    method(protos, "SecretService", "GetSecret").output_type = f".{PACKAGE}.GetAppResponse"


def rename_a_service(protos):
    file = next(one for one in protos.file if one.name.endswith("/secret_service.proto"))
    file.service[0].name = "SecretsService"


BREAKING = [
    renumber_a_field,
    rename_a_field,
    retype_a_field,
    repeat_a_field,
    remove_a_field,
    renumber_an_enum_value,
    rename_an_error_reason,
    rename_a_method,
    stream_a_method,
    answer_with_another_message,
    rename_a_service,
]


@pytest.mark.parametrize("change", BREAKING, ids=lambda change: change.__name__)
def test_the_golden_file_feels_what_breaks_callers(protos, change):
    before = describe(protos)

    change(protos)

    assert lost(before, describe(protos))


def test_an_added_field_breaks_nothing_and_is_told(protos):
    before = describe(protos)

    message(protos, "Secret").field.add(
        name="owner",
        number=44,
        type=FieldDescriptorProto.TYPE_STRING,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
    )

    after = describe(protos)
    assert lost(before, after) == []
    assert added(before, after) == ["  Secret.owner = 44: string"]


def test_the_order_of_the_protos_means_nothing(protos):
    before = describe(protos)

    for file in protos.file:
        for declared in (file.message_type, file.enum_type, file.service):
            backwards = list(declared)[::-1]
            del declared[:]
            declared.extend(backwards)

    assert describe(protos) == before
