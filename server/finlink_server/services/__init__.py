"""One file per service of the protos: unpack, call the domain, pack. Nothing decides here."""

from finlink_server.calls import Behaviour
from finlink_server.env import Env
from finlink_server.services.account import AccountService
from finlink_server.services.admin import AdminService
from finlink_server.services.link import LinkService
from finlink_server.services.secret import SecretService
from finlink_server.services.session import SessionService
from finlink_server.services.settings import SettingsService
from finlink_server.services.webhook import WebhookService

SERVICES = {
    "AccountService": AccountService,
    "AdminService": AdminService,
    "SecretService": SecretService,
    "SessionService": SessionService,
    "LinkService": LinkService,
    "SettingsService": SettingsService,
    "WebhookService": WebhookService,
}


def behaviours(env: Env) -> dict[str, dict[str, Behaviour]]:
    """Every method of every service, by the service's and the method's name."""
    return {
        name: {
            method: getattr(servicer, method)
            for method in dir(servicer)
            if method[0].isupper() and callable(getattr(servicer, method))
        }
        for name, servicer in ((name, make(env)) for name, make in SERVICES.items())
    }
