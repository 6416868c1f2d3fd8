"""Client secrets as they stand: live or ended, by a call or by time."""

import ipaddress
import json
from collections.abc import Sequence
from functools import lru_cache

from peewee import Expression

from finlink_server.config_values import Network
from finlink_server.domain.etags import revision_etag
from finlink_server.env import Env
from finlink_server.storage.models import Secret


def state(env: Env, secret: Secret) -> str:
    """What state a secret is in: the name of a SecretState."""
    if secret.revoke_time is not None:
        return "REVOKED"
    if secret.expire_time is not None and secret.expire_time <= env.now():
        return "EXPIRED"
    return "RETIRING" if secret.replaced_by else "ACTIVE"


def end_reason(env: Env, secret: Secret) -> str:
    """Why a secret ended, ends by time included; empty while it is live."""
    if secret.revoke_time is not None:
        return str(secret.end_reason)
    if state(env, secret) != "EXPIRED":
        return ""
    return "ROTATED" if secret.end_reason == "ROTATED" else "EXPIRED"


def etag(secret: Secret) -> str:
    """The etag of a secret's display_name and allowed_cidrs."""
    return revision_etag(secret.id, secret.revision)


def count_live(env: Env, app_id: str) -> int:
    """How many live secrets an app has, retiring ones included."""
    count: int = Secret.select().where((Secret.app == app_id) & live(env)).count()
    return count


def cidrs(secret: Secret) -> list[str]:
    """The CIDR blocks from which a secret may be used; none: anywhere."""
    blocks: list[str] = json.loads(secret.allowed_cidrs)
    return blocks


def live(env: Env) -> Expression:
    """The condition that a secret is live, retiring ones included."""
    return Secret.revoke_time.is_null() & (
        Secret.expire_time.is_null() | (Secret.expire_time > env.now())
    )


@lru_cache(1024)
def networks(allowed_cidrs: str) -> tuple[Network, ...]:
    """The CIDR blocks as they are stored, to compare addresses with."""
    return tuple(ipaddress.ip_network(block) for block in json.loads(allowed_cidrs))


def allows(allowed: Sequence[Network], address: str) -> bool:
    """Whether a client address is in one of these networks; without any, each is."""
    if not allowed:
        return True
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # a peer without an IP address
        return False
    return any(ip in network for network in allowed)


def hash_place(secret_id: str) -> str:
    """Where a secret's hash is sealed for."""
    return f"secret.hash:{secret_id}"
