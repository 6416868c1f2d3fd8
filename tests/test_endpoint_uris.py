"""Where an endpoint may lead: to public addresses, and to what the operator opened."""

import uuid

import pytest
from grpc import StatusCode
from tests.errors import refused

pytestmark = pytest.mark.either("refused before any database is asked")

QUIET = ["nothing.*"]  # wants what nobody publishes, so that nothing leaves this machine
REMEDY = "; they go to public addresses over https, and to those that the operator opened"
NOT_PUBLIC = {
    "127.0.0.1": "loopback",
    "10.1.2.3": "private",
    "172.20.0.1": "private",
    "192.168.1.1": "private",
    "169.254.169.254": "link-local",
    "100.64.0.1": "shared by a carrier's customers",
    "192.0.2.1": "for documentation",
    "224.0.0.1": "multicast",
    "0.0.0.0": "of this network",  # noqa: S104 - nobody listens there
    "::1": "loopback",
    "::ffff:10.1.2.3": "a mapped IPv4 address",
    "64:ff9b::a01:203": "a translated IPv4 address",
    "fe80::1": "link-local",
    "fd00::1": "private",
    "2001:db8::1": "for documentation",
}


@pytest.fixture
def dns(env, monkeypatch):
    """Names with their addresses, to be changed at will; no other name resolves.

    Webhooks may reach public addresses only, as where the operator opened nothing.
    """
    names = {"hooks.example": ["8.8.8.8"]}

    def look_up(host):
        try:
            return names[host]
        except KeyError:
            raise OSError(-2, "Name or service not known") from None

    monkeypatch.setattr(env.resolver, "_lookup", look_up)
    monkeypatch.setattr(env.resolver, "_allowed", ())
    return names


def create(account, app, uri, **fields):
    return account.webhooks.CreateEndpoint(app_id=app.id, uri=uri, event_types=QUIET, **fields)


@pytest.fixture
def refusal_of(account, app, dns):
    """Ask for an endpoint, and for one that exists to lead there: the problem, said alike."""
    existing = create(account, app, "https://hooks.example/").endpoint

    def ask(uri):
        with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as made:
            create(account, app, uri)
        with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as changed:
            account.webhooks.UpdateEndpoint(
                endpoint={"id": existing.id, "uri": uri}, update_mask={"paths": ["uri"]}
            )
        assert list(account.webhooks.ListEndpoints(app_id=app.id).endpoints) == [existing]
        (problem,) = made.fields.values()
        assert made.fields == {"uri": problem}
        assert changed.fields == {"endpoint.uri": problem}
        return problem

    return ask


def bracketed(address):
    return f"[{address}]" if ":" in address else address


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("https://ana:password@hooks.example/", "must not hold a user name or password"),
        ("https://ana@hooks.example/", "must not hold a user name or password"),
        ("https://hooks.example/#here", "must not have a fragment (`#…`)"),
        ("https://*.hooks.example/", "must not have a wildcard (`*`)"),
        ("ftp://hooks.example/", "must begin with `https`"),
        ("file:///etc/passwd", "must be an absolute URI, such as https://example.com/callback"),
        ("hooks.example/hook", "must be an absolute URI, such as https://example.com/callback"),
        ("https:///hook", "must be an absolute URI, such as https://example.com/callback"),
        ("https://hooks.example:0/", "must not name port 0"),
        ("https://hooks.example/%zz", "must have two hexadecimal digits after each `%`"),
        ("https://hooks.example/a b", "must hold the characters of a URI only"),
        ("https://hóoks.example/", "must hold the characters of a URI only"),
        ("https://0x7f.1/", "must name a host, such as example.com"),
        ("https://2130706433/", "must name a host, such as example.com"),
    ],
)
def test_what_no_endpoint_can_have_is_refused_with_the_remedy(refusal_of, uri, problem):
    assert refusal_of(uri).startswith(problem)


def test_an_update_to_no_uri_at_all_is_refused(account, app, dns):
    endpoint = create(account, app, "https://hooks.example/").endpoint

    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        account.webhooks.UpdateEndpoint(
            endpoint={"id": endpoint.id}, update_mask={"paths": ["uri"]}
        )

    assert list(refusal.fields) == ["endpoint.uri"]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused_with_its_reason(refusal_of, address):
    problem = refusal_of(f"https://{bracketed(address)}/hook")

    assert problem.startswith("cannot be reached by webhooks: ")
    assert NOT_PUBLIC[address] in problem


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_that_leads_to_one_is_refused_like_it(refusal_of, dns, address):
    dns["hooks.example"] = ["8.8.8.8", address]  # one is enough

    problem = refusal_of("https://hooks.example/hook")

    assert problem.startswith("cannot be reached by webhooks: ")
    assert NOT_PUBLIC[address] in problem


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("nowhere.example", "does not resolve: name or service not known"),
        ("empty.example", "does not resolve: it has no address"),
    ],
)
def test_a_host_that_does_not_resolve_is_refused(refusal_of, dns, host, problem):
    dns["empty.example"] = []

    assert refusal_of(f"https://{host}/") == f"cannot be reached by webhooks: {problem}{REMEDY}"


def test_a_public_address_is_fine(account, app, dns):
    uri = "https://hooks.example:8443/hook?x=1"

    assert create(account, app, uri).endpoint.uri == uri


def test_plain_http_to_a_public_address_is_refused(refusal_of):
    assert refusal_of("http://hooks.example/hook") == (
        "cannot be reached by webhooks: 8.8.8.8 is public: plain http is for addresses that the"
        f" operator opened{REMEDY}"
    )


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:9/", "http://localhost:9/", "https://127.0.0.2/"]
)
def test_what_the_operator_opened_is_reached_with_and_without_tls(account, app, uri):
    assert create(account, app, uri).endpoint.uri == uri


def test_a_repeat_of_a_request_is_known_when_the_host_no_longer_resolves(account, app, dns):
    asked = {"uri": "https://hooks.example/", "request_id": str(uuid.uuid4())}
    first = create(account, app, **asked).endpoint
    del dns["hooks.example"]

    with refused(StatusCode.ALREADY_EXISTS, "ENDPOINT_ALREADY_EXISTS") as refusal:
        create(account, app, **asked)

    assert refusal.facts == {"endpoint_id": first.id}
