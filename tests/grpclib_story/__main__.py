"""The main story, as somebody tells it who has the protos and no code of ours, nor grpcio's."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import standardwebhooks
from grpclib import GRPCError, Status
from tests.grpclib_story.connection import Caller, Connection
from tests.receiver import Receiver

PAYLOAD = json.dumps({"connection_id": "con_42", "bank": "Crédit 🏦"})


def done(title: str) -> None:
    """Say what went as told: the test reads these lines."""
    print(title, flush=True)  # noqa: T201 - that is how


class Story:
    """Who plays in it, and what they have got so far."""

    def __init__(self, connection: Connection, receiver: Receiver) -> None:
        self.receiver = receiver
        self.caller = connection.caller
        self.refused = connection.refused
        self.nobody = connection.caller()
        self.operator = connection.caller(os.environ["OPERATOR_KEY"])
        self.email, self.password = f"{uuid.uuid4()}@example.com", str(uuid.uuid4())
        self.ana = self.backend = self.nobody  # until they have signed in

    async def play(self) -> None:
        self.verifier, self.link_front_end, self.publisher = [
            await self.service(role) for role in ("VERIFIER", "LINK", "PUBLISHER")
        ]
        await self.account()
        await self.app_and_secrets()
        await self.sessions()
        await self.settings()
        await self.link()
        await self.webhooks()
        await self.deadline()

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

        self.made, *_ = [
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

    async def why_inactive(self, started: Any) -> str:
        answer = await self.verifier.session.ValidateSession(
            access_token=started.access_token, required_scopes=["read"]
        )
        field = answer.DESCRIPTOR.fields_by_name["inactive_reason"]
        name = str(field.enum_type.values_by_number[answer.inactive_reason].name)
        reason = name.removeprefix("INACTIVE_REASON_")
        assert answer.active == (reason == "UNSPECIFIED")
        return reason

    async def settings(self) -> None:
        first = (await self.ana.settings.GetSettings(app_id=self.app.id)).settings
        redirect = {"display_name": "Shop", "uri": "https://shop.example/back"}
        force = {
            "settings": {
                "app_id": self.app.id,
                "etag": first.etag,
                "link": {"force_auth_token": True, "redirects": [redirect]},
            },
            "update_mask": {"paths": ["link.force_auth_token", "link.redirects"]},
        }
        updated = (await self.ana.settings.UpdateSettings(**force)).settings
        assert (first.version, updated.version) == (1, 2)
        with self.refused(Status.ABORTED, "ETAG_MISMATCH") as conflict:
            await self.ana.settings.UpdateSettings(**force)
        assert conflict.facts == {"etag": updated.etag}
        with self.refused(Status.PERMISSION_DENIED, "ACCOUNT_TOKEN_REQUIRED"):
            await self.backend.settings.UpdateSettings(**force)
        self.redirect_id = updated.link.redirects[0].id

        version = 2**53 + 1  # no double is this number
        with self.refused(Status.NOT_FOUND, "SETTINGS_VERSION_NOT_FOUND") as missing:
            await self.ana.settings.GetSettings(app_id=self.app.id, version=version)
        assert missing.facts["version"] == str(version)
        done("of two writers with one etag the second is told, and 64 bits stay whole")

        found = await self.backend.settings.ListBanks(query="santander", country_codes=["ES"])
        chosen = {"mode": "BANK_LIST_MODE_ONLY", "bank_ids": [found.banks[0].id]}
        await self.ana.settings.UpdateSettings(
            settings={"app_id": self.app.id, "banks": chosen}, update_mask={"paths": ["banks"]}
        )
        own = await self.backend.settings.ListAppBanks(app_id=self.app.id)
        assert [one.bank for one in own.banks] == [found.banks[0]]
        done("the app shows the banks that it chose")

    async def link(self) -> None:
        bare = f"id={self.redirect_id}&product=TRANSACTIONS"
        with self.refused(Status.FAILED_PRECONDITION, "LINK_AUTH_TOKEN_REQUIRED"):
            await self.link_front_end.link.OpenLink(query=bare)

        parameters = {
            "redirect_id": self.redirect_id,
            "product": "PRODUCT_TRANSACTIONS",
            "external_id": "order 42",
        }
        made = await self.backend.link.CreateLinkToken(
            parameters=parameters, ttl=timedelta(minutes=5)
        )
        seconds = made.link_token.expire_time.seconds - made.link_token.create_time.seconds
        assert seconds == timedelta(minutes=5).seconds
        opening = {
            "query": f"authToken={made.auth_token}&product=INVESTMENTS",
            "request_id": str(uuid.uuid4()),
        }
        link = (await self.link_front_end.link.OpenLink(**opening)).link
        assert link.parameters == made.link_token.parameters
        assert list(link.ignored_parameters) == ["product"]
        assert (await self.link_front_end.link.OpenLink(**opening)).link.id == link.id
        with self.refused(Status.FAILED_PRECONDITION, "LINK_TOKEN_USED_UP"):
            await self.link_front_end.link.OpenLink(query=opening["query"])
        done("Link opens with an auth token only, with what was stored in it, once")

    async def webhooks(self) -> None:
        made = await self.ana.webhook.CreateEndpoint(
            app_id=self.app.id,
            uri=self.receiver.uri(host="127.0.0.1"),
            event_types=["connection.*", "secret.revoked"],
        )
        published = await self.publisher.webhook.PublishEvent(
            app_id=self.app.id, event_id="con-42", type="connection.ready", payload_json=PAYLOAD
        )
        event = await self.arrived(made.signing_secret, "connection.ready")
        assert event["id"] == published.event.id
        assert event["data"] == json.loads(PAYLOAD)
        done("an event of another service arrives, and its signature verifies")

        revocation = await self.watch_while(self.revoke)
        assert revocation.session_id == self.started.session.id
        done("who watches is told of it")

        told = await self.arrived(made.signing_secret, "secret.revoked")
        assert told["data"]["secret_id"] == self.made.secret.id
        assert told["data"]["ended_session_id"] == self.started.session.id
        await self.ana.webhook.DeleteEndpoint(endpoint_id=made.endpoint.id)
        done("the webhook tells it too")

    async def arrived(self, signing_secret: str, event_type: str) -> Any:
        """Wait for an event of this type, and verify it."""

        def of_type() -> list[Any]:
            wanted = f'"type":"{event_type}"'.encode()
            return [one for one in self.receiver.requests if wanted in one.body]

        await asyncio.to_thread(self.receiver.wait_until, lambda: bool(of_type()))
        request = of_type()[0]
        webhook = standardwebhooks.Webhook(signing_secret)
        try:
            webhook.verify(request.body + b" ", dict(request.headers))
        except standardwebhooks.WebhookVerificationError:
            return webhook.verify(request.body, dict(request.headers))
        raise AssertionError("an altered body verifies")

    async def revoke(self) -> None:
        secret_id = self.made.secret.id
        with self.refused(Status.PERMISSION_DENIED, "PASSWORD_WRONG") as wrong:
            await self.ana.secret.RevokeSecret(secret_id=secret_id, password="not the password")
        assert wrong.facts == {"attempts_left": "4"}
        assert await self.why_inactive(self.started) == "UNSPECIFIED"

        ended = await self.ana.secret.RevokeSecret(secret_id=secret_id, password=self.password)
        assert ended.ended_session.id == self.started.session.id
        assert await self.why_inactive(self.started) == "SECRET_REVOKED"
        with self.refused(Status.UNAUTHENTICATED, "SESSION_INACTIVE"):
            await self.backend.session.GetSession()
        done("revoking a secret needs the password, and ends its session")

    async def watch_while(self, something_ends: Callable[[], Any]) -> Any:
        """Give the revocation that is told while it does, after all that ended before."""
        async with self.verifier.session.watch() as stream:
            told: list[Any] = []
            message = await stream.recv_message()
            while not message.caught_up:
                told += message.revocations
                message = await stream.recv_message()
            told += message.revocations
            assert self.older.session.id in {one.session_id for one in told}

            await something_ends()

            live: list[Any] = []
            while not live:
                live += (await stream.recv_message()).revocations
            await stream.cancel()
            return live[0]

    async def deadline(self) -> None:
        try:
            async with self.verifier.session.watch(seconds=0.1) as stream:
                async for _ in stream:
                    pass
        except GRPCError as error:
            assert error.status is Status.DEADLINE_EXCEEDED  # noqa: PT017 - one of two ways
        except TimeoutError:
            pass  # it was this end that looked at the clock first
        else:
            raise AssertionError("the stream ended by itself")
        done("a deadline ends a stream")


async def main() -> None:
    with Receiver(None).running() as receiver:
        connection = Connection()
        try:
            await Story(connection, receiver).play()
        finally:
            connection.channel.close()
    foreign = {"grpc", "finlink_client", "finlink_server"} & set(sys.modules)
    assert not foreign, f"not played from the protos alone: {foreign} came in"


asyncio.run(main())
