"""A receiver of webhooks: verifies, keeps, answers, and works afterwards; on each event once.

With `make run` in one shell and the lines that it prints pasted into another:

    python clients/examples/webhook_receiver.py

It listens on LISTEN (127.0.0.1:8010) and keeps events in INBOX (inbox.db). An endpoint is made
once, and its signing secret comes from where you keep secrets, in FINLINK_SIGNING_SECRET, both
of them during a rotation. Where there is none, this makes an endpoint of the demo app, has a test
event sent to it, and takes it away again in the end; for that it takes TARGET and DEMO_….

- An event is answered with 204 when it is in the inbox, so that a crash loses none; sent twice,
  it is there once. The work comes after the answer, for which Finlink waits 15 seconds only.
- The work on an event and its mark are one transaction: what a crash interrupts is done again
  whole, and what is done is never done twice. An error in the work ends the program, with its
  traceback: started again, it goes on with that event.
"""

import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NoReturn
from urllib.parse import urlsplit

from finlink_client import Finlink, WebhookError, WebhookEvent, verify_webhook

DEMO = ("TARGET", "DEMO_APP_ID", "DEMO_EMAIL", "DEMO_PASSWORD")
LONGEST = 256 * 1024  # bytes; Finlink's are far below
SCHEMA = """
    CREATE TABLE IF NOT EXISTS events
        (id TEXT PRIMARY KEY, type TEXT, app_id TEXT, body TEXT, done INTEGER DEFAULT 0);
    CREATE TABLE IF NOT EXISTS counts (type TEXT PRIMARY KEY, number INTEGER);
"""


def work(database: sqlite3.Connection, event_id: str, event_type: str) -> None:
    """Do what an event asks for, in the transaction that marks it as done: this counts."""
    database.execute(
        "INSERT INTO counts VALUES (?, 1) ON CONFLICT DO UPDATE SET number = number + 1",
        [event_type],
    )
    [(number,)] = database.execute("SELECT number FROM counts WHERE type = ?", [event_type])
    print(f"{event_type} number {number}: {event_id}", flush=True)


class Inbox:
    """The events that arrived, by their ids."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._arrived = threading.Event()
        self._arrived.set()  # what a crash left is first
        with self._database() as database:
            database.executescript(SCHEMA)

    def keep(self, event: WebhookEvent, body: str) -> None:
        with self._database() as database:
            database.execute(
                "INSERT OR IGNORE INTO events (id, type, app_id, body) VALUES (?, ?, ?, ?)",
                [event.id, event.type, event.app_id, body],
            )
        self._arrived.set()

    def work_for_ever(self) -> None:
        while self._arrived.wait():
            self._arrived.clear()
            while self._work_on_one():
                pass

    def _work_on_one(self) -> bool:
        with self._database() as database:
            database.execute("BEGIN IMMEDIATE")
            found = database.execute("SELECT id, type FROM events WHERE done = 0 LIMIT 1")
            for event_id, event_type in found.fetchall():
                work(database, event_id, event_type)
                database.execute("UPDATE events SET done = 1 WHERE id = ?", [event_id])
                return True
        return False

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10)) as database, database:
            yield database


class Receiver(ThreadingHTTPServer):
    """Takes webhooks into an inbox."""

    def __init__(self, address: tuple[str, int], inbox: Inbox) -> None:
        super().__init__(address, Webhook)
        self.inbox = inbox
        self.signing_secrets: list[str] = []


class Webhook(BaseHTTPRequestHandler):
    """One request."""

    server: Receiver
    timeout = 10  # seconds, for a sender that says nothing

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self.rfile.read(int(length))
        try:
            event = verify_webhook(body, self.headers, self.server.signing_secrets)
        except WebhookError as error:
            print(f"Refused: {error}", flush=True)
            self._answer(HTTPStatus.UNAUTHORIZED)
            return
        self.server.inbox.keep(event, body.decode())
        self._answer(HTTPStatus.NO_CONTENT)

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: what matters is printed by others."""


def work_for_the_demo(receiver: Receiver, uri: str) -> None:
    target, app_id, email, password = (os.environ[name] for name in DEMO)
    with Finlink.with_password(target, email=email, password=password) as customer:
        made = customer.endpoints.create(app_id, uri=uri)
        try:
            receiver.signing_secrets = [made.signing_secret]
            customer.events.send_test(made.endpoint.id)
            receiver.inbox.work_for_ever()
        finally:
            customer.endpoints.delete(made.endpoint.id)


def refuse(why: str) -> NoReturn:
    print(why, file=sys.stderr)
    sys.exit(2)


def main() -> None:
    listen = urlsplit("//" + os.environ.get("LISTEN", "127.0.0.1:8010"))
    signing_secrets = os.environ.get("FINLINK_SIGNING_SECRET", "").split()
    missing = [name for name in DEMO if name not in os.environ]
    if missing and not signing_secrets:
        refuse(f"Set FINLINK_SIGNING_SECRET, or {', '.join(missing)}: `make run` prints those.")
    inbox = Inbox(os.environ.get("INBOX", "inbox.db"))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit())
    try:
        receiver = Receiver((listen.hostname or "", listen.port or 0), inbox)
    except OSError as error:
        refuse(f"LISTEN {listen.netloc}: {error.strerror}.")
    with receiver:
        receiver.signing_secrets = signing_secrets
        threading.Thread(target=receiver.serve_forever).start()
        uri = f"http://{listen.hostname}:{receiver.server_port}"
        print(f"Serving on {uri}; Ctrl-C stops it.", flush=True)
        try:
            if signing_secrets:
                inbox.work_for_ever()
            else:
                work_for_the_demo(receiver, uri)
        finally:
            receiver.shutdown()


if __name__ == "__main__":
    main()
