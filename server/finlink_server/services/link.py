"""LinkService."""

from finlink.config import v1
from finlink_server.domain import link_tokens, links
from finlink_server.domain.caller import Caller
from finlink_server.env import Env
from finlink_server.services import convert

_DEFAULT_TTL = 30 * 60  # seconds


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
            convert.parameters(request.parameters),
            convert.seconds(request, "ttl", _DEFAULT_TTL),
            request.max_opens or 1,
            convert.once(request),
        )
        return v1.CreateLinkTokenResponse(
            auth_token=created.auth_token, link_token=convert.link_token(self.env, created)
        )

    def OpenLink(self, request: v1.OpenLinkRequest, caller: Caller) -> v1.OpenLinkResponse:
        opened = links.open_link(self.env, caller, request.query, convert.once(request))
        return v1.OpenLinkResponse(link=convert.link(self.env, opened))
