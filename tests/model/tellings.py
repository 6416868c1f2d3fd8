"""Each story as it is told in every test run: the arguments, a list for each history."""

from __future__ import annotations

from typing import Any

_DAY = 86_400
Telling = tuple[str, dict[str, Any]]


def _opened(ending: str, seconds: int = 0) -> list[Telling]:
    fields = {"max_opens": 2, "ending": ending, "seconds": seconds}
    return [("use_a_link_token_up", fields)]


def _replaced(life: int | None, overlap: int, seconds: int, ending: str, more: int) -> Telling:
    fields = {"life": life, "overlap": overlap, "seconds": seconds}
    return "replace_a_secret", {**fields, "ending": ending, "more": more}


def _changed(*changes: tuple[str, Any]) -> list[Telling]:
    fields = {"changes": list(changes), "validate_only": False, "whole": ""}
    looks = [("look_at_banks", {"product": product}) for product in range(4)]
    return [("change_settings", fields), *looks]


TELLINGS: dict[str, list[Telling]] = {
    "a secret is replaced and revoked": [_replaced(None, 0, 0, "revoke", 4)],
    "a secret that will expire is replaced and leaks": [_replaced(1800, 7 * _DAY, 0, "leak", 3)],
    "the overlap is over": [_replaced(None, 600, 600, "time", 4)],
    "an operator ends a secret that retires": [_replaced(3 * _DAY, 7 * _DAY, 1801, "operator", 0)],
    "a secret that retires is revoked": [_replaced(None, 7 * _DAY, 0, "revoke", 3)],
    "a secret is for the office": [
        ("move_the_office", {"seconds": 0}),
        ("move_the_office", {"seconds": 3600}),
    ],
    "a Link token is revoked": _opened("revoke"),
    "a Link's redirect is removed": _opened("redirect"),
    "a Link token expires": _opened("time", 3600),
    "a Link expires": _opened("time", 1800),
    "a Link's account is suspended": _opened("suspend"),
    "a Link's app is deleted": _opened("delete"),
    "auth tokens are forced": _opened("force"),
    "events are missed": [
        ("miss_an_event", {"ending": "disable", "event_id": ""}),
        ("miss_an_event", {"ending": "delete", "event_id": ""}),
        ("miss_an_event", {"ending": "type", "event_id": "conn-1"}),
        ("miss_an_event", {"ending": "time", "event_id": ""}),
    ],
    "requests are repeated": [
        *[("say_it_again", {"days": 0, "method": method}) for method in range(5)],
        ("say_it_again", {"days": 1, "method": 0}),
    ],
    "the locks are changed": [("change_the_locks", {"waits": [20, 31, 900, 2700, 3600]})],
    "sessions stay within their scopes": [
        ("stay_within_scopes", {"scopes": [scope]}) for scope in ("read", "write", "delete")
    ],
    "nobody sees what is another's": [
        ("look_where_one_must_not", {"who": who})
        for who in ("VERIFIER", "LINK", "PUBLISHER", "stranger")
    ],
    "passwords are guessed": [
        ("guess_behind_a_token", {"times": 4, "then": True}),
        ("guess_at_the_door", {"times": 6, "address": "203.0.113.7"}),
        ("guess_behind_a_token", {"times": 5, "then": False}),
    ],
    "a password is forgotten": [("forget_the_password", {"which": n}) for n in (0, 1, 2, 3)],
    "an account is suspended": [
        ("suspend", {"caller": "the platform", "is_mistake": is_mistake})
        for is_mistake in (True, False)
    ],
    "lists are read in pages": [
        ("make_many_secrets", {"more": 2}),
        ("make_many_endpoints", {"more": 3}),
        *[("leaf_through_an_app", {"size": size}) for size in (1, 2)],
    ],
    **{
        f"somebody watches until the end: {ending}": [("watch_until_the_end", {"ending": ending})]
        for ending in ("sign out", "reset", "suspend", "time", "keys are revoked")
    },
    "several write": [("write_over_each_other", {})],
    "limits are reached": [
        ("make_many_apps", {"more": 6}),
        ("make_many_secrets", {"more": 6}),
        ("make_many_endpoints", {"more": 11}),
        ("rotate_a_signing_secret", {"overlap": 60, "times": 6}),
        ("change_redirects", {"change": "too many", "validate_only": False}),
    ],
    "the widget shows other banks": [
        *_changed(("banks.mode", 3), ("banks.bank_ids", ["aq-krill", "aq-seal"])),
        *_changed(("banks.mode", 2), ("banks.pinned_bank_ids", ["aq-seal"])),
        *_changed(("banks.country_codes", ["BV"])),
        *_changed(("banks.mode", 1), ("banks.country_codes", [])),
    ],
    "settings are rolled back": [
        *_changed(("link.languages", ["es", "pt"]), ("link.default_language", "es")),
        *[
            ("change_redirects", {"change": change, "validate_only": False})
            for change in ("add", "foreign", "http", "rename", "remove")
        ],
        *[("roll_back", {"back": back}) for back in (1, 2, 0, 3)],
    ],
    "a customer has several tokens": [
        ("sign_in_once", {"is_right": True, "address": "203.0.113.7"}),
        ("guess_behind_a_token", {"times": 0, "then": True}),
        ("sign_out", {}),
    ],
    "keys leak": [
        ("rotate_a_signing_key", {"kind": kind, "revoke": True, "again": ""}) for kind in (3, 2, 1)
    ],
}
