"""LinkService."""

from functools import lru_cache

from finlink.config import v1
from finlink_server.domain import link_explanation, link_tokens, links
from finlink_server.domain.banks import Bank
from finlink_server.domain.caller import Caller
from finlink_server.env import Env
from finlink_server.services import convert, convert_link, convert_settings

_DEFAULT_TTL = 30 * 60  # seconds


@lru_cache(maxsize=128)
def _first_banks(shown: tuple[Bank, ...], pinned: frozenset[str]) -> bytes:
    packed = v1.OpenLinkResponse(banks=convert_settings.app_banks(shown, pinned))
    return packed.SerializeToString()


class LinkService:
    """Decides which Link instances may open, and with what."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def CreateLinkToken(
        self, request: v1.CreateLinkTokenRequest, caller: Caller
    ) -> v1.CreateLinkTokenResponse:
        created = link_tokens.create(
            self.env,
            caller,
            request.app_id,
            convert_link.parameters(request.parameters),
            convert.seconds(request, "ttl", _DEFAULT_TTL),
            request.max_opens or 1,
            convert.once(request),
        )
        return v1.CreateLinkTokenResponse(
            auth_token=created.auth_token,
            link_token=convert_link.link_token(self.env, created),
        )

    def GetLinkToken(
        self, request: v1.GetLinkTokenRequest, caller: Caller
    ) -> v1.GetLinkTokenResponse:
        stored = link_tokens.get(self.env, caller, request.link_token_id)
        return v1.GetLinkTokenResponse(link_token=convert_link.link_token(self.env, stored))

    def ListLinkTokens(
        self, request: v1.ListLinkTokensRequest, caller: Caller
    ) -> v1.ListLinkTokensResponse:
        page = link_tokens.page(
            self.env,
            caller,
            request.app_id,
            convert.word(v1.LinkTokenState, "LINK_TOKEN_STATE", request.state),
            request.page_size,
            request.page_token,
        )
        return v1.ListLinkTokensResponse(
            link_tokens=[convert_link.link_token(self.env, stored) for stored in page.rows],
            next_page_token=page.next_token,
        )

    def RevokeLinkToken(
        self, request: v1.RevokeLinkTokenRequest, caller: Caller
    ) -> v1.RevokeLinkTokenResponse:
        stored, ended = link_tokens.revoke(self.env, caller, request.link_token_id)
        return v1.RevokeLinkTokenResponse(
            link_token=convert_link.link_token(self.env, stored), ended_links=ended
        )

    def OpenLink(self, request: v1.OpenLinkRequest, caller: Caller) -> bytes:
        opened = links.open_link(self.env, caller, request.query, convert.once(request))
        first = links.first_banks(self.env, caller, opened)
        answer = v1.OpenLinkResponse(
            link=convert_link.link(self.env, opened), next_page_token=first.next_token
        )
        # Messages that follow each other are one (protobuf's encoding), and the banks are
        # the same for most.
        return answer.SerializeToString() + _first_banks(tuple(first.banks), first.pinned)

    def ExplainLink(self, request: v1.ExplainLinkRequest, caller: Caller) -> v1.ExplainLinkResponse:
        decision = links.explain(self.env, caller, request.query)
        explanation = link_explanation.of(decision, request.bank_id)
        return convert_link.explanation(decision, explanation)

    def GetLink(self, request: v1.GetLinkRequest, caller: Caller) -> v1.GetLinkResponse:
        opened = links.get(self.env, caller, request.link_id)
        return v1.GetLinkResponse(link=convert_link.link(self.env, opened))

    def ListLinks(self, request: v1.ListLinksRequest, caller: Caller) -> v1.ListLinksResponse:
        page = links.page(self.env, caller, request.app_id, request.page_size, request.page_token)
        return v1.ListLinksResponse(
            links=[convert_link.link(self.env, opened) for opened in page.rows],
            next_page_token=page.next_token,
        )

    def ListLinkBanks(
        self, request: v1.ListLinkBanksRequest, caller: Caller
    ) -> v1.ListLinkBanksResponse:
        page = links.banks_of(
            self.env,
            caller,
            request.link_id,
            request.query,
            request.page_size,
            request.page_token,
        )
        return v1.ListLinkBanksResponse(
            banks=convert_settings.app_banks(page.banks, page.pinned),
            next_page_token=page.next_token,
        )
