"""The attributes of the clients.

Made by protos/generate.py: do not edit.
"""

from finlink_client.async_calls import AsyncCalls
from finlink_client.calls import Calls
from finlink_client.resources.accounts import AsyncAccounts, Accounts
from finlink_client.resources.apps import AsyncApps, Apps
from finlink_client.resources.audit import AsyncAudit, Audit
from finlink_client.resources.banks import AsyncBanks, Banks
from finlink_client.resources.deliveries import AsyncDeliveries, Deliveries
from finlink_client.resources.endpoints import AsyncEndpoints, Endpoints
from finlink_client.resources.events import AsyncEvents, Events
from finlink_client.resources.link_tokens import AsyncLinkTokens, LinkTokens
from finlink_client.resources.links import AsyncLinks, Links
from finlink_client.resources.secrets import AsyncSecrets, Secrets
from finlink_client.resources.service_keys import AsyncServiceKeys, ServiceKeys
from finlink_client.resources.sessions import AsyncSessions, Sessions
from finlink_client.resources.settings import AsyncSettings, Settings
from finlink_client.resources.signing_keys import AsyncSigningKeys, SigningKeys


class Resources:
    """Every RPC, as a method of the attribute that it is about."""

    def __init__(self, calls: Calls) -> None:
        self.accounts = Accounts(calls)
        self.apps = Apps(calls)
        self.audit = Audit(calls)
        self.banks = Banks(calls)
        self.deliveries = Deliveries(calls)
        self.endpoints = Endpoints(calls)
        self.events = Events(calls)
        self.link_tokens = LinkTokens(calls)
        self.links = Links(calls)
        self.secrets = Secrets(calls)
        self.service_keys = ServiceKeys(calls)
        self.sessions = Sessions(calls)
        self.settings = Settings(calls)
        self.signing_keys = SigningKeys(calls)


class AsyncResources:
    """Every RPC, as a method of the attribute that it is about."""

    def __init__(self, calls: AsyncCalls) -> None:
        self.accounts = AsyncAccounts(calls)
        self.apps = AsyncApps(calls)
        self.audit = AsyncAudit(calls)
        self.banks = AsyncBanks(calls)
        self.deliveries = AsyncDeliveries(calls)
        self.endpoints = AsyncEndpoints(calls)
        self.events = AsyncEvents(calls)
        self.link_tokens = AsyncLinkTokens(calls)
        self.links = AsyncLinks(calls)
        self.secrets = AsyncSecrets(calls)
        self.service_keys = AsyncServiceKeys(calls)
        self.sessions = AsyncSessions(calls)
        self.settings = AsyncSettings(calls)
        self.signing_keys = AsyncSigningKeys(calls)
