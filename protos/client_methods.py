"""What the Python client's methods are called and take, found in the descriptors.

`rpc RotateSecret` becomes `client.secrets.rotate`: the noun in its name is the attribute, what
is left is the method. Each RPC becomes one method, whatever service it stands in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
)

import proto_comments

# The noun as it stands in the names of RPCs, and the attribute. The first that is found counts.
NOUNS = {
    "LinkToken": "link_tokens",
    "SigningKey": "signing_keys",
    "ServiceKey": "service_keys",
    "Audit": "audit",
    "Account": "accounts",
    "App": "apps",
    "Session": "sessions",
    "Settings": "settings",
    "Link": "links",
    "Bank": "banks",
    "Endpoint": "endpoints",
    "Event": "events",
    "Delivery": "deliveries",
    "Secret": "secrets",
}
# RPCs that name another noun than the one that they are about, or none.
ABOUT = {
    "SignIn": "accounts",
    "SignOut": "accounts",
    "SetPassword": "accounts",
    "ChangePassword": "accounts",
    "ResetPassword": "accounts",
    "WatchRevocations": "sessions",
    "RotateSigningSecret": "endpoints",
}
# What a request cannot be without, whoever sends it: these arguments have no default.
# tests/test_client_methods.py holds it to what the service demands.
DEMANDED = {
    "SignIn": "email password",
    "SetPassword": "setup_token new_password",
    "ChangePassword": "current_password new_password",
    "CreateApp": "display_name public_name environment",
    "GetApp": "app_id",
    "UpdateApp": "app update_mask",
    "DeleteApp": "app_id password",
    "CreateAccount": "email display_name",
    "ResetPassword": "account_id",
    "SuspendAccount": "account_id",
    "ReinstateAccount": "account_id",
    "EndSecret": "secret_id",
    "CreateServiceKey": "display_name roles",
    "RevokeServiceKey": "service_key_id",
    "CreateSecret": "app_id display_name",
    "GetSecret": "secret_id",
    "ListSecrets": "app_id",
    "UpdateSecret": "secret update_mask",
    "RotateSecret": "secret_id password",
    "RevokeSecret": "secret_id password",
    "ReportLeakedSecret": "client_secret",
    "StartSession": "client_id client_secret",
    "ListSessions": "app_id",
    "RevokeSession": "session_id",
    "BatchValidateSessions": "access_tokens",
    "RotateSigningKey": "kind",
    "SetBankStatus": "bank_id status",
    "CreateLinkToken": "parameters",
    "GetLinkToken": "link_token_id",
    "RevokeLinkToken": "link_token_id",
    "GetLink": "link_id",
    "ListLinkBanks": "link_id",
    "UpdateSettings": "settings update_mask",
    "RollbackSettings": "app_id version",
    "GetBank": "bank_id",
    "CreateEndpoint": "uri",
    "GetEndpoint": "endpoint_id",
    "UpdateEndpoint": "endpoint update_mask",
    "DeleteEndpoint": "endpoint_id",
    "RotateSigningSecret": "endpoint_id",
    "SendTestEvent": "endpoint_id",
    "PublishEvent": "app_id event_id type",
    "GetDelivery": "delivery_id",
    "RedeliverEvents": "endpoint_id",
}


@dataclass(frozen=True)
class Argument:
    """A field of a request, or of a message in one."""

    name: str
    said: str
    field: FieldDescriptorProto
    is_demanded: bool = False

    @property
    def is_repeated(self) -> bool:
        return self.field.label == FieldDescriptorProto.LABEL_REPEATED

    @property
    def of(self) -> str:
        """The name of its message or enum, without the package of ours."""
        return self.field.type_name.removeprefix(".").removeprefix("finlink.config.v1.")


@dataclass(frozen=True)
class Method:
    """An RPC, as a method of the client."""

    service: str
    rpc: str
    attribute: str
    name: str
    said: str
    request: str
    answer: str
    arguments: tuple[Argument, ...]
    streams: bool
    gives: str = ""  # the field of the answer that Get and List methods give
    gives_type: str = ""
    pages: bool = False

    @property
    def path(self) -> str:
        return f"/finlink.config.v1.{self.service}/{self.rpc}"


@dataclass
class Api:
    """Everything that the client is made of."""

    methods: list[Method]
    messages: dict[str, list[Argument]]  # those that requests hold
    enums: dict[str, list[str]] = field(default_factory=dict)  # values without their prefix


def read(files: list[FileDescriptorProto]) -> Api:
    said = proto_comments.read(files)
    messages = {one.name: one for file in files for one in file.message_type}
    methods = [
        _method(service.name, one, messages, said)
        for file in files
        for service in file.service
        for one in service.method
    ]
    taken = [(one.attribute, one.name) for one in methods]
    if len(set(taken)) != len(taken):
        raise ValueError("Two RPCs would be one method of the client: add one to ABOUT.")
    held = _held(methods, messages, said)
    used = {
        one.of
        for arguments in (*(method.arguments for method in methods), *held.values())
        for one in arguments
        if one.field.type == FieldDescriptorProto.TYPE_ENUM
    }
    enums = {
        enum.name: _short_names(enum.name, [value.name for value in enum.value])
        for file in files
        for enum in file.enum_type
        if enum.name in used
    }
    return Api(sorted(methods, key=lambda one: one.attribute), held, enums)


def name_of(rpc: str) -> tuple[str, str]:
    """Give the attribute and the method of an RPC: `RotateSecret` → `secrets`, `rotate`."""
    if rpc in ABOUT:
        return ABOUT[rpc], _snake(rpc)
    for noun, attribute in NOUNS.items():
        rest, found = re.subn(rf"({noun}s?|{noun[:-1]}ies)(?![a-z])", "", rpc, count=1)
        if found:
            return attribute, _snake(rest)
    raise ValueError(f"{rpc} names no noun that is known: add it to NOUNS or ABOUT.")


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _method(
    service: str,
    rpc: MethodDescriptorProto,
    messages: Mapping[str, DescriptorProto],
    said: Mapping[str, str],
) -> Method:
    request, answer = (one.rpartition(".")[2] for one in (rpc.input_type, rpc.output_type))
    attribute, name = name_of(rpc.name)
    takes = {one.name for one in messages[request].field}
    fields = messages[answer].field
    pages = "page_token" in takes
    gives = None
    if rpc.name.startswith("Get"):
        gives = fields[0]
    elif pages:
        [gives] = [one for one in fields if one.name != "next_page_token"]
    return Method(
        service=service,
        rpc=rpc.name,
        attribute=attribute,
        name=name,
        said=said[f"{service}.{rpc.name}"],
        request=request,
        answer=answer,
        arguments=_arguments(messages[request], said, DEMANDED.get(rpc.name, "").split()),
        streams=rpc.server_streaming,
        gives=gives.name if gives else "",
        gives_type=gives.type_name.rpartition(".")[2] if gives else "",
        pages=pages,
    )


def _arguments(
    message: DescriptorProto, said: Mapping[str, str], demanded: list[str]
) -> tuple[Argument, ...]:
    return tuple(
        Argument(one.name, said[f"{message.name}.{one.name}"], one, one.name in demanded)
        for one in message.field
    )


def _held(
    methods: list[Method], messages: Mapping[str, DescriptorProto], said: Mapping[str, str]
) -> dict[str, list[Argument]]:
    """Find the messages that requests hold, however deep, without what is output only."""
    held: dict[str, list[Argument]] = {}
    waiting = [one.of for method in methods for one in method.arguments if one.of in messages]
    while waiting:
        name = waiting.pop()
        if name in held:
            continue
        held[name] = [
            one
            for one in _arguments(messages[name], said, [])
            if not one.said.startswith("Output only")
        ]
        waiting += [one.of for one in held[name] if one.of in messages]
    return dict(sorted(held.items()))


def _short_names(enum: str, values: list[str]) -> list[str]:
    prefix = f"{_snake(enum).upper()}_"
    return [one.removeprefix(prefix) for one in values if not one.endswith("_UNSPECIFIED")]
