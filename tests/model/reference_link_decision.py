"""The decision whether a Link may open: by its auth token alone, or by its URL (rule 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from tests.model import reference_banks as banks
from tests.model import reference_settings as settings
from tests.model import reference_signing_keys as signing_keys
from tests.model.reference import Record, Refused, World, refuse, sees

# URL name → field of LinkParameters.
URL_NAMES = {
    "id": "redirect_id",
    "entity": "bank_id",
    "product": "product",
    "subproduct": "subproduct",
    "external_id": "external_id",
    "theme": "theme",
    "language": "language",
    "country_codes": "country_codes",
    "update_token": "update_token",
    "restore_token": "restore_token",
}
_WORDS = {
    "product": {"TRANSACTIONS", "INVESTMENTS", "ASSETS_TRANSFER"},
    "subproduct": {"FUND", "PENSION_PLAN"},
    "theme": {"LIGHT", "DARK"},
}
UNSET: Record = {
    "redirect_id": "",
    "product": "",
    "subproduct": "",
    "external_id": "",
    "bank_id": "",
    "theme": "",
    "language": "",
    "country_codes": [],
    "update_token": "",
    "restore_token": "",
    "desired_owners": [],
    "bank_ids": [],
}


def decide(world: World, caller: Record, query: str) -> Record:
    """Run the checks in their order until one refuses; change nothing."""
    pairs = parse_qsl(query, keep_blank_values=True)
    by_token = any(name == "authToken" for name, _ in pairs)
    counts = {"authToken"} if by_token else set(URL_NAMES)
    found: Record = {
        "app": None,
        "token": None,
        "parameters": None,
        "refusal": None,
        "ignored": list(dict.fromkeys(name for name, _ in pairs if name not in counts)),
    }
    checks = _BY_TOKEN if by_token else _BY_URL
    found |= {"names": [one.__name__.strip("_") for one in checks], "failed_at": len(checks)}
    for index, check in enumerate(checks):
        try:
            check(world, caller, pairs, found)
        except Refused as refusal:
            found |= {"refusal": refusal, "failed_at": index}
            break
    found["meant_app"] = found["app"]
    if found["app"] is None and not by_token:  # a redirect tells whose Link it would have been
        redirect_id = next((value for name, value in pairs if name == "id"), "")
        found["meant_app"] = _app_of(world, caller, world.redirect_apps.get(redirect_id, ""))
    return found


def problem(parameters: Record) -> str:
    """The field that is missing or does not go with the others; empty if all is well."""
    existing = parameters["update_token"] or parameters["restore_token"]
    transfer = parameters["product"] == "ASSETS_TRANSFER"
    if parameters["update_token"] and parameters["restore_token"]:
        return "restore_token"
    if not parameters["product"] and not existing:
        return "product"
    if transfer != bool(parameters["subproduct"]):
        return "subproduct"
    return "desired_owners" if parameters["desired_owners"] and not transfer else ""


def refuse_banks(world: World, document: Record, parameters: Record) -> None:
    """Refuse what names a bank that does not show, or leaves none to pick."""
    narrowed = (parameters["product"], parameters["country_codes"], parameters["bank_ids"])
    named = parameters["bank_id"]
    if named and banks.why_hidden(world, document, named, *narrowed):
        refuse("LINK_BANK_NOT_AVAILABLE", bank_id=named)
    if parameters["product"] and not any(banks.show(world, document, *narrowed)):
        if parameters["bank_ids"]:
            refuse("LINK_BANK_NOT_AVAILABLE", bank_id=parameters["bank_ids"][0])
        name = "country_codes" if parameters["country_codes"] else "product"
        refuse("LINK_PARAMETER_INVALID", parameter=name)


def redirect_uri(document: Record, redirect_id: str) -> str:
    """Where a redirect leads; empty if the settings have none of this id."""
    found = [one["uri"] for one in document["link.redirects"] if one["id"] == redirect_id]
    return str(found[0]) if found else ""


# The checks, by the names that ExplainLink gives them.


def _auth_token_genuine(world: World, caller: Record, pairs: Any, found: Record) -> None:
    values = [value for name, value in pairs if name == "authToken"]
    if len(values) > 1:
        refuse("LINK_PARAMETER_INVALID", parameter="authToken")
    text = values[0]
    token = next((one for one in world.link_tokens.values() if text in one["texts"]), None)
    if token is None:
        refuse("LINK_TOKEN_INVALID")
    is_expired = token["expire_time"] <= world.now
    if signing_keys.is_revoked(world, "LINK", token["texts"][text]) and not is_expired:
        refuse("LINK_TOKEN_REVOKED", link_token_id=token["id"])
    found["app"] = _app_of(world, caller, token["app_id"])
    if found["app"] is None:
        is_customer = caller["kind"] != "SERVICE_KEY"  # for whom another's token is none
        refuse("LINK_TOKEN_INVALID" if is_customer else "LINK_TOKEN_REVOKED")
    found |= {"token": token, "parameters": token["parameters"]}


def _auth_token_not_revoked(_: World, __: Record, ___: Any, found: Record) -> None:
    if found["token"]["revoke_time"] is not None:
        refuse("LINK_TOKEN_REVOKED", link_token_id=found["token"]["id"])


def _auth_token_not_expired(world: World, _: Record, __: Any, found: Record) -> None:
    if found["token"]["expire_time"] <= world.now:
        refuse("LINK_TOKEN_EXPIRED", link_token_id=found["token"]["id"])


def _auth_token_not_used_up(_: World, __: Record, ___: Any, found: Record) -> None:
    token = found["token"]
    if token["opens"] >= token["max_opens"]:
        refuse("LINK_TOKEN_USED_UP", link_token_id=token["id"], max_opens=token["max_opens"])


def _parameters_readable(_: World, __: Record, pairs: Any, found: Record) -> None:
    known = [(name, value) for name, value in pairs if name in URL_NAMES]
    seen: Record = {}
    for name, value in known:
        if name in seen:
            refuse("LINK_PARAMETER_INVALID", parameter=name)
        seen[name] = value
    parameters = dict(UNSET)
    for name, value in seen.items():
        if value and value not in _WORDS.get(name, {value}):
            refuse("LINK_PARAMETER_INVALID", parameter=name)
        many = value.split(",") if name == "country_codes" and value else value
        parameters[URL_NAMES[name]] = many or parameters[URL_NAMES[name]]
    found["parameters"] = parameters
    if not parameters["redirect_id"]:
        refuse("LINK_PARAMETER_INVALID", parameter="id")


def _app_known(world: World, caller: Record, _: Any, found: Record) -> None:
    redirect_id = found["parameters"]["redirect_id"]
    found["app"] = _app_of(world, caller, world.redirect_apps.get(redirect_id, ""))
    if found["app"] is None:
        refuse("LINK_REDIRECT_UNKNOWN", redirect_id=redirect_id)


def _account_active(world: World, _: Record, __: Any, found: Record) -> None:
    if world.accounts[found["app"]["account_id"]]["suspend_time"]:
        refuse("ACCOUNT_SUSPENDED")


def _auth_token_not_required(world: World, _: Record, __: Any, found: Record) -> None:
    if settings.present(world, found["app"])["document"]["link.force_auth_token"]:
        refuse("LINK_AUTH_TOKEN_REQUIRED", app_id=found["app"]["id"])


def _redirect_present(world: World, _: Record, __: Any, found: Record) -> None:
    document = settings.present(world, found["app"])["document"]
    redirect_id = found["parameters"]["redirect_id"]
    if not redirect_uri(document, redirect_id):
        refuse("LINK_REDIRECT_UNKNOWN", redirect_id=redirect_id)


def _parameters_consistent(_: World, __: Record, ___: Any, found: Record) -> None:
    field = problem(found["parameters"])
    if field:
        refuse("LINK_PARAMETER_INVALID", parameter=field)


def _banks_available(world: World, _: Record, __: Any, found: Record) -> None:
    document = settings.present(world, found["app"])["document"]
    refuse_banks(world, document, found["parameters"])


Check = Callable[[World, Record, Any, Record], None]
_BY_TOKEN: tuple[Check, ...] = (
    _auth_token_genuine,
    _auth_token_not_revoked,
    _auth_token_not_expired,
    _auth_token_not_used_up,
    _account_active,
    _redirect_present,
    _banks_available,
)
_BY_URL: tuple[Check, ...] = (
    _parameters_readable,
    _app_known,
    _account_active,
    _auth_token_not_required,
    _redirect_present,
    _parameters_consistent,
    _banks_available,
)


def _app_of(world: World, caller: Record, app_id: str) -> Record | None:
    app = world.apps.get(app_id)
    return app if app and not app.get("delete_time") and sees(caller, app) else None
