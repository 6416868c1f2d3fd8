"""Requests out of the descriptors: good ones, good ones with one thing wrong, and garbage.

All of it comes from one `random.Random`, so that a seed tells the whole story.
"""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from tests.methods import PACKAGE, Field, Method, fields_of

# What exists, by the name of the field that asks for it, or by its message's too: `App.id`.
Known = Mapping[str, Sequence[str]]

_NOW = 1_790_000_000  # seconds; about when this was written
_WORDS: dict[str, Sequence[str]] = {
    "allowed_cidrs": ("127.0.0.0/8", "0.0.0.0/0", "::/0", "203.0.113.0/24"),
    "background": ("#ffffff",),
    "comment": ("", "as agreed"),
    "country_codes": ("ES", "PT", "FR"),
    "default_language": ("", "es"),
    "desired_owners": ("Ana Ruiz",),
    "display_name": ("Shop", "Ana's shop", "Ünïcode"),
    "email": ("nobody@example.com",),
    "event_prefixes": ("connection.",),
    "event_types": ("connection.*", "secret.revoked", "settings.updated"),
    "external_id": ("", "user-1"),
    "language": ("", "es", "en"),
    "languages": ("es", "en", "pt-BR"),
    "logo_uri": ("", "https://shop.example/logo.svg"),
    "payload_json": ("{}", '{"a": [1, 2, {"b": null}]}'),
    "primary": ("#003366",),
    "privacy_uri": ("", "https://shop.example/privacy"),
    "public_name": ("Shop",),
    "query": ("", "bank"),
    "required_scopes": ("read", "write", "delete"),
    "scopes": ("read", "write", "delete"),
    "service": ("", f"{PACKAGE}.LinkService"),
    "terms_uri": ("", "https://shop.example/terms"),
    "text": ("#000000",),
    "title": ("Your bank",),
    "type": ("connection.ready", "connection.failed"),
    "types": ("secret.revoked", "session.started"),
    "Redirect.uri": ("https://shop.example/back", "http://localhost:8080/back"),
    "uri": ("https://127.0.0.1:9/", "https://127.0.0.1:9/hook?x=1"),
}
_MASKS = {
    "UpdateApp": ("display_name", "*"),
    "UpdateSecret": ("display_name", "allowed_cidrs", "*"),
    "UpdateEndpoint": ("uri", "event_types", "display_name", "disabled", "*"),
    "UpdateSettings": ("link", "banks", "*", "link.redirects", "link.languages", "banks.mode"),
}
# Seldom set in a good request, for they go with few others.
_SELDOM = {
    "bank_id",
    "bank_ids",
    "call_id",
    "desired_owners",
    "end_time",
    "etag",
    "expire_time",
    "page_token",
    "request_id",
    "restore_token",
    "revoke_previous",
    "subproduct",
    "update_token",
    "cursor",
}
# Only good where they belong: elsewhere they would be found in the database, rightly.
CREDENTIALS = {
    "password",
    "new_password",
    "current_password",
    "client_secret",
    "setup_token",
    "access_token",
    "access_tokens",
    "auth_token",
    "OpenLinkRequest.query",
    "ExplainLinkRequest.query",
}
NASTY = (
    "",
    " ",
    "\x00",
    "a\nb",
    "\u202egnp.exe",
    "\u200b",
    "\ufeff",
    "🙂" * 50,
    "e\u0301",
    "%00%ff%zz",
    "../../etc/passwd",
    "'; DROP TABLE app; --",
    '{"a":' * 200,
    "x" * 300,
    "x" * 9000,
    "null",
    "-1",
    "1e999",
    "*",
    "acc_" + "0" * 26,
    "fls_test_" + "0" * 45,
    "eyJhbGciOiJub25lIn0.e30.",
    "http://[::1",
    "https://127.0.0.1:99999/",
    "https://user:pw@127.0.0.1/",
    "a@b",
    "0.0.0.0/33",
    "link.redirects.uri",
)
_NUMBERS = (0, 1, -1, 2, 501, 2**31 - 1, -(2**31))
_LARGE_NUMBERS = (2**63 - 1, -(2**63), 253_402_300_800, -62_135_596_801)


class Forge:
    """Makes requests for somebody who knows what exists."""

    def __init__(self, dice: random.Random, known: Known) -> None:
        self._dice = dice
        self._known = known

    def request(self, method: Method) -> bytes:
        """Make one of any kind: every third good, every second with one field wrong."""
        chance = self._dice.random()
        good: Message = self._message(method.request, method)
        if chance < 0.85:
            if chance > 0.35:
                self._spoil(method, good)
            return good.SerializeToString()
        raw = bytearray(good.SerializeToString())
        if chance < 0.93 and raw:
            for _ in range(self._dice.randint(1, 3)):
                raw[self._dice.randrange(len(raw))] = self._dice.randrange(256)
            return bytes(raw[: self._dice.randint(0, len(raw))] if chance < 0.89 else raw)
        return self._dice.randbytes(self._dice.randrange(60))

    def _message(self, of: Descriptor, method: Method) -> Any:
        made = GetMessageClass(of)()
        for field in of.fields:
            often = 0.1 if field.name in _SELDOM else 0.85
            if self._dice.random() < often:
                self._fill(made, field, method)
        return made

    def _fill(self, message: Any, field: FieldDescriptor, method: Method) -> None:
        if field.is_repeated:
            count = self._dice.choice((0, 1, 1, 2))
            if field.message_type is not None:
                getattr(message, field.name).extend(
                    self._message(field.message_type, method) for _ in range(count)
                )
            else:
                # Each once, as most lists want it.
                values = dict.fromkeys(self._value(field) for _ in range(count))
                getattr(message, field.name).extend(values)
        elif field.message_type is not None:
            made = self._inner(field.message_type, method)
            getattr(message, field.name).CopyFrom(made)
        else:
            setattr(message, field.name, self._value(field))

    def _inner(self, of: Descriptor, method: Method) -> Any:
        kind: Any = GetMessageClass(of)
        match of.name:
            case "Timestamp":
                return kind(seconds=_NOW + self._dice.randint(-(10**7), 10**8))
            case "Duration":
                return kind(seconds=self._dice.choice((0, 60, 3600, 86_400)))
            case "FieldMask":
                return kind(paths=[self._dice.choice(_MASKS.get(method.name, ("*",)))])
        return self._message(of, method)

    def _value(self, field: FieldDescriptor) -> Any:
        if field.enum_type is not None:
            return self._dice.choice(field.enum_type.values).number
        if field.type == FieldDescriptor.TYPE_BOOL:
            return self._dice.random() < 0.3
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._text(field)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self._dice.randbytes(9)
        return self._dice.choice((0, 1, 1, 2, 50))

    def _text(self, field: FieldDescriptor) -> str:
        of = ".".join(field.full_name.split(".")[-2:])
        for name in (of, field.name):
            if self._known.get(name):
                return self._dice.choice(self._known[name])
            if name in _WORDS:
                return self._dice.choice(_WORDS[name])
        if field.name == "request_id":
            return str(uuid.UUID(int=self._dice.getrandbits(128)))
        if field.name == "event_id":
            return "".join(self._dice.choices(string.ascii_letters, k=9))
        return ""

    def _spoil(self, method: Method, message: Any) -> None:
        fields = list(fields_of(method))
        if fields:
            field = self._dice.choice(fields)
            field.put(message, self._wrong(field))

    def _wrong(self, field: Field) -> Any:
        one = field.last
        if one.message_type is not None:
            made: Any = GetMessageClass(one.message_type)()
            if field.is_a("FieldMask"):
                made.paths.extend(self._dice.choices(NASTY, k=3))
            elif field.is_a("Timestamp") or field.is_a("Duration"):
                made.seconds = self._dice.choice((*_LARGE_NUMBERS, *_LARGE_NUMBERS, *_NUMBERS))
                made.nanos = self._dice.choice(_NUMBERS)
            return [made] * self._dice.choice((1, 200)) if one.is_repeated else made
        value: Any
        if one.type == FieldDescriptor.TYPE_STRING:
            ids = [
                value
                for name, values in self._known.items()
                if name not in CREDENTIALS
                for value in values
            ]
            value = self._dice.choice((self._dice.choice(NASTY), self._dice.choice(ids)))
        elif one.type == FieldDescriptor.TYPE_BOOL:
            value = self._dice.random() < 0.5
        elif one.enum_type is not None:
            value = self._dice.choice(_NUMBERS)
        elif one.type == FieldDescriptor.TYPE_BYTES:
            value = self._dice.randbytes(99)
        else:
            value = self._dice.choice(_NUMBERS)
        if not one.is_repeated:
            return value
        # Not larger than what the transport takes: that refuses without a reason.
        return [value] * self._dice.choice((1, 2, 1001 if len(str(value)) < 1000 else 101))
