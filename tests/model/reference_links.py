"""Links: opened by a token or by a URL, for 30 minutes (rules 5 and 6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.model import reference_banks as banks
from tests.model import reference_link_decision as decision
from tests.model import reference_settings as settings
from tests.model.reference import MINUTE, Record, Refused, World, refuse

LIFETIME = 30 * MINUTE


def state(world: World, link: Record) -> str:
    """OPEN for 30 minutes, unless its token was revoked, its app deleted, its account suspended."""
    if link["revoke_time"] is not None:
        return "REVOKED"
    return "EXPIRED" if link["expire_time"] <= world.now else "OPEN"


def view(world: World, link: Record) -> Record:
    """A Link as it is told."""
    return {**link, "state": state(world, link)}


def open_link(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Decide whether this Link may start, and open it if so."""
    earlier = world.earlier(caller, asked)
    if earlier:
        return _answer(world, world.links[earlier], said)
    found = decision.decide(world, caller, asked.query)
    if isinstance(found["refusal"], Refused):
        app = found["meant_app"]
        if app:
            reason = found["refusal"].reason
            world.count_refusal(caller, "link.refused", app["id"], reason=reason, of=app)
        raise found["refusal"]
    app, token, parameters = found["app"], found["token"], found["parameters"]
    document = settings.present(world, app)["document"]
    if token:
        token["opens"] += 1
    create_time = world.seen(said.link.create_time)
    link = {
        "id": world.take(said.link.id, "lnk"),
        "app_id": app["id"],
        "public_name": app["public_name"],
        "source": "AUTH_TOKEN" if token else "URL",
        "parameters": parameters,
        "ignored_parameters": found["ignored"],
        "redirect_uri": decision.redirect_uri(document, parameters["redirect_id"]),
        "link_token_id": token["id"] if token else "",
        "create_time": create_time,
        "expire_time": create_time + LIFETIME,
        "revoke_time": None,
        **_look(document, parameters["language"]),
    }
    world.links[link["id"]] = link
    facts = {"link_token_id": token["id"] if token else None}
    world.write(caller, "link.opened", link["id"], of=app, **facts)
    world.remember(caller, asked, link["id"])
    return _answer(world, link, said)


def explain(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Tell what OpenLink would decide, and why, with nothing opened and nothing used up."""
    found = decision.decide(world, caller, asked.query)
    refusal, app = found["refusal"], found["app"]
    checks: list[Record] = []
    for name, check in zip(found["names"], said.checks, strict=True):
        reached = len(checks) <= found["failed_at"]
        outcome = "PASSED" if reached else "NOT_REACHED"
        reason, message = "", ""
        if len(checks) == found["failed_at"]:
            outcome, reason, message = "FAILED", refusal.reason, check.message
        checks.append({"name": name, "outcome": outcome, "reason": reason, "message": message})
    answer: Record = {
        "verdict": "REJECTED" if refusal else "ACCEPTED",
        "checks": checks,
        "ignored_parameters": found["ignored"],
    }
    if app is None:
        return answer
    answer |= {"app_id": app["id"], "parameters": found["parameters"]}
    known = found["parameters"]
    if known is None:
        return answer
    document = settings.present(world, app)["document"]
    origin = "AUTH_TOKEN" if found["token"] else "URL"
    sources = [{"parameter": name, "origin": origin} for name, value in known.items() if value]
    spoken = _look(document, known["language"])["language"]
    if spoken and spoken != known["language"]:
        sources = [one for one in sources if one["parameter"] != "language"]
        sources.append({"parameter": "language", "origin": "SETTINGS"})
    answer["sources"] = sources
    bank_id = asked.bank_id or known["bank_id"]
    if bank_id:
        view = (known["product"], known["country_codes"], known["bank_ids"])
        why = banks.why_hidden(world, document, bank_id, *view)
        answer["bank"] = {"bank_id": bank_id, "visibility": why or "SHOWN"}
    return answer


def get(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """Give one Link; one of a deleted app is still there for the platform's services."""
    link = world.links.get(asked.link_id)
    if link and caller["kind"] == "SERVICE_KEY":
        return {"link": view(world, link)}
    return {"link": view(world, world.thing(caller, world.links, "link", asked.link_id))}


def page(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """List an app's Links, newest first."""
    app = world.app(caller, asked.app_id)
    mine = [one for one in world.links.values() if one["app_id"] == app["id"]]
    return {"links": [view(world, link) for link in reversed(mine)]}


def list_banks(world: World, _: Record, asked: Any, said: Any) -> Record:
    """List the banks that an open Link shows, by the settings of this moment."""
    link = world.links.get(asked.link_id)
    if link is None:
        refuse("LINK_NOT_FOUND", link_id=asked.link_id)
    if state(world, link) != "OPEN":
        refuse("LINK_ENDED", link_id=asked.link_id)
    return banks.cut("banks", _shown(world, link), said, asked.page_size)


def _answer(world: World, link: Record, said: Any) -> Record:
    shown = _shown(world, link) if state(world, link) == "OPEN" else ()
    return {"link": view(world, link), **banks.cut("banks", shown, said)}


def _shown(world: World, link: Record) -> Iterator[Record]:
    document = settings.present(world, world.apps[link["app_id"]])["document"]
    wanted = link["parameters"]
    return banks.show(
        world, document, wanted["product"], wanted["country_codes"], wanted["bank_ids"]
    )


def _look(document: Record, wanted: str) -> Record:
    """The look, the language and the texts of the settings of the moment of the opening."""
    offered, default = document["link.languages"], document["link.default_language"]
    language = wanted
    if not wanted or (offered and not _nearest(wanted, offered)):
        language = default or (offered[0] if offered else "")
    elif offered:
        language = _nearest(wanted, offered)
    texts = {one["language"]: one for one in document["link.texts"]}
    look = {name: document[f"link.appearance.{name}"] for name in ("light", "dark", "logo_uri")}
    return {
        "appearance": look if any(look.values()) else None,
        "language": language,
        "texts": texts.get(_nearest(language, list(texts))),
    }


def _nearest(wanted: str, offered: list[str]) -> str:
    """`pt-BR` finds `pt` if only that is offered, and `pt` never `pt-BR` (RFC 4647)."""
    while wanted and wanted not in offered:
        wanted = wanted.rpartition("-")[0]
    return wanted
