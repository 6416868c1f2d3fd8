"""Link, between the domain's words and the protos' messages."""

from finlink.config import v1
from finlink_server.domain import link_tokens, links
from finlink_server.domain.document import Appearance
from finlink_server.domain.link_decision import Decision, Step
from finlink_server.domain.link_explanation import Explanation
from finlink_server.domain.link_parameters import Parameters
from finlink_server.env import Env
from finlink_server.services.convert import enum, time, word
from finlink_server.services.convert_settings import appearance, texts


def parameters(message: v1.LinkParameters) -> Parameters:
    """Unpack Link parameters."""
    return Parameters(
        redirect_id=message.redirect_id,
        product=word(v1.Product, "PRODUCT", message.product),
        subproduct=word(v1.Subproduct, "SUBPRODUCT", message.subproduct),
        external_id=message.external_id,
        bank_id=message.bank_id,
        theme=word(v1.Theme, "THEME", message.theme),
        language=message.language,
        country_codes=tuple(message.country_codes),
        update_token=message.update_token,
        restore_token=message.restore_token,
        desired_owners=tuple(message.desired_owners),
        bank_ids=tuple(message.bank_ids),
    )


def link_parameters(of: Parameters) -> v1.LinkParameters:
    """Pack Link parameters."""
    return v1.LinkParameters(
        redirect_id=of.redirect_id,
        product=enum(v1.Product, "PRODUCT", of.product),
        subproduct=enum(v1.Subproduct, "SUBPRODUCT", of.subproduct),
        external_id=of.external_id,
        bank_id=of.bank_id,
        theme=enum(v1.Theme, "THEME", of.theme),
        language=of.language,
        country_codes=of.country_codes,
        update_token=of.update_token,
        restore_token=of.restore_token,
        desired_owners=of.desired_owners,
        bank_ids=of.bank_ids,
    )


def link_token(env: Env, stored: link_tokens.Stored) -> v1.LinkToken:
    """Pack a Link token."""
    row = stored.row
    return v1.LinkToken(
        id=row.id,
        app_id=row.app_id,
        parameters=link_parameters(stored.parameters),
        state=enum(v1.LinkTokenState, "LINK_TOKEN_STATE", link_tokens.state(env, row)),
        max_opens=row.max_opens,
        opens=row.opens,
        create_time=time(row.create_time),
        expire_time=time(row.expire_time),
        revoke_time=time(row.revoke_time),
    )


def link(env: Env, opened: links.Opened) -> v1.Link:
    """Pack a Link."""
    row = opened.link
    return v1.Link(
        id=row.id,
        app_id=row.app_id,
        public_name=opened.app.public_name,
        state=enum(v1.LinkState, "LINK_STATE", links.state(env, row)),
        source=v1.LINK_SOURCE_AUTH_TOKEN if row.link_token_id else v1.LINK_SOURCE_URL,
        parameters=link_parameters(opened.parameters),
        ignored_parameters=opened.ignored,
        redirect_uri=row.redirect_uri,
        link_token_id=row.link_token_id or "",
        appearance=appearance(opened.appearance) if opened.appearance != Appearance() else None,
        texts=texts(opened.texts) if opened.texts else None,
        create_time=time(row.create_time),
        expire_time=time(row.expire_time),
        language=opened.language,
    )


def explanation(decision: Decision, of: Explanation) -> v1.ExplainLinkResponse:
    """Pack what OpenLink would decide, and why."""
    known = decision.parameters if decision.app else None
    return v1.ExplainLinkResponse(
        verdict=v1.LINK_VERDICT_REJECTED if decision.refusal else v1.LINK_VERDICT_ACCEPTED,
        checks=[_check(step) for step in decision.steps],
        app_id=decision.app.id if decision.app else "",
        parameters=link_parameters(known) if known else None,
        sources=[
            v1.ParameterSource(
                parameter=name, origin=enum(v1.ParameterOrigin, "PARAMETER_ORIGIN", origin)
            )
            for name, origin in of.sources
        ],
        ignored_parameters=decision.ignored,
        bank=v1.BankExplanation(
            bank_id=of.bank_id,
            visibility=enum(v1.BankVisibility, "BANK_VISIBILITY", of.visibility.name),
        )
        if of.visibility
        else None,
    )


def _check(step: Step) -> v1.LinkCheck:
    outcome = "FAILED" if step.refusal else ("PASSED" if step.reached else "NOT_REACHED")
    return v1.LinkCheck(
        name=step.name,
        outcome=enum(v1.CheckOutcome, "CHECK_OUTCOME", outcome),
        reason=step.refusal.reason if step.refusal else "",
        message=step.refusal.message() if step.refusal else "",
    )
