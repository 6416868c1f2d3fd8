"""The demo's chapter about one Link: opened, explained, changed under its feet, ended."""

from collections.abc import Sequence

from finlink.config import v1
from finlink_client.demo.cast import Cast, bare, once
from finlink_client.demo.stage import veil


def link_shows_what_the_customer_shaped(cast: Cast) -> None:
    """The settings of the moment decide, and Link says why."""
    cast.stage.chapter("Link shows what the customer shaped, and says why")
    _the_hidden_bank(cast)
    made = _a_token_for_two_banks(cast)
    opened = _open(cast, made)
    _a_bank_goes_down(cast, opened.link)
    _the_token_ends(cast, made.link_token, opened.link)


def set_status(cast: Cast, status: v1.BankStatus.ValueType) -> None:
    """Let the operator say how a bank works, and remember it until the bank works again."""
    word = bare(v1.BankStatus.Name(status), "BANK_STATUS_")
    cast.bank_is_down = True
    cast.stage.ask(
        cast.operator,
        cast.operator.admin.SetBankStatus,
        v1.SetBankStatusRequest(bank_id=cast.third_bank.id, status=status, comment="finlink demo"),
        asked=f"{cast.third_bank.id} {word}",
        told=lambda a: f"{a.bank.id} is {bare(v1.BankStatus.Name(a.bank.status), 'BANK_STATUS_')}",
        holds=lambda a: {word: a.bank.status == status},
    )
    cast.bank_is_down = status == v1.BANK_STATUS_DOWN


def _the_hidden_bank(cast: Cast) -> None:
    request = cast.link_token_request()
    request.parameters.bank_id = cast.hidden_bank.id
    cast.stage.expect_refusal(
        cast.server,
        cast.server.links.CreateLinkToken,
        request,
        asked=f"to begin with {cast.hidden_bank.id} again",
        reason="LINK_BANK_NOT_AVAILABLE",
        says=[cast.hidden_bank.id],
    )
    cast.stage.ask(
        cast.customer,
        cast.customer.links.ExplainLink,
        v1.ExplainLinkRequest(query=f"authToken={cast.older_token}"),
        asked=f"authToken={veil(cast.older_token)}, made before: would it open?",
        told=lambda a: (
            f"{bare(v1.LinkVerdict.Name(a.verdict), 'LINK_VERDICT_')}; {a.bank.bank_id}: "
            f"{bare(v1.BankVisibility.Name(a.bank.visibility), 'BANK_VISIBILITY_')}"
        ),
        holds=lambda a: {
            "a rejection": a.verdict == v1.LINK_VERDICT_REJECTED,
            "the hidden bank": a.bank.bank_id == cast.hidden_bank.id,
            "hidden by the settings": a.bank.visibility == v1.BANK_VISIBILITY_HIDDEN_BY_SETTINGS,
            "failed for the bank alone": [
                check.reason for check in a.checks if check.outcome != v1.CHECK_OUTCOME_PASSED
            ]
            == ["LINK_BANK_NOT_AVAILABLE"],
        },
        rows=lambda a: [_check(check) for check in a.checks],
    )


def _check(check: v1.LinkCheck) -> dict[str, str]:
    outcome = bare(v1.CheckOutcome.Name(check.outcome), "CHECK_OUTCOME_")
    return {"outcome": outcome, "check": check.name, "reason": check.reason}


def _a_token_for_two_banks(cast: Cast) -> v1.CreateLinkTokenResponse:
    request = cast.link_token_request()
    request.parameters.bank_ids.extend([cast.third_bank.id, cast.bank.id])
    request.parameters.language = "en-GB"
    return cast.stage.ask(
        cast.server,
        cast.server.links.CreateLinkToken,
        request,
        asked=f"in en-GB, only {cast.third_bank.id} and {cast.bank.id}",
        told=lambda a: f"{a.link_token.id}, auth token {veil(a.auth_token)}",
        holds=lambda a: {"these parameters": a.link_token.parameters == request.parameters},
    )


def _open(cast: Cast, made: v1.CreateLinkTokenResponse) -> v1.OpenLinkResponse:
    others = (f"entity={cast.hidden_bank.id}", "theme=DARK")
    return cast.stage.ask(
        cast.link,
        cast.link.links.OpenLink,
        v1.OpenLinkRequest(
            query="&".join((f"authToken={made.auth_token}", *others)), request_id=once()
        ),
        asked=f"authToken={veil(made.auth_token)}, and {' and '.join(others)}",
        told=lambda a: (
            f"opens in {a.link.language} with {' and '.join(_ids(a.banks))}, "
            f"ignores {' and '.join(a.link.ignored_parameters)}; {a.link.id}"
        ),
        holds=lambda a: {
            "an open Link": a.link.state == v1.LINK_STATE_OPEN,
            "the token's parameters": a.link.parameters == made.link_token.parameters,
            "the others ignored": list(a.link.ignored_parameters) == ["entity", "theme"],
            "these two banks, the pinned one first": [(b.bank.id, b.pinned) for b in a.banks]
            == [(cast.bank.id, True), (cast.third_bank.id, False)],
            "no more of them": not a.next_page_token,
            "the nearest language offered": a.link.language == "en",
            "the customer's colours": a.link.appearance == cast.settings.link.appearance,
        },
    )


def _a_bank_goes_down(cast: Cast, link: v1.Link) -> None:
    set_status(cast, v1.BANK_STATUS_DOWN)
    cast.stage.ask(
        cast.link,
        cast.link.links.ListLinkBanks,
        v1.ListLinkBanksRequest(link_id=link.id, query=cast.third_bank.id),
        asked=f"“{cast.third_bank.id}” in the open Link",
        told=lambda a: ", ".join(
            f"{b.bank.id} is shown, {bare(v1.BankStatus.Name(b.bank.status), 'BANK_STATUS_')}"
            for b in a.banks
        ),
        holds=lambda a: {
            "that bank alone": _ids(a.banks) == [cast.third_bank.id],
            "DOWN": [b.bank.status for b in a.banks] == [v1.BANK_STATUS_DOWN],
        },
    )
    set_status(cast, v1.BANK_STATUS_OPERATIONAL)


def _the_token_ends(cast: Cast, token: v1.LinkToken, link: v1.Link) -> None:
    cast.stage.ask(
        cast.server,
        cast.server.links.RevokeLinkToken,
        v1.RevokeLinkTokenRequest(link_token_id=token.id),
        asked=token.id,
        told=lambda a: f"revoked, and its open Link with it: {a.ended_links} ended",
        holds=lambda a: {
            "revoked": a.link_token.state == v1.LINK_TOKEN_STATE_REVOKED,
            "one Link ended": a.ended_links == 1,
        },
    )
    cast.stage.ask(
        cast.link,
        cast.link.links.GetLink,
        v1.GetLinkRequest(link_id=link.id),
        asked=link.id,
        told=lambda a: bare(v1.LinkState.Name(a.link.state), "LINK_STATE_"),
        holds=lambda a: {"REVOKED": a.link.state == v1.LINK_STATE_REVOKED},
    )


def _ids(banks: Sequence[v1.AppBank]) -> list[str]:
    return [b.bank.id for b in banks]
