"""Where histories play: one server for all of them, and two customers who have just moved in."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, multiple
from joserfc.errors import JoseError
from tests import people
from tests.clock import Clock
from tests.model import reference_access as access
from tests.model import reference_secrets as secret_rules
from tests.model import reference_sessions as sessions
from tests.model import verification
from tests.model.reference import SECOND, Moment, Record, World
from tests.model.talk import HOME, Talk
from tests.receiver import Request

ELSEWHERE, DESK = "203.0.113.7", "198.51.100.1"
OFFICE = "203.0.113.0/24"
WRONG = "not-the-password"
# Milliseconds into a second: each move of the clock ends a little further into one than the move
# before. So nothing ends, by whole seconds or after some hours, within a call.
_FIRST, _STEP = 250, 10

accounts, tokens, keys = Bundle("accounts"), Bundle("tokens"), Bundle("keys")
apps, secrets, sessions_ = Bundle("apps"), Bundle("secrets"), Bundle("sessions")
redirects, link_tokens, links = Bundle("redirects"), Bundle("link_tokens"), Bundle("links")
endpoints = Bundle("endpoints")
# Who calls: mostly somebody whose thing it is, often a stranger or one of the platform.
OWNER, SERVER, PLATFORM = "its owner", "its server", "the platform"
# (One strategy given several times counts once, so these are several.)
callers = st.one_of(
    *[st.sampled_from([OWNER] * number + [SERVER] * 2) for number in range(1, 9)],
    *(tokens, sessions_, keys),
)
owners = st.one_of(*[st.sampled_from([OWNER] * number) for number in range(1, 19)], callers)
services = st.one_of(*[st.sampled_from([PLATFORM] * number) for number in range(1, 5)], keys)
addresses = st.sampled_from([HOME, HOME, HOME, ELSEWHERE])
requests = st.sampled_from(["", "", *(str(uuid.UUID(int=number)) for number in (1, 2))])


@dataclass
class Stage:
    """The server, its catalogue, and an operator whose key nobody revokes."""

    clock: Clock
    operator: people.Caller
    receiver: str  # where webhooks arrive
    inbox: list[Request]  # what arrived there
    is_idle: Callable[[], bool]  # whether every event has been given to those who want it
    banks: dict[str, Any]  # of the catalogue, in its order
    left_banks: dict[str, Any]  # of which it has had
    histories: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)  # by method, of all calls

    def __post_init__(self) -> None:
        channel = self.operator.channel
        self.stubs = {name: stub(channel) for name, stub in people.STUBS.items()}
        *_, newest = self.operator.admin.ListServiceKeys(page_size=500).service_keys
        self.key, self.made = newest.id, newest.create_time.ToMicroseconds()

    def new_world(self) -> World:
        """Everything as it is before anybody moves in."""
        root = {
            "id": self.key,
            "key": self.operator.credential,
            "display_name": "tests",
            "hint": self.operator.credential[-4:],
            "roles": ["OPERATOR"],
            "event_prefixes": [],
            "create_time": self.made,
            "revoke_time": None,
        }
        (known,) = self.operator.sessions.ListSigningKeys().keys
        created = known.create_time.ToMicroseconds()
        keys = {kind: _old_key("", 0) for kind in ("ACCOUNT", "LINK")}
        keys["SESSION"] = _old_key(known.kid, created)
        return World(
            service_keys={self.key: root},
            signing_keys={kind: [key] for kind, key in keys.items()},
            banks=dict(self.banks),
            left_banks=dict(self.left_banks),
            names={self.key: "the operator"},
        )


def read_catalogue(operator: people.Caller) -> dict[str, Any]:
    """Every bank by its id, in the order of the catalogue."""
    banks: dict[str, Any] = {}
    page = ""
    while not banks or page:
        answer = operator.settings.ListBanks(page_size=500, page_token=page)
        banks |= {bank.id: bank for bank in answer.banks}
        page = answer.next_page_token
    return banks


def _old_key(kid: str, create_time: int) -> Record:
    then = Moment(create_time, create_time)
    return {"kid": kid, "sign_from_time": then, "create_time": then, "revoke_time": None}


class Acts(RuleBasedStateMachine):
    """What every rule needs: the model, the talk with the server, and who calls."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage, self.clock = stage, stage.clock
        self.moves = 0
        self.days = 0.0
        self.clock.advance(hours=2)  # the keys of the history before are out of use
        self.go_on(60)
        self.begun, self.begun_at = self.clock(), len(stage.inbox)
        self.world = stage.new_world()
        self.talk = Talk(stage.stubs, stage.clock, self.world, stage.outcomes)
        self.repeatable: list[tuple[str, str, str, Record]] = []
        for name, environment in (("Ana", 1), ("Ben", 2)):
            self.move_in(name, environment)
        for role in ("OPERATOR", "VERIFIER", "LINK", "PUBLISHER"):
            self.new_service(role)

    def ask(self, who: str, method: str, address: str = HOME, /, **fields: Any) -> Any:
        """Call as somebody, by the id of a credential; empty: as nobody."""
        if fields.get("request_id"):
            self.repeatable.append((who, method, address, fields))
        name = self.world.names.get(who, who) or "somebody"
        said = self.talk.ask(method, self.credential(who), address, name, **fields)
        if method == "StartSession" and said:
            self.verify(said.access_token)
        return said

    def verify(self, token: str) -> None:
        """See that a new session token is good to those who know the published keys only."""
        published = self.talk.ask("ListSigningKeys")
        self.talk.history.pop()
        try:
            verification.check(token, published.jwks_json, self.world.now)
        except (JoseError, AssertionError) as error:
            self.talk.disagree(f"a new token is not good: {error!r}")

    def root(self, method: str, /, **fields: Any) -> Any:
        """Call as the operator whose key nobody revokes."""
        return self.ask(self.stage.key, method, **fields)

    def by(self, caller: str, app_id: str, method: str, /, **fields: Any) -> Any:
        """Call as somebody, or as the owner or a server of an app."""
        if caller == OWNER:
            caller = self.owner_of(self.world.apps[app_id]["account_id"])
        elif caller == SERVER:
            caller = self.server_of(app_id)
        return self.ask(caller, method, **fields)

    def service(self, caller: str, role: str, method: str, /, **fields: Any) -> Any:
        """Call as some service, or as one that has a role: a new one if none is left."""
        if caller == PLATFORM:
            mine = [one for one in self.world.service_keys.values() if one["roles"] == [role]]
            living = [one["id"] for one in mine if one["revoke_time"] is None]
            living = [one for one in living if one != self.stage.key]
            caller = living[-1] if living else self.new_service(role)
        return self.ask(caller, method, **fields)

    def new_service(self, role: str) -> str:
        number = ("OPERATOR", "VERIFIER", "LINK", "PUBLISHER").index(role) + 1
        prefixes = ["connection."] if role == "PUBLISHER" else []
        fields = {"display_name": "service", "roles": [number], "event_prefixes": prefixes}
        return str(self.root("CreateServiceKey", **fields).service_key.id)

    def owner_of(self, account_id: str) -> str:
        """An account token of an account: signed in anew if the last one is dead."""
        mine = [t for t in self.world.account_tokens.values() if t["account_id"] == account_id]
        living = [token["id"] for token in mine if access.is_live(self.world, token)]
        account = self.world.accounts[account_id]
        if not living and not account["password"] and account["setup_token"]:
            token, password = account["setup_token"], f"{account['display_name']}'s new one"
            self.ask("", "SetPassword", setup_token=token, new_password=password)
        if not living and account["password"]:
            said = self.sign_in(account_id, account["password"], DESK)
            living = [list(self.world.account_tokens)[-1]] if said else []
        return str(living[-1] if living else mine[-1]["id"])

    def server_of(self, app_id: str) -> str:
        """A session of an app: a new one if none is active and a secret is there."""
        mine = [s for s in self.world.sessions.values() if s["app_id"] == app_id]
        active = [one["id"] for one in mine if not sessions.why_inactive(self.world, one)]
        good = [s for s in secret_rules.living(self.world, app_id) if not s["allowed_cidrs"]]
        if not active and good:
            said = self.log_in(good[-1]["id"])
            active = [said.session.id] if said else []
        everybody = list(self.world.sessions)
        return str((active or [one["id"] for one in mine] or everybody)[-1])

    def sign_in(self, account_id: str, password: str, address: str = HOME) -> Any:
        email = self.world.accounts[account_id]["email"]
        return self.ask("", "SignIn", address, email=email, password=password)

    def log_in(self, secret_id: str, address: str = HOME, /, **fields: Any) -> Any:
        secret = self.world.secrets[secret_id]
        asked = {"client_id": secret["app_id"], "client_secret": secret["client_secret"]}
        return self.ask("", "StartSession", address, **(asked | fields))

    def password_of(self, account_id: str) -> str:
        return self.world.accounts[account_id]["password"] or WRONG

    def credential(self, who: str) -> str:
        """The credential with an id."""
        for things, name in (
            (self.world.account_tokens, "token"),
            (self.world.sessions, "token"),
            (self.world.service_keys, "key"),
        ):
            if who in things:
                return str(things[who][name])
        texts = self.world.link_tokens.get(who, {}).get("texts", {})
        return next(iter(texts), "")

    def etag(self, which: str, present: str) -> str:
        """No etag, the present one, or one that something else or earlier had."""
        others = sorted(self.world.etags - {present})
        return {"none": "", "present": present, "other": (others or [""])[0]}[which]

    def go_on(self, seconds: int) -> None:
        """Move the clock, to a later place within a second than ever before."""
        self.moves += 1
        self.days += seconds / 86_400
        within = (_FIRST + _STEP * self.moves) / 1000
        self.clock.advance_to(self.clock() // SECOND + seconds + within)

    def move_in(self, name: str, environment: int) -> None:
        """Make a customer with an app, a redirect, a secret, a session, a token and an endpoint."""
        email = f"{name.lower()}-{uuid.uuid4().hex[:12]}@example.com"
        made = self.root("CreateAccount", email=email, display_name=name)
        self.world.names[made.account.id] = name
        self.ask("", "SetPassword", setup_token=made.setup_token, new_password=f"{name}'s password")
        owner = self.owner_of_new(made.account.id)
        names = {"display_name": f"{name}'s app", "public_name": name}
        app_id = self.ask(owner, "CreateApp", environment=environment, **names).app.id
        redirect = {"display_name": "Shop", "uri": "https://shop.example/back"}
        settings = {"app_id": app_id, "link": {"redirects": [redirect]}}
        settings["banks"] = {"country_codes": ["AQ"]}
        paths = {"paths": ["link.redirects", "banks.country_codes"]}
        said = self.ask(owner, "UpdateSettings", settings=settings, update_mask=paths)
        secret = self.ask(owner, "CreateSecret", app_id=app_id, display_name="backend").secret
        session = self.log_in(secret.id).session
        parameters = {"redirect_id": said.settings.link.redirects[0].id, "product": 1}
        self.ask(session.id, "CreateLinkToken", parameters=parameters)
        event_types = ["connection.*", "secret.rotated", "session.*", "link.*"]
        uri = f"{self.stage.receiver}/{name}"
        self.ask(session.id, "CreateEndpoint", uri=uri, event_types=event_types)

    def owner_of_new(self, account_id: str) -> str:
        self.sign_in(account_id, self.world.accounts[account_id]["password"])
        return list(self.world.account_tokens)[-1]

    def new(self, made: Any) -> Any:
        """What a rule puts into its bundle: what was made, if anything was."""
        return made or multiple()

    def new_token(self, said: Any) -> Any:
        return self.new(said and list(self.world.account_tokens)[-1])
