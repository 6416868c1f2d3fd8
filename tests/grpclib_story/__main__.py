"""The main story, as somebody tells it who has the protos and no code of ours, nor grpcio's."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import standardwebhooks
from grpclib import GRPCError, Status
from tests.grpclib_story.beginning import Beginning
from tests.grpclib_story.connection import Connection, done
from tests.grpclib_story.endings import Endings
from tests.receiver import Receiver

PAYLOAD = json.dumps({"connection_id": "con_42", "bank": "Crédit 🏦"})


class Story(Beginning):
    """What they do with it, to the end."""

    async def play(self) -> None:
        await self.begin()
        await self.settings()
        await self.link()
        await self.webhooks()
        await Endings(self).play()
        await self.deadline()

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

        async with self.ana.settings.watch("WatchSettings", app_ids=[self.app.id]) as stream:
            assert await changed(stream) == updated
            narrowed = await self.banks()
            assert await changed(stream) == narrowed
            await stream.cancel()
        done("who watches the settings is told of it")

    async def banks(self) -> Any:
        found = await self.backend.settings.ListBanks(query="santander", country_codes=["ES"])
        chosen = {"mode": "BANK_LIST_MODE_ONLY", "bank_ids": [found.banks[0].id]}
        narrowed = await self.ana.settings.UpdateSettings(
            settings={"app_id": self.app.id, "banks": chosen}, update_mask={"paths": ["banks"]}
        )
        own = await self.backend.settings.ListAppBanks(app_id=self.app.id)
        assert [one.bank for one in own.banks] == [found.banks[0]]
        done("the app shows the banks that it chose")
        return narrowed.settings

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
            event_types=["connection.ready", "secret.*"],
        )
        await self.publisher.webhook.PublishEvent(  # nobody wants it
            app_id=self.app.id, event_id="con-41", type="connection.slow", payload_json="{}"
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
        deliveries = (await self.ana.webhook.ListDeliveries(app_id=self.app.id)).deliveries
        wanted = ["connection.ready", "secret.revoked"]
        assert sorted(one.event_type for one in deliveries) == wanted
        assert len(self.receiver.requests) == len(wanted)
        await self.ana.webhook.DeleteEndpoint(endpoint_id=made.endpoint.id)
        done("the webhook tells it too, and nothing that was not asked for")

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
        assert await self.why_inactive(self.reading) == "UNSPECIFIED"
        assert (await self.reader.session.GetSession()).session.id == self.reading.session.id
        done("revoking a secret needs the password, and ends its session alone")

    async def watch_while(self, something_ends: Callable[[], Any]) -> Any:
        """Give the revocation that is told while it does, after all that ended before."""
        async with self.verifier.session.watch("WatchRevocations") as stream:
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
            [revocation] = live
            return revocation

    async def deadline(self) -> None:
        watch = self.verifier.session.watch("WatchRevocations", told_to_the_server=0.1)
        try:
            async with watch as stream:
                async for _ in stream:
                    pass
        except GRPCError as error:
            assert error.status is Status.DEADLINE_EXCEEDED  # noqa: PT017 - and else it fails
        else:
            raise AssertionError("the stream ended by itself")
        done("the server ends a stream at its deadline")


async def changed(stream: Any) -> Any:
    """Give the next settings that a stream tells; some messages have none."""
    settings: list[Any] = []
    while not settings:
        settings = list((await stream.recv_message()).settings)
    [only] = settings
    return only


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
