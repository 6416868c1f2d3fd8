"""The end of the main story: a leak, a rotation, the proof of who did what, and no app any more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from google.protobuf.json_format import MessageToDict
from grpclib import Status
from tests.grpclib_story.connection import done

if TYPE_CHECKING:
    from tests.grpclib_story.__main__ import Story


class Endings:
    """What happens to the secrets and sessions that a story has left."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.ana, self.nobody, self.app = story.ana, story.nobody, story.app

    async def play(self) -> None:
        await self.leak()
        await self.rotation()
        await self.proof()
        await self.deletion()

    async def leak(self) -> None:
        client_secret = self.story.leaked.client_secret
        login = {"client_id": self.app.id, "client_secret": client_secret}
        started = await self.nobody.session.StartSession(**login)
        assert await self.story.why_inactive(started) == "UNSPECIFIED"

        await self.nobody.secret.ReportLeakedSecret(client_secret=client_secret)

        assert await self.story.why_inactive(started) == "SECRET_REVOKED"
        with self.story.refused(Status.UNAUTHENTICATED, "CLIENT_CREDENTIALS_INVALID"):
            await self.nobody.session.StartSession(**login)
        answer = await self.ana.secret.GetSecret(secret_id=self.story.leaked.secret.id)
        assert MessageToDict(answer)["secret"]["endReason"] == "SECRET_END_REASON_LEAKED"
        done("whoever finds a leaked secret can end it")

    async def rotation(self) -> None:
        rotated, overlap = self.story.of_reader.secret, timedelta(hours=1)

        made = await self.ana.secret.RotateSecret(
            secret_id=rotated.id, password=self.story.password, overlap=overlap
        )
        after = await self.nobody.session.StartSession(
            client_id=self.app.id, client_secret=made.client_secret
        )

        retiring = made.retiring_secret
        assert MessageToDict(retiring)["state"] == "SECRET_STATE_RETIRING"
        assert (retiring.id, retiring.replaced_by) == (rotated.id, made.secret.id)
        lasts = retiring.expire_time.ToDatetime() - made.secret.create_time.ToDatetime()
        assert abs(lasts - overlap) < timedelta(seconds=5)  # whatever it took to make the other
        for session in (self.story.reading, after):
            assert await self.story.why_inactive(session) == "UNSPECIFIED"
        done("a secret is rotated, and its session lives on beside a new one")

    async def proof(self) -> None:
        types = ["secret.revoked", "secret.leaked", "secret.rotated"]

        log = await self.ana.account.ListAuditEvents(app_id=self.app.id, types=types)

        told = [
            (one["type"], one["actor"]["kind"], one["targetId"])
            for one in MessageToDict(log)["events"]
        ]
        assert told == [
            ("secret.rotated", "ACTOR_KIND_ACCOUNT", self.story.of_reader.secret.id),
            ("secret.leaked", "ACTOR_KIND_ANONYMOUS", self.story.leaked.secret.id),
            ("secret.revoked", "ACTOR_KIND_ACCOUNT", self.story.made.secret.id),
        ]
        done("the audit log says who ended what")

    async def deletion(self) -> None:
        await self.ana.account.DeleteApp(app_id=self.app.id, password=self.story.password)

        assert await self.story.why_inactive(self.story.reading) == "APP_DELETED"
        with self.story.refused(Status.NOT_FOUND, "APP_NOT_FOUND"):
            await self.ana.account.GetApp(app_id=self.app.id)
        done("a deleted app takes its sessions along")
