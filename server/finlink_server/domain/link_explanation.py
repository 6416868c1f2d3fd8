"""What ExplainLink tells beside the decision itself."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from finlink_server.domain import bank_list, languages, link_decision
from finlink_server.domain.bank_list import Visibility
from finlink_server.domain.link_decision import Decision


@dataclass(frozen=True)
class Explanation:
    """Where each parameter came from, and whether a bank shows (None: nobody asked)."""

    sources: Sequence[tuple[str, str]]
    bank_id: str
    visibility: Visibility | None


def of(decision: Decision, bank_id: str) -> Explanation:
    """Explain a decision; an empty bank_id means the bank that the Link names."""
    known = decision.parameters if decision.app else None
    asked = bank_id or (known.bank_id if known else "")
    visibility = None
    if asked and known and decision.settings:
        view = link_decision.view_of(decision.settings, known)
        visibility = bank_list.visibility(decision.catalogue, view, asked)
    return Explanation(_sources(decision), asked, visibility)


def _sources(decision: Decision) -> list[tuple[str, str]]:
    parameters = decision.parameters
    if parameters is None or decision.app is None or decision.settings is None:
        return []
    origin = "AUTH_TOKEN" if decision.token else "URL"
    found = [
        (field.name, origin) for field in fields(parameters) if getattr(parameters, field.name)
    ]
    look = decision.settings.document.link
    spoken = languages.choose(parameters.language, look.languages, look.default_language)
    if spoken and spoken != parameters.language:
        found = [(name, came) for name, came in found if name != "language"]
        found.append(("language", "SETTINGS"))
    return found
