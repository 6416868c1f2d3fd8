"""What a process remembers of credentials: as fast as memory, and never out of date."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import pytest
from grpc import StatusCode
from tests import forgery, people
from tests.background import wait_until_idle
from tests.endings import ENDINGS, Victim
from tests.errors import refused
from tests.gates import FirstCall

from finlink.config import v1
from finlink_server.domain import memory, sessions, signing_keys
from finlink_server.domain.memory import KnownKey, Memory
from finlink_server.storage.feed import Row
from finlink_server.tokens import Kind, TokenInvalid, TokenProblem


@pytest.fixture
def statements(server, env, monkeypatch):
    """The SQL statements of the server's calls, as they come: Peewee's, and the feed's."""
    wait_until_idle(server)
    seen: list[str] = []
    run = env.database.peewee.execute_sql

    def note(sql: str, *arguments: object) -> object:
        if threading.current_thread().name.startswith("call"):  # not what works by itself
            seen.append(sql)
        return run(sql, *arguments)

    since = env.feed._since

    def note_rows(*arguments: Any) -> object:
        if threading.current_thread().name.startswith("call"):
            seen.append("rows of the journal")
        return since(*arguments)

    monkeypatch.setattr(env.database.peewee, "execute_sql", note)
    monkeypatch.setattr(env.feed, "_since", note_rows)
    return seen


@pytest.fixture
def fresh(env, monkeypatch):
    """A memory with nothing in it, for this test alone."""

    def begin(most_bytes: int = 2**20) -> Memory:
        monkeypatch.setitem(env.memory, "credentials", None)
        memory.begin(env, most_bytes)
        return memory.of(env)

    followers = list(env.feed._followers)
    yield begin
    env.feed._followers[:] = followers


def is_remembered(env, credential: str) -> bool:
    return memory.recall(env, memory.digest_of(credential)) is not None


def variants(env, session, number: int) -> list[str]:
    """Different tokens of one session."""
    genuine = forgery.steal(env, session.token)
    return [genuine.token(variant=str(one)) for one in range(number)]


def test_a_second_validation_asks_the_database_for_nothing(server, verifier, session, statements):
    people.why_inactive(verifier, session)
    assert statements  # what is counted, is counted
    wait_until_idle(server)
    people.why_inactive(verifier, session)
    statements.clear()

    for _ in range(10):
        assert people.why_inactive(verifier, session) == ""
        verifier.sessions.BatchValidateSessions(access_tokens=[session.token] * 3)

    assert statements == []


def test_whatever_is_committed_is_looked_at_once_and_no_more(
    server, verifier, session, account, app, statements
):
    people.why_inactive(verifier, session)
    account.accounts.UpdateApp(
        app={"id": app.id, "display_name": "Renamed"}, update_mask={"paths": ["display_name"]}
    )
    wait_until_idle(server)
    statements.clear()

    for _ in range(10):
        people.why_inactive(verifier, session)

    assert set(statements) <= {"rows of the journal"}
    assert len(statements) <= 1


@pytest.mark.parametrize("ending", ENDINGS)
def test_each_end_is_forgotten_at_once_and_nothing_else_is(env, operator, verifier, ending):
    victim, bystander = Victim(operator), Victim(operator)
    for one in (victim, bystander):
        one.session.sessions.GetSession()
        one.account.accounts.GetAccount()
        one.other.accounts.GetAccount()
        verifier.using(one.key.key).sessions.ValidateSession(access_token="x")
    names = ("session", "account_token", "other_account_token", "service_key")
    assert all(is_remembered(env, victim.credential(name)) for name in names)

    getattr(victim, ending)()

    for name in ENDINGS[ending]:
        assert not is_remembered(env, victim.credential(name))
    assert all(is_remembered(env, bystander.credential(name)) for name in names)


@pytest.mark.parametrize("kind", [v1.TOKEN_KIND_SESSION, v1.TOKEN_KIND_ACCOUNT])
def test_what_a_revoked_key_signed_is_forgotten(env, operator, kind):
    victim = Victim(operator)
    victim.session.sessions.GetSession()
    victim.account.accounts.GetAccount()

    operator.admin.RotateSigningKey(kind=kind, revoke_previous=True)

    assert not any(is_remembered(env, one.token) for one in (victim.session, victim.account))


def test_the_end_of_their_time_comes_to_what_is_remembered(verifier, account, session, clock):
    assert people.why_inactive(verifier, session) == ""

    clock.advance_to(session.claims["exp"])
    assert people.why_inactive(verifier, session) == "EXPIRED"
    with refused(StatusCode.UNAUTHENTICATED, "SESSION_INACTIVE"):
        session.sessions.GetSession()

    account.accounts.GetAccount()
    clock.advance(hours=11)
    with refused(StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        account.accounts.GetAccount()


def test_the_end_of_an_overlap_comes_to_what_is_remembered(verifier, account, session, clock):
    assert people.why_inactive(verifier, session) == ""
    rotated = account.secrets.RotateSecret(
        secret_id=session.answer.session.secret_id,
        password=account.password,
        overlap={"seconds": 60},
    )
    assert people.why_inactive(verifier, session) == ""  # remembered once more

    clock.advance_to(rotated.retiring_secret.expire_time.seconds)

    assert people.why_inactive(verifier, session) == "SECRET_EXPIRED"


@pytest.mark.parametrize(
    ("block", "inside", "outside"),
    [("198.51.100.0/24", "198.51.100.7", "203.0.113.9"), ("2001:db8::/32", "2001:db8::1", "::1")],
)
def test_a_change_of_the_client_addresses_counts_at_once(account, secret, block, inside, outside):
    session = secret.start()
    from_inside, from_outside = (
        {"metadata": (("x-forwarded-for", it),)} for it in (inside, outside)
    )
    session.sessions.GetSession(**from_outside)

    account.secrets.UpdateSecret(
        secret={"id": secret.id, "allowed_cidrs": [block]},
        update_mask={"paths": ["allowed_cidrs"]},
    )

    with refused(StatusCode.PERMISSION_DENIED, "CLIENT_ADDRESS_NOT_ALLOWED"):
        session.sessions.GetSession(**from_outside)
    session.sessions.GetSession(**from_inside)


def test_it_remembers_no_more_than_it_may_and_answers_stay_right(env, account, app, fresh):
    remembered = fresh(2**20)  # the least that FINLINK_LIMIT_CACHE_BYTES allows
    ended, living = (people.new_secret(account, app).start() for _ in range(2))
    pairs = list(zip(variants(env, ended, 500), variants(env, living, 500), strict=True))

    for pair in pairs:
        for token in pair:
            assert sessions.validate(env, token, ()).known is not None
            assert len(remembered) <= remembered.most

    assert len(remembered) == remembered.most < 2 * len(pairs)
    ended.sessions.EndSession()
    for one, other in pairs:
        assert sessions.validate(env, one, ()).inactive_reason == "ENDED"
        assert sessions.validate(env, other, ()).known is not None


def test_the_oldest_makes_room():
    remembered = Memory(2)
    known = KnownKey("key_1", frozenset(), ())

    for digest in (b"1", b"2", b"1", b"3"):
        remembered.put(digest, known, ("key_1",))

    assert [remembered.get(digest, 0) for digest in (b"1", b"2", b"3")] == [known, None, known]


def test_nothing_is_left_of_what_is_forgotten():
    remembered = Memory(4)
    known = KnownKey("key_1", frozenset(), ())
    for number in range(20):
        remembered.put(b"%d" % number, known, ("key_1", f"tag_{number}"))

    remembered.apply([Row(1, "service_key.revoked", 0, "", "", "key_1", "{}", "", "")])

    assert (len(remembered), remembered._tagged) == (0, {})


@pytest.mark.parametrize("is_applied", [True, False], ids=["applied meanwhile", "not applied yet"])
@pytest.mark.parametrize("name", ["session", "account_token", "service_key"])
def test_an_end_between_reading_and_remembering_is_not_lost(
    env, operator, verifier, monkeypatch, name, is_applied
):
    Victim(operator).session.sessions.GetSession()  # the signing keys are in memory
    victim = Victim(operator)
    credential = victim.credential(name)
    uses = {
        "session": victim.session.sessions.GetSession,
        "account_token": victim.account.accounts.GetAccount,
        "service_key": verifier.using(victim.key.key).sessions.ValidateSession,
    }
    ends = {
        "session": victim.start_another_session,
        "account_token": victim.reset_password,
        "service_key": victim.revoke_service_key,
    }
    memory.of(env).apply([Row(1, "signing_key.revoked", 0, "", "", "", "{}", "", "")])  # all of it
    operator.accounts.ListApps(account_id=victim.account.id)
    held = FirstCall(env.feed.unless_moved)
    monkeypatch.setattr(env.feed, "unless_moved", held)

    with ThreadPoolExecutor(1) as pool:
        asked_before = pool.submit(uses[name])
        held.wait()
        ends[name]()
        if is_applied:
            env.feed.refresh()
        held.let_go()
        asked_before.exception()  # either is right: it was sent before the end

    with refused(StatusCode.UNAUTHENTICATED):
        uses[name]()
    assert not is_remembered(env, credential)


def test_a_signing_key_revoked_between_reading_and_remembering_is_not_lost(
    env, operator, verifier, monkeypatch
):
    session = Victim(operator).session
    env.memory["signing_keys"].found.clear()
    held = FirstCall(env.feed.unless_moved)
    monkeypatch.setattr(env.feed, "unless_moved", held)

    with ThreadPoolExecutor(1) as pool:
        asked_before = pool.submit(signing_keys.verify, env, Kind.SESSION, session.token)
        held.wait()
        operator.admin.RotateSigningKey(kind=v1.TOKEN_KIND_SESSION, revoke_previous=True)
        env.feed.refresh()
        held.let_go()
        asked_before.result()

    with pytest.raises(TokenInvalid) as error:
        signing_keys.verify(env, Kind.SESSION, session.token)
    assert error.value.problem is TokenProblem.KEY_REVOKED


def test_memory_holds_no_credential_in_plain_text(env, operator, verifier, fresh):
    remembered = fresh()
    victim = Victim(operator)
    victim.session.sessions.GetSession()
    people.why_inactive(verifier, victim.session)  # keeps the answer, too
    victim.account.accounts.GetAccount()
    verifier.using(victim.key.key).sessions.ValidateSession()

    dump = pickle.dumps((remembered._known, remembered._tagged))

    for credential in map(victim.credential, ("session", "account_token", "service_key")):
        assert sha256(credential.encode()).digest() in dump
        assert credential.encode() not in dump
        assert credential.rpartition(".")[2].encode() not in dump  # not its signature alone
    assert victim.secret.plaintext.encode() not in dump


def test_a_token_of_another_kind_is_not_taken_for_what_is_remembered(verifier, account):
    account.accounts.GetAccount()

    answer = verifier.sessions.ValidateSession(access_token=account.token)

    assert (answer.active, answer.inactive_reason) == (False, v1.INACTIVE_REASON_WRONG_TYPE)
