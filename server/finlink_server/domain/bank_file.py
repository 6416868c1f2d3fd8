"""The operator's file: what no registry says about banks.

One JSON object of at most 8 MiB, UTF-8:

    {
      "banks": [
        {
          "id": "es-bbva",
          "display_name": "BBVA",
          "short_name": "BBVA",
          "products": ["TRANSACTIONS", "INVESTMENTS"],
          "maturity": "PROD",
          "logo_uri": "https://logos.example/es-bbva.svg",
          "in_catalogue": true
        }
      ],
      "extra_banks": [
        {
          "id": "es-finlink-bank",
          "country_code": "ES",
          "display_name": "Finlink Bank",
          "bics": ["FINLESMM"]
        }
      ]
    }

`banks` corrects banks that exist. Only `id` is required: what an entry does not name stays
as it is. A correction survives later imports of the registry, until a later file sets
something else. `in_catalogue: false` takes a bank out, and true brings it back.

`extra_banks` adds banks that no registry has, or states anew what an earlier file said of
them. `id` (which begins with the country), `country_code` (ISO 3166-1) and `display_name`
are required; `bics` and everything that `banks` has may be set.

The whole file is refused for one wrong entry: an unknown key, a value out of form, an
unknown bank, an id twice. Each wrong field is named, by its entry's place and id.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import pycountry
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from finlink_server import text
from finlink_server.domain import bank_names, uris
from finlink_server.errors import FieldInvalid, Violation

_LARGEST: Final = 8 * 1024 * 1024
_MOST_NAMED: Final = 20  # wrong fields in one refusal
_BIC: Final = r"^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$"


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: JSON's readers keep the last in silence."""
    once = dict(pairs)
    if len(once) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        message = f"the key {twice[:50]!r} stands twice in one object"
        raise ValueError(message)
    return once


def _https(uri: str) -> str:
    """Accept the URIs that settings accept for a logo."""
    if problem := uris.https_problem(uri):
        raise ValueError(problem)
    return uri


def _line(value: str) -> str:
    if problem := text.problem(value):
        raise ValueError(problem)
    return value


def _country(value: str) -> str:
    if pycountry.countries.get(alpha_2=value) is None:
        message = "must be a country code of ISO 3166-1, such as ES"
        raise ValueError(message)
    return value


def _head_office(bic: str) -> str:
    return bic.removesuffix(bank_names.HEAD_OFFICE)


_Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_line)]
_Bic = Annotated[str, StringConstraints(pattern=_BIC), AfterValidator(_head_office)]
_Product = Literal["TRANSACTIONS", "INVESTMENTS", "ASSETS_TRANSFER"]


class Correction(BaseModel):
    """What the file says of a bank."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: Annotated[str, StringConstraints(pattern=f"^{bank_names.ID.pattern}$", max_length=64)]
    display_name: _Name = ""
    short_name: _Name = ""
    products: list[_Product] = Field(default=[], min_length=1, max_length=3)
    maturity: Literal["TEST", "PROD"] = "TEST"
    logo_uri: Annotated[str, Field(max_length=2000), AfterValidator(_https)] = ""
    in_catalogue: bool = True

    @property
    def said(self) -> dict[str, Any]:
        """What is set, and nothing else."""
        return self.model_dump(exclude_unset=True, exclude={"id"})


class ExtraBank(Correction):
    """A bank that no registry has."""

    country_code: Annotated[str, AfterValidator(_country)]
    display_name: _Name
    bics: list[_Bic] = Field(default=[], max_length=100)


class BankFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    banks: list[Correction] = []
    extra_banks: list[ExtraBank] = []


def read(path: Path) -> BankFile:
    """Read and check a file; refuse it with every wrong field named."""
    try:
        if path.stat().st_size > _LARGEST:
            raise FieldInvalid.of(str(path), "must have at most 8 MiB")
        content = json.loads(
            path.read_text(encoding="utf-8-sig"), object_pairs_hook=_without_repeats
        )
    except OSError as error:
        raise FieldInvalid.of(str(path), f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise FieldInvalid.of(str(path), f"must be JSON in UTF-8: {error}") from error
    try:
        file = BankFile.model_validate(content)
    except ValidationError as error:
        found = [Violation(_place(content, one["loc"]), _expected(one)) for one in error.errors()]
        raise FieldInvalid(violations=tuple(found[:_MOST_NAMED])) from error
    if wrong := _wrong_ids(file):
        raise FieldInvalid(violations=tuple(wrong[:_MOST_NAMED]))
    return file


def entries(file: BankFile) -> list[tuple[str, Correction]]:
    """Give every entry with its place in the file."""
    return [
        *((f"banks[{place}] ({one.id})", one) for place, one in enumerate(file.banks)),
        *((f"extra_banks[{place}] ({one.id})", one) for place, one in enumerate(file.extra_banks)),
    ]


def _wrong_ids(file: BankFile) -> list[Violation]:
    seen: dict[str, str] = {}
    wrong = []
    for place, entry in entries(file):
        if entry.id in seen:
            wrong.append(Violation(f"{place}.id", f"must occur once, and is {seen[entry.id]} too"))
        seen[entry.id] = place
        if isinstance(entry, ExtraBank) and not entry.id.startswith(
            f"{entry.country_code.lower()}-"
        ):
            expected = f"must begin with its country, {entry.country_code.lower()}-"
            wrong.append(Violation(f"{place}.id", expected))
    return wrong


def _place(content: Any, location: tuple[int | str, ...]) -> str:  # noqa: ANN401 - any JSON
    """Name a field by its entry's place and id: `banks[3] (es-bbva).logo_uri`."""
    named = ""
    for step in location:
        named += f"[{step}]" if isinstance(step, int) else f".{step}"[0 if named else 1 :]
        try:
            content = content[step]
        except (LookupError, TypeError):
            content = None
        if isinstance(step, int) and isinstance(content, dict):
            bank_id = content.get("id")
            if isinstance(bank_id, str) and bank_names.ID.fullmatch(bank_id):
                named += f" ({bank_id})"
    return named[:200] or "the file"


def _expected(error: Any) -> str:  # noqa: ANN401 - pydantic's details of an error
    if error["type"] == "extra_forbidden":
        return "is not a key of the format"
    message: str = error["msg"].removeprefix("Value error, ")
    return message if message.startswith("must") else message[:1].lower() + message[1:]
