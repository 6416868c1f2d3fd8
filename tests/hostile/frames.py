"""HTTP/2 by hand (RFC 9113, RFC 7541), for what no library lets a caller send."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0, 1, 2, 3, 4
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 5, 6, 7, 8, 9
END_STREAM, END_HEADERS = 0x1, 0x4
ACK = 0x1
INITIAL_WINDOW_SIZE = 0x4  # of SETTINGS
CANCEL = struct.pack(">I", 0x8)  # the payload of an RST_STREAM

_SETTING = struct.Struct(">HI")
_TIMEOUT = 5.0  # seconds; a server that takes no more bytes is not waited for longer


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, payload=b"".join(_SETTING.pack(*pair) for pair in pairs))


def field(name: str, value: bytes, *, remember: bool = False) -> bytes:
    """Give one header field, not compressed; the peer may be told to remember it as number 62."""
    return (b"\x40" if remember else b"\x00") + _text(name.encode()) + _text(value)


def call_fields(path: str, *metadata: tuple[str, str]) -> bytes:
    """Give the header fields of a gRPC call."""
    usual = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    )
    return b"".join(field(name, value.encode()) for name, value in (*usual, *metadata))


def opening(stream: int, path: str, *metadata: tuple[str, str]) -> bytes:
    """Give the frame that begins a call."""
    return frame(HEADERS, END_HEADERS, stream, call_fields(path, *metadata))


def message(body: bytes, *, announced: int | None = None) -> bytes:
    """Give a gRPC message, or the beginning of a longer one."""
    return struct.pack(">BI", 0, len(body) if announced is None else announced) + body


def in_data(stream: int, body: bytes, *, last: bool = False) -> bytes:
    """Give the DATA frames of a body."""
    parts = [body[start : start + 16_384] for start in range(0, len(body), 16_384)] or [b""]
    flags = [0] * (len(parts) - 1) + [END_STREAM if last else 0]
    return b"".join(
        frame(DATA, flag, stream, part) for flag, part in zip(flags, parts, strict=True)
    )


@contextlib.contextmanager
def connection(target: str) -> Iterator[socket.socket]:
    """Connect, and have said nothing yet."""
    host, _, port = target.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=_TIMEOUT) as made:
        yield made


def _text(text: bytes) -> bytes:
    """Give a string literal without Huffman's code (RFC 7541 §5.2)."""
    if len(text) < 127:
        return bytes([len(text)]) + text
    rest, length = len(text) - 127, bytearray([127])
    while rest >= 128:
        length.append(rest % 128 + 128)
        rest //= 128
    length.append(rest)
    return bytes(length) + text
