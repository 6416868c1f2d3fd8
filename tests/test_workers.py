"""Several processes on one port answer as one server."""

from collections import Counter
from contextlib import suppress
from signal import SIGKILL

import grpc
import pytest
from tests import people
from tests.errors import refused
from tests.gates import until
from tests.hooks import Hook, Platform
from tests.processes import Home
from tests.races import Race
from tests.workers import is_alive, open_files, supervised

from finlink.config import v1

pytestmark = pytest.mark.either("processes and their port")

# So many connections that each of two workers has some, but for once in 2³¹ runs.
CHANNELS = 32


@pytest.fixture(scope="module")
def shared_home(first_home, tmp_path_factory):
    return first_home.copy_to(tmp_path_factory.mktemp("workers") / "home")


@pytest.fixture(scope="module")
def workers(shared_home, ca_file):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(ca_file))
        with supervised(shared_home, WEBHOOK_ALLOW_CIDRS="127.0.0.0/8") as running:
            yield running


@pytest.fixture(scope="module")
def channels(workers):
    with workers.channels(CHANNELS) as channels:
        yield channels


@pytest.fixture(scope="module")
def operators(channels, shared_home):
    """One operator, on all channels."""
    return [people.Caller(channel, shared_home.operator_key) for channel in channels]


@pytest.fixture
def customer(operators):
    account = people.new_account(operators[0])
    return account, people.new_app(account)


def through(channels, credential):
    return [people.Caller(channel, credential) for channel in channels]


# --------------------------------------------------------------------- one server to callers


def test_each_worker_answers_calls(workers, operators):
    for operator in operators:
        operator.admin.ListAccounts()

    served = workers.served()

    assert len(served) == 2
    assert min(served.values()) > 0
    assert sum(served.values()) >= CHANNELS


def test_what_one_worker_wrote_the_others_know_at_once(operators):
    for operator in operators:
        made = operator.admin.CreateAccount(email=f"{id(operator)}@example.com", display_name="Ana")
        for other in operators[:8]:
            found = other.admin.ListAccounts(page_size=500).accounts
            assert made.account.id in {account.id for account in found}


def test_a_secret_has_one_session_though_all_workers_opened_one_at_once(
    channels, operators, customer
):
    account, app = customer
    secret = people.new_secret(account, app)
    nobodies = through(channels, "")

    race = Race(
        CHANNELS,
        lambda number: nobodies[number].sessions.StartSession(
            client_id=app.id, client_secret=secret.plaintext
        ),
    )

    tokens = [answer.access_token for answer in race.answers]
    assert len(tokens) == CHANNELS
    for operator in operators:
        answers = operator.sessions.BatchValidateSessions(access_tokens=tokens).results
        assert Counter(answer.active for answer in answers) == {True: 1, False: CHANNELS - 1}


def test_a_session_that_was_revoked_through_one_worker_is_refused_by_all(
    database, channels, operators, customer
):
    account, app = customer
    secret = people.new_secret(account, app)
    owners = through(channels, account.token)
    for owner in owners[:8]:
        session = secret.start()
        own = through(channels, session.token)
        for operator, caller in zip(operators * 2, own * 2, strict=True):  # now all have it
            assert people.why_inactive(operator, session) == ""
            caller.settings.GetSettings(app_id=app.id)

        owner.sessions.RevokeSession(session_id=session.id)

        database.wait_out_memory()
        assert {people.why_inactive(operator, session) for operator in operators} == {"REVOKED"}
        for caller in own:
            with refused(reason="SESSION_INACTIVE"):
                caller.settings.GetSettings(app_id=app.id)


# -------------------------------------------------------------------------- in the background


@pytest.fixture
def hook(operators, customer, receiver):
    """An endpoint; whoever publishes to it has a channel of its own."""
    account, app = customer
    key = operators[0].admin.CreateServiceKey(
        display_name="Connections", roles=[v1.ROLE_PUBLISHER], event_prefixes=["connection."]
    )
    made = account.webhooks.CreateEndpoint(app_id=app.id, uri=receiver.uri(f"/{app.id}"))
    platform = Platform(operators[0], operators[0].using(key.key))
    return Hook(made.endpoint.id, f"/{app.id}", app.id, platform, receiver)


def senders(workers, receiver):
    """The workers that are connected to the receiver."""
    return {
        pid
        for pid, found in workers.connections().items()
        if any(one.other == receiver.port for one in found)
    }


def test_webhooks_are_sent_by_one_worker_and_after_its_end_by_its_successor(
    workers, hook, receiver
):
    before = [hook.publish() for _ in range(20)]
    hook.wait_for(20)
    first = workers.in_the_background
    assert senders(workers, receiver) == {first}

    workers.end(first)
    after = publish_again(hook)
    until(lambda: after in hook.received)

    assert workers.in_the_background != first
    assert senders(workers, receiver) == {workers.in_the_background}
    assert set(hook.received) == {*before, after}


def publish_again(hook):
    """Publish once more; whoever had a connection to the killed worker is told UNAVAILABLE."""
    published = []

    def is_published():
        with suppress(grpc.RpcError):
            published.append(hook.publish("afterwards"))
        return bool(published)

    until(is_published)
    return published[0]


# ------------------------------------------------------------------------------- one that ends


def test_a_killed_worker_is_started_again_ever_more_slowly(workers):
    said = len(workers.supervisor.err)
    victim = workers.in_front
    open_before = open_files(workers.supervisor.pid)

    workers.end(victim, SIGKILL)
    workers.end(workers.in_front, SIGKILL)

    sentences = [
        line for line in workers.supervisor.err[said:].splitlines() if line.startswith("Worker")
    ]
    assert sentences == [
        "Worker 1 ended (SIGKILL) and is started again in 0.1 s.",
        "Worker 1 ended (SIGKILL) and is started again in 0.2 s.",
    ]
    assert open_files(workers.supervisor.pid) == open_before
    assert not is_alive(victim)


# -------------------------------------------------------------------------- other ways to serve


def test_a_new_folder_is_served_by_workers_with_demo_data(tmp_path):
    home = Home(tmp_path / "new")

    with supervised(home, "--demo", workers=3) as workers:
        told = workers.supervisor.exported()
        with workers.channels(CHANNELS) as channels:
            operators = through(channels, told["OPERATOR_KEY"])
            assert {len(one.admin.ListAccounts().accounts) for one in operators} == {1}
            assert {len(one.sessions.ListSigningKeys().keys) for one in operators} == {1}
        assert len(workers.pids) == 3
