"""The catalogue over the wire: banks searched, read, and said to be down."""

import pytest
from grpc import StatusCode
from tests import bouvet
from tests.app_settings import change
from tests.bouvet import BANKS, COUNTRY, IDS, bank_settings
from tests.errors import refused
from tests.races import Race

from finlink.config import v1

DOWN, UP = v1.BANK_STATUS_DOWN, v1.BANK_STATUS_OPERATIONAL
CHARCOT = "bv-charcot"


@pytest.fixture(scope="module", autouse=True)
def island(server, tmp_path_factory):
    with bouvet.inhabited(server.env, tmp_path_factory.mktemp("banks")) as island:
        yield island


@pytest.fixture
def put(operator):
    """Set the status of a bank; the test's end says that it works again."""

    def put(status, **fields):
        return operator.admin.SetBankStatus(bank_id=CHARCOT, status=status, **fields).bank

    yield put
    put(UP)


def changes_told(operator, **fields):
    events = operator.accounts.ListAuditEvents(
        types=["bank.status_changed"], target_id=CHARCOT, **fields
    ).events
    return list(events)


def found(caller, query="", countries=(), **fields):
    answer = caller.settings.ListBanks(query=query, country_codes=countries, **fields)
    return [bank.id for bank in answer.banks]


@pytest.mark.parametrize("status", [DOWN, v1.BANK_STATUS_DEGRADED, UP])
def test_a_status_is_shown_everywhere_at_once(
    account, app, redirect_id, link_front_end, put, status
):
    change(account, app, bank_settings())
    query = f"id={redirect_id}&product=TRANSACTIONS"
    link = link_front_end.links.OpenLink(query=query).link

    set_to = put(status)

    assert (set_to.id, set_to.status) == (CHARCOT, status)
    assert account.settings.GetBank(bank_id=CHARCOT).bank == set_to
    lists = (
        account.settings.ListAppBanks(app_id=app.id).banks,
        link_front_end.links.ListLinkBanks(link_id=link.id).banks,
        link_front_end.links.OpenLink(query=query).banks,
    )
    for banks in lists:
        statuses = {one.bank.id: one.bank.status for one in banks}
        assert statuses == {**dict.fromkeys(IDS, UP), CHARCOT: status}
    assert account.settings.ListBanks(query=CHARCOT).banks == [set_to]


def test_a_bank_that_is_down_can_still_be_named(account, app, redirect_id, link_front_end, put):
    put(DOWN)

    change(account, app, bank_settings(bouvet.ONLY, [CHARCOT], [CHARCOT]))
    query = f"id={redirect_id}&product=TRANSACTIONS&entity={CHARCOT}"

    assert link_front_end.links.OpenLink(query=query).link.parameters.bank_id == CHARCOT


def test_a_status_is_told_in_the_journal_with_its_reason(operator, put):
    before = changes_told(operator)

    put(DOWN, comment="Their certificate has expired")

    told = changes_told(operator)
    assert told[1:] == before
    assert (told[0].type, told[0].target_id) == ("bank.status_changed", CHARCOT)
    assert told[0].actor.kind == v1.ACTOR_KIND_SERVICE_KEY
    facts = {"old": "OPERATIONAL", "new": "DOWN", "comment": "Their certificate has expired"}
    assert dict(told[0].facts) == facts


def test_the_status_that_a_bank_has_changes_nothing_and_is_told_once(operator, put):
    first = put(DOWN)
    before = changes_told(operator)

    race = Race(8, lambda _: put(DOWN, comment="Still"))

    assert race.answers == [first] * 8
    assert changes_told(operator) == before


def test_of_many_who_say_at_once_that_a_bank_is_down_one_is_told(operator, put):
    before = changes_told(operator)

    Race(8, lambda _: put(DOWN))

    assert len(changes_told(operator)) == len(before) + 1


@pytest.mark.parametrize("status", [v1.BANK_STATUS_UNSPECIFIED, 4, -1])
def test_a_status_that_is_none_is_refused(operator, status):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        operator.admin.SetBankStatus(bank_id=CHARCOT, status=status)

    assert list(refusal.fields) == ["status"]
    assert "BANK_STATUS_DOWN" in refusal.fields["status"]


def test_a_status_needs_an_operator(account, session, link_front_end, nobody):
    for caller in (account, session, link_front_end):
        with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
            caller.admin.SetBankStatus(bank_id=CHARCOT, status=DOWN)
    with refused(StatusCode.UNAUTHENTICATED, "CREDENTIAL_MISSING"):
        nobody.admin.SetBankStatus(bank_id=CHARCOT, status=DOWN)

    assert account.settings.GetBank(bank_id=CHARCOT).bank.status == UP


def test_a_bank_that_nobody_knows_is_not_found_by_name(account, operator):
    for call in (
        lambda: account.settings.GetBank(bank_id="bv-nowhere"),
        lambda: operator.admin.SetBankStatus(bank_id="bv-nowhere", status=DOWN),
    ):
        with refused(StatusCode.NOT_FOUND, "BANK_NOT_FOUND") as refusal:
            call()
        assert refusal.facts == {"bank_id": "bv-nowhere"}
        assert "bv-nowhere" in refusal.message


@pytest.mark.parametrize("bank_id", ["", "bbva", "ES-BBVA", "es-bbva ", "es-\u202eavbb", "x" * 99])
def test_what_is_no_banks_id_is_refused(account, operator, bank_id):
    for call in (
        lambda: account.settings.GetBank(bank_id=bank_id),
        lambda: operator.admin.SetBankStatus(bank_id=bank_id, status=DOWN),
    ):
        with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
            call()
        assert list(refusal.fields) == ["bank_id"]


def test_a_bank_is_what_registry_and_operator_say_of_it(account):
    of_the_registry = account.settings.GetBank(bank_id="es-bbva").bank
    of_the_operator = account.settings.GetBank(bank_id="bv-berkner").bank

    assert of_the_registry.country_code == "ES"
    assert "BBVAESMM" in of_the_registry.bics
    assert of_the_registry.products == [v1.PRODUCT_TRANSACTIONS]
    assert (of_the_registry.maturity, of_the_registry.status, of_the_registry.source) == (
        v1.BANK_MATURITY_TEST,
        UP,
        v1.BANK_SOURCE_REGISTRY,
    )
    assert (of_the_operator.display_name, of_the_operator.source) == (
        BANKS["bv-berkner"][0],
        v1.BANK_SOURCE_OPERATOR,
    )
    assert of_the_operator.products == [v1.PRODUCT_TRANSACTIONS, v1.PRODUCT_INVESTMENTS]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", IDS),
        ("charcot", [CHARCOT]),
        ("\u00c7HAR", [CHARCOT]),
        ("arct", ["bv-arctowski"]),
        ("BELGI", ["bv-belgica"]),
        ("bank", ["bv-anvers", "bv-vostok"]),
        ("bank vos", ["bv-vostok"]),
        ("bv-berkner", ["bv-berkner"]),
        ("arcot", []),
    ],
)
def test_banks_are_found_blind_to_case_and_accents_and_stand_by_name(
    account, session, operator, query, expected
):
    for caller in (account, session, operator):
        assert found(caller, query, [COUNTRY]) == expected


def test_a_country_narrows_what_is_found(account):
    assert set(found(account, "bbva", ["ES"])) <= set(found(account, "bbva"))
    assert "es-bbva" in found(account, "bbva", [COUNTRY, "ES"])
    assert "es-bbva" not in found(account, "bbva", ["PT"])
    assert found(account, "", ["HM"]) == []


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"query": "x" * 101}, "query"),
        ({"query": "zero\u200bwidth"}, "query"),
        ({"query": "two\nlines"}, "query"),
        ({"country_codes": ["ES", "es"]}, "country_codes[1]"),
        ({"country_codes": ["ES", "ES"]}, "country_codes"),
        ({"country_codes": [f"A{chr(65 + n % 26)}" for n in range(51)]}, "country_codes"),
        ({"page_size": -1}, "page_size"),
    ],
)
def test_a_search_out_of_form_is_refused_by_its_field(account, fields, named):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        account.settings.ListBanks(**fields)

    assert list(refusal.fields) == [named]


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_pages_of_banks_show_each_once(account, size):
    paged: list[str] = []
    more = {"country_codes": [COUNTRY], "page_size": size}
    while more and len(paged) < len(IDS):
        page = account.settings.ListBanks(**more)
        paged += [bank.id for bank in page.banks]
        more = {**more, "page_token": page.next_page_token} if page.next_page_token else {}

    assert paged == IDS
    assert not more


def test_a_page_has_50_banks_unless_asked_for_more_and_500_at_most(account):
    assert [len(found(account, page_size=size)) for size in (0, 500, 501, 2**31 - 1)] == [
        50,
        500,
        500,
        500,
    ]


def test_a_page_token_of_banks_is_for_its_search_and_caller(account, stranger):
    page = account.settings.ListBanks(query="bank", country_codes=[COUNTRY], page_size=1)
    token = {"page_token": page.next_page_token}

    for query, countries in (("", [COUNTRY]), ("bank", []), ("bank", [COUNTRY, "ES"])):
        with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
            found(account, query, countries, **token)
    with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
        found(stranger, "bank", [COUNTRY], **token)
    assert found(account, "bank", [COUNTRY], **token) == ["bv-vostok"]


def test_a_page_goes_on_where_it_ended_when_its_last_bank_has_left(account, island):
    page = account.settings.ListBanks(country_codes=[COUNTRY], page_size=2)
    island.leave(IDS[1])

    rest = found(account, "", [COUNTRY], page_token=page.next_page_token)
    island.come_back(IDS[1])

    assert rest == IDS[2:]
