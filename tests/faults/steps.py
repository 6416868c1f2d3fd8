"""The clock of the machine stepped forward and back while a server serves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import grpc
from tests import people
from tests.clocked_server import FILE, SharedClock
from tests.faults.nursery import QuickHome
from tests.faults.report import Line
from tests.gates import until
from tests.hooks import Hook, Platform
from tests.processes import Process
from tests.receiver import Receiver

from finlink.config import v1

HOUR = 3600
_AHEAD = 10 * HOUR  # of the real time: the file cannot be behind it


@dataclass
class Stepping:
    """A server, its clock, and what somebody does there."""

    server: Process
    clock: SharedClock
    operator: people.Caller
    verifier: people.Caller
    account: people.Account
    app: v1.App
    hook: Hook

    def step(self, *, hours: float) -> None:
        self.clock.advance(seconds=hours * HOUR)

    def why_inactive(self, session: people.Session) -> str:
        return people.why_inactive(self.verifier, session)

    def deliver(self) -> None:
        """Publish an event, and wait until it arrives."""
        event_id = self.hook.publish()
        until(lambda: event_id in self.hook.received)


@contextmanager
def stepping(home: QuickHome) -> Iterator[Stepping]:
    """Serve by a clock that can be stepped."""
    file = home.path.with_name(f"{home.path.name}-clock")
    clock = SharedClock(file)
    clock.advance(seconds=_AHEAD)
    with (
        Receiver(None).running() as receiver,
        home.with_extras(**{FILE: str(file)}).serving() as server,
    ):
        operator = server.caller(home.operator_key)

        def service(role: int, *prefixes: str) -> people.Caller:
            made = operator.admin.CreateServiceKey(
                display_name="faults", roles=[role], event_prefixes=prefixes
            )
            return operator.using(made.key)

        account = people.new_account(operator)
        app = people.new_app(account)
        platform = Platform(operator, service(v1.ROLE_PUBLISHER, "connection."))
        made = account.webhooks.CreateEndpoint(app_id=app.id, uri=receiver.uri())
        hook = Hook(made.endpoint.id, "/hook", app.id, platform, receiver)
        yield Stepping(server, clock, operator, service(v1.ROLE_VERIFIER), account, app, hook)


def step_the_clock(home: QuickHome, times: int) -> Line:
    """Step it an hour forward and back; the next round goes on an hour before the last."""
    line = Line("SQLite: the clock stepped by 1 h, forward and back, while serving")
    with stepping(home) as story:
        for _ in range(times):
            line.lost += _ended_sessions_come_back(story)
            line.lost += _things_out_of_order(story)
            line.lost += _people_locked_out(story)
            line.times += 1
    assert not line.lost, line.lost
    return line


def _ended_sessions_come_back(story: Stepping) -> Iterator[str]:
    """End sessions in every way before a step back, and ask for them after it."""
    secret = people.new_secret(story.account, story.app)
    superseded, ended = secret.start(), secret.start()
    ended.sessions.EndSession()
    expired = secret.start()
    story.step(hours=1)
    story.deliver()
    assert story.why_inactive(expired) == "EXPIRED"
    future = secret.start()  # and so the end of the one before stands in its row
    before = [(one, story.why_inactive(one)) for one in (superseded, ended, expired)]
    story.step(hours=-1)
    story.deliver()
    for session, reason in before:
        if story.why_inactive(session) != reason:
            yield f"{session.id} had ended with {reason}"
    lasting = secret.start()
    if story.why_inactive(lasting):
        yield f"{lasting.id} never ended"
    story.account.secrets.RevokeSecret(secret_id=secret.id, password=story.account.password)
    for hours in (0, 1, -1):
        story.step(hours=hours)
        for session in (future, lasting):
            if not story.why_inactive(session):
                yield f"{session.id} outlived its secret"


def _things_out_of_order(story: Stepping) -> Iterator[str]:
    """Change settings before, between and after steps: the order is that of the changes."""
    versions: list[int] = []
    for hours in (1, -1, 0):
        for _ in range(3):
            people.force_auth_token(story.account, story.app, on=len(versions) % 2 == 0)
            got = story.account.settings.GetSettings(app_id=story.app.id)
            versions.append(got.settings.version)
        story.step(hours=hours)
    listed = story.account.settings.ListSettingsVersions(app_id=story.app.id, page_size=9)
    if [one.version for one in listed.versions] != sorted(versions, reverse=True):
        yield "versions of settings are not in their order"
    ids = _pages(story, "settings.updated")
    if len(ids) != len(set(ids)) or len(ids) != max(versions) - 1:
        yield f"the journal shows {len(ids)} changes of {max(versions) - 1}"


def _pages(story: Stepping, kind: str) -> list[str]:
    """Every row of a type, read in small pages."""
    found: list[str] = []
    token = ""
    while True:
        page = story.account.accounts.ListAuditEvents(
            app_id=story.app.id, types=[kind], page_size=4, page_token=token
        )
        found += [event.id for event in page.events]
        token = page.next_page_token
        if not token:
            return found


def _people_locked_out(story: Stepping) -> Iterator[str]:
    """Fail to sign in, step back, and sign in after no more than the failures cost."""
    owner, nobody = people.new_account(story.operator), story.operator.using("")
    for _ in range(4):
        with suppress(grpc.RpcError):
            nobody.accounts.SignIn(email=owner.email, password="not-the-password")
    story.step(hours=-1)
    try:
        owner.sign_in()
    except grpc.RpcError:
        yield f"{owner.id} has to wait for the clock"
    story.step(hours=1)
