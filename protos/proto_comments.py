"""What the protos say of each service, RPC, message, field, enum and value."""

from google.protobuf.descriptor_pb2 import FileDescriptorProto


def read(files: list[FileDescriptorProto]) -> dict[str, str]:
    """Give the comments by name: `Secret`, `Secret.hint`, `SecretService.GetSecret`."""
    return {
        name: location.leading_comments.replace("\n ", "\n").strip()
        for file in files
        for location in file.source_code_info.location
        if (name := _name(file, list(location.path)))
    }


def _name(file: FileDescriptorProto, path: list[int]) -> str:
    # descriptor.proto: message_type is 4 with field 2, enum_type is 5 with value 2, service is
    # 6 with method 2.
    match path:
        case [4, number, *inside]:
            message = file.message_type[number]
            return _inside(message.name, [one.name for one in message.field], inside)
        case [5, number, *inside]:
            enum = file.enum_type[number]
            return _inside(enum.name, [one.name for one in enum.value], inside)
        case [6, number, *inside]:
            service = file.service[number]
            return _inside(service.name, [one.name for one in service.method], inside)
    return ""


def _inside(name: str, names: list[str], path: list[int]) -> str:
    match path:
        case []:
            return name
        case [2, number]:
            return f"{name}.{names[number]}"
    return ""
