"""Rules that hold under any concurrency: two server processes on one database."""

import uuid

import grpc
import pytest
from tests import people
from tests.errors import refused
from tests.races import Race

from finlink.config import v1

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
THREADS = 64  # spread over both processes
TRIES = {"sqlite": 50, "postgres": 25}  # where each waits 50 ms, in which nothing is promised


class Somebody:
    """A caller who may ask either process."""

    def __init__(self, servers, credential=""):
        self.credential = credential
        self.at = [server.caller(credential) for server in servers]

    def by_turns(self, number):
        return self.at[number % 2]


@pytest.fixture(scope="module")
def servers(first_home, tmp_path_factory):
    home = first_home.copy_to(tmp_path_factory.mktemp("races") / "home")
    with home.serving() as one, home.serving() as other:
        yield one, other


@pytest.fixture(scope="module")
def somebody(servers):
    """Anybody, by their credential."""
    return lambda credential="": Somebody(servers, credential)


@pytest.fixture(scope="module")
def operators(somebody, first_home):
    return somebody(first_home.operator_key)


@pytest.fixture(scope="module")
def link_front_ends(somebody, operators):
    made = operators.at[0].admin.CreateServiceKey(display_name="Link", roles=[v1.ROLE_LINK])
    return somebody(made.key)


@pytest.fixture(scope="module")
def account(operators):
    return people.new_account(operators.at[0])


@pytest.fixture(scope="module")
def customers(somebody, account):
    return somebody(account.token)


@pytest.fixture
def app(account):
    made = people.new_app(account)
    yield made
    account.accounts.DeleteApp(app_id=made.id, password=account.password)


@pytest.fixture
def secret(account, app):
    return people.new_secret(account, app)


# ------------------------------------------------------------------------------- rule 1


def test_an_app_never_has_more_than_5_live_secrets(customers, app):
    def create(number):
        return customers.by_turns(number).secrets.CreateSecret(app_id=app.id, display_name="x")

    race = Race(THREADS, create)

    for customer in customers.at:
        assert len(customer.secrets.ListSecrets(app_id=app.id).secrets) == 5
    assert len(race.answers) == 5
    assert race.reasons == {"SECRET_LIMIT_REACHED"}


# ------------------------------------------------------------------------------- rule 2


def test_a_secret_never_has_more_than_one_active_session(somebody, customers, operators, secret):
    everybody = somebody()

    def start(number):
        return everybody.by_turns(number).sessions.StartSession(
            client_id=secret.app_id, client_secret=secret.plaintext
        )

    race = Race(THREADS, start)

    tokens = [answer.access_token for answer in race.answers]
    assert (len(tokens), race.reasons) == (THREADS, set())
    for operator in operators.at:
        verdicts = [operator.sessions.ValidateSession(access_token=token) for token in tokens]
        assert [verdict.active for verdict in verdicts].count(True) == 1
        assert {v.inactive_reason for v in verdicts if not v.active} == {
            v1.INACTIVE_REASON_SUPERSEDED
        }
    superseded = [answer.superseded_session_id for answer in race.answers]
    assert superseded.count("") == 1
    assert len(set(superseded)) == THREADS


# ------------------------------------------------------------------------------- rule 6


@pytest.fixture
def open_link(account, app, link_front_ends):
    """Open a Link with a new token that opens so many."""
    redirect_id = people.add_redirect(account, app)

    def with_token(max_opens):
        parameters = {"redirect_id": redirect_id, "product": v1.PRODUCT_TRANSACTIONS}
        made = account.links.CreateLinkToken(
            app_id=app.id, parameters=parameters, max_opens=max_opens
        )
        query = f"authToken={made.auth_token}"
        return lambda number, request_id="": link_front_ends.by_turns(number).links.OpenLink(
            query=query, request_id=request_id
        )

    return with_token


def links_opened(account, app):
    events = account.accounts.ListAuditEvents(app_id=app.id, types=["link.opened"]).events
    return [event.target_id for event in events]


@pytest.mark.parametrize("max_opens", [1, 7])
def test_a_link_token_opens_exactly_max_opens_links(account, app, open_link, max_opens):
    race = Race(THREADS, open_link(max_opens))

    links = {answer.link.id for answer in race.answers}
    assert len(links) == max_opens
    assert sorted(links) == sorted(links_opened(account, app))
    assert race.reasons == {"LINK_TOKEN_USED_UP"}


def test_a_repeat_of_the_same_request_opens_nothing_new(account, app, open_link):
    open_again, request_id = open_link(2), str(uuid.uuid4())

    race = Race(THREADS, lambda number: open_again(number, request_id))

    (link,) = {answer.link.id for answer in race.answers}
    assert (links_opened(account, app), race.reasons) == ([link], set())
    assert open_again(0).link.id != link  # one more is left


# ------------------------------------------------------------------------------- rule 4
# What one process answered to have ended, the other one refuses from then on. That one
# has accepted it just before, so that whatever it remembers is warm. On PostgreSQL it may
# answer from memory for 50 ms.


def end_session(customers, session, number):
    session.by_turns(number).sessions.EndSession()


def revoke_session(customers, session, number):
    mine = session.by_turns(number).sessions.GetSession().session
    customers.by_turns(number).sessions.RevokeSession(session_id=mine.id)


def assert_accepted(session, operators, number):
    """This process takes the token, as subject and as the caller's own."""
    token = session.credential
    assert operators.by_turns(number).sessions.ValidateSession(access_token=token).active
    assert session.by_turns(number).sessions.GetSession().session


def assert_refused(session, operators, number, place):
    """This process refuses the token, as subject and as the caller's own."""
    place.wait_out_memory()
    token = session.credential
    assert not operators.by_turns(number).sessions.ValidateSession(access_token=token).active
    with refused(UNAUTHENTICATED, "SESSION_INACTIVE"):
        session.by_turns(number).sessions.GetSession()


@pytest.mark.parametrize("end", [end_session, revoke_session])
def test_a_session_that_ended_here_is_refused_there(
    database, somebody, customers, operators, secret, end
):
    for number in range(TRIES[database.kind]):
        session = somebody(secret.start().token)
        assert_accepted(session, operators, number + 1)

        end(customers, session, number)

        assert_refused(session, operators, number + 1, database)


def test_a_secret_that_ended_here_takes_its_session_along_there(
    database, somebody, account, app, operators
):
    for number in range(TRIES[database.kind]):
        secret = people.new_secret(account, app)
        session = somebody(secret.start().token)
        assert_accepted(session, operators, number + 1)

        operators.by_turns(number).admin.EndSecret(secret_id=secret.id)

        assert_refused(session, operators, number + 1, database)


def test_a_service_key_that_was_revoked_here_is_refused_there(database, somebody, operators):
    for number in range(TRIES[database.kind]):
        made = operators.at[0].admin.CreateServiceKey(
            display_name="gateway", roles=[v1.ROLE_VERIFIER]
        )
        gateway = somebody(made.key)
        there = gateway.by_turns(number + 1).sessions
        assert not there.ValidateSession(access_token="x").active

        operators.by_turns(number).admin.RevokeServiceKey(service_key_id=made.service_key.id)

        database.wait_out_memory()
        with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
            there.ValidateSession(access_token="x")


@pytest.mark.parametrize("number", range(6))  # each takes a password
def test_an_account_token_that_signed_out_here_is_refused_there(
    database, somebody, account, number
):
    customer = somebody(account.sign_in().token)
    there = customer.by_turns(number + 1).accounts
    assert there.GetAccount().account

    customer.by_turns(number).accounts.SignOut()

    database.wait_out_memory()
    with refused(UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        there.GetAccount()
