"""The beginning of the main story: a customer, an app, its secrets and sessions."""

from __future__ import annotations

import os
import uuid
from typing import Any

from grpclib import Status
from tests.grpclib_story.connection import Caller, Connection, done
from tests.receiver import Receiver


class Beginning:
    """Who plays in it, and what they have got so far."""

    def __init__(self, connection: Connection, receiver: Receiver) -> None:
        self.receiver = receiver
        self.caller = connection.caller
        self.refused = connection.refused
        self.nobody = connection.caller()
        self.operator = connection.caller(os.environ["OPERATOR_KEY"])
        self.email, self.password = f"{uuid.uuid4()}@example.com", str(uuid.uuid4())
        self.ana = self.backend = self.nobody  # until they have signed in

    async def begin(self) -> None:
        self.verifier, self.link_front_end, self.publisher = [
            await self.service(role) for role in ("VERIFIER", "LINK", "PUBLISHER")
        ]
        await self.account()
        await self.guesses()
        await self.app_and_secrets()
        await self.sessions()
        await self.scopes()

    async def service(self, role: str) -> Caller:
        prefixes = ["connection."] if role == "PUBLISHER" else []
        made = await self.operator.admin.CreateServiceKey(
            display_name=role, roles=[f"ROLE_{role}"], event_prefixes=prefixes
        )
        return self.caller(made.key)

    async def account(self) -> None:
        creation = {"email": self.email, "display_name": "Ana", "request_id": str(uuid.uuid4())}
        created = await self.operator.admin.CreateAccount(**creation)
        with self.refused(Status.ALREADY_EXISTS, "ACCOUNT_ALREADY_EXISTS") as again:
            await self.operator.admin.CreateAccount(**creation)
        assert again.facts == {"account_id": created.account.id}
        done("an operator makes an account, once however often the request comes")

        await self.nobody.account.SetPassword(
            setup_token=created.setup_token, new_password=self.password
        )
        with self.refused(Status.UNAUTHENTICATED, "SIGN_IN_FAILED"):
            await self.nobody.account.SignIn(email=self.email, password="not the password")
        signed_in = await self.nobody.account.SignIn(email=self.email, password=self.password)
        self.ana = self.caller(signed_in.account_token)
        done("its owner sets a password, and signs in")

    async def guesses(self) -> None:
        guess = {"email": f"{uuid.uuid4()}@example.com", "password": "not the password"}
        for _ in range(4):
            with self.refused(Status.UNAUTHENTICATED, "SIGN_IN_FAILED"):
                await self.nobody.account.SignIn(**guess)
        with self.refused(Status.RESOURCE_EXHAUSTED, "RATE_LIMITED") as limit:
            await self.nobody.account.SignIn(**guess)
        assert 0 < limit.wait <= 2  # seconds
        done("who guesses passwords is told how long to wait")

    async def app_and_secrets(self) -> None:
        asked = {
            "display_name": "Shop (internal)",
            "public_name": "Shop",
            "environment": "ENVIRONMENT_SANDBOX",
            "request_id": str(uuid.uuid4()),
        }
        self.app = (await self.ana.account.CreateApp(**asked)).app
        assert (await self.ana.account.CreateApp(**asked)).app == self.app
        with self.refused(Status.INVALID_ARGUMENT, "REQUEST_ID_REUSED") as reused:
            await self.ana.account.CreateApp(**asked | {"public_name": "Another"})
        assert reused.fields == ["request_id"]
        done("the owner makes an app, once however often the request comes")

        self.made, self.of_reader, *_, self.leaked = [
            await self.ana.secret.CreateSecret(app_id=self.app.id, display_name=name)
            for name in ("one", "two", "three", "four", "five")
        ]
        with self.refused(Status.FAILED_PRECONDITION, "SECRET_LIMIT_REACHED") as limit:
            await self.ana.secret.CreateSecret(app_id=self.app.id, display_name="six")
        assert limit.facts == {"app_id": self.app.id, "limit": "5"}
        done("the app has five live secrets, and the sixth is refused")

    async def sessions(self) -> None:
        login = {"client_id": self.app.id, "client_secret": self.made.client_secret}
        self.older = await self.nobody.session.StartSession(**login)
        assert await self.why_inactive(self.older) == "UNSPECIFIED"

        self.started = await self.nobody.session.StartSession(**login)
        assert self.started.superseded_session_id == self.older.session.id
        assert await self.why_inactive(self.older) == "SUPERSEDED"
        assert await self.why_inactive(self.started) == "UNSPECIFIED"
        self.backend = self.caller(self.started.access_token)
        done("a second session ends the first")

    async def scopes(self) -> None:
        self.reading = await self.nobody.session.StartSession(
            client_id=self.app.id, client_secret=self.of_reader.client_secret, scopes=["read"]
        )
        lacking = await self.verifier.session.ValidateSession(
            access_token=self.reading.access_token, required_scopes=["read", "write", "delete"]
        )
        assert list(self.reading.session.scopes) == ["read"]
        assert lacking.active
        assert list(lacking.missing_scopes) == ["write", "delete"]
        self.reader = self.caller(self.reading.access_token)
        with self.refused(Status.PERMISSION_DENIED, "SCOPE_MISSING") as narrow:
            await self.reader.link.CreateLinkToken(parameters={})
        assert narrow.facts["scope"] == "write"
        done("a session that was given less is told what it lacks")

    async def why_inactive(self, started: Any) -> str:
        answer = await self.verifier.session.ValidateSession(
            access_token=started.access_token, required_scopes=["read"]
        )
        assert list(answer.missing_scopes) == []
        field = answer.DESCRIPTOR.fields_by_name["inactive_reason"]
        name = str(field.enum_type.values_by_number[answer.inactive_reason].name)
        reason = name.removeprefix("INACTIVE_REASON_")
        assert answer.active == (reason == "UNSPECIFIED")
        return reason
