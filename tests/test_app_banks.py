"""What an app's widget shows: which banks, in which order, whatever happens to them."""

import pytest
from grpc import StatusCode
from tests import bouvet
from tests.app_settings import change, refusal_of
from tests.bouvet import ALL, COUNTRY, EXCEPT, IDS, ONLY, bank_settings, shown
from tests.errors import refused
from tests.people import new_app

from finlink.config import v1

ANVERS, ARCTOWSKI, BELGICA, BERKNER, CHARCOT, VOSTOK = IDS


@pytest.fixture(scope="module", autouse=True)
def island(server, tmp_path_factory):
    with bouvet.inhabited(server.env, tmp_path_factory.mktemp("banks")) as island:
        yield island


def test_a_new_app_shows_the_whole_catalogue_by_name(account, app):
    listed = shown(account, app)
    all_banks = account.settings.ListBanks(page_size=500).banks

    assert listed == [one.id for one in all_banks]
    assert account.settings.ListAppBanks(app_id=app.id).next_page_token


@pytest.mark.parametrize(
    ("mode", "named", "expected"),
    [
        (ALL, [], IDS),
        (v1.BANK_LIST_MODE_UNSPECIFIED, [], IDS),
        (ALL, [ANVERS], IDS),
        (ONLY, [VOSTOK, ANVERS], [ANVERS, VOSTOK]),
        (ONLY, [BERKNER, "es-bbva"], [BERKNER]),
        (EXCEPT, [BELGICA, ANVERS], [ARCTOWSKI, BERKNER, CHARCOT, VOSTOK]),
        (EXCEPT, ["es-bbva"], IDS),
        (EXCEPT, [], IDS),
    ],
)
def test_a_widget_shows_all_banks_or_only_or_all_except_the_named_ones(
    account, app, mode, named, expected
):
    change(account, app, bank_settings(mode, named))

    assert shown(account, app) == expected


def test_a_widget_shows_the_named_countries_only(account, app):
    change(account, app, bank_settings(ONLY, [VOSTOK, "es-bbva", "fr-societe-generale"], (), ()))
    assert shown(account, app) == ["es-bbva", "fr-societe-generale", VOSTOK]

    change(account, app, {"banks.country_codes": [COUNTRY, "ES"]})
    assert shown(account, app) == ["es-bbva", VOSTOK]


@pytest.mark.parametrize("code", ["", "E", "ESP", "es", "XX", "ZZ", "UK", "E\u0405", "E5", "ES "])
def test_a_country_that_is_none_is_refused_by_its_place(account, app, code):
    fields = refusal_of(account, app, {"banks.country_codes": ["ES", code]})

    assert list(fields) == ["settings.banks.country_codes[1]"]


def test_pinned_banks_come_first_in_their_order_and_the_others_by_name(account, app):
    change(account, app, bank_settings(pinned=[VOSTOK, ANVERS, BERKNER]))

    answer = account.settings.ListAppBanks(app_id=app.id)

    assert [one.bank.id for one in answer.banks] == [
        VOSTOK,
        ANVERS,
        BERKNER,
        ARCTOWSKI,
        BELGICA,
        CHARCOT,
    ]
    assert [one.pinned for one in answer.banks] == [True] * 3 + [False] * 3


@pytest.mark.parametrize("size", [1, 2, 4, 6])
def test_pages_of_an_apps_banks_show_each_once(account, app, size):
    change(account, app, bank_settings(pinned=[VOSTOK, BERKNER]))
    whole = shown(account, app)

    paged: list[str] = []
    more = {"app_id": app.id, "page_size": size}
    while more and len(paged) < len(whole):
        page = account.settings.ListAppBanks(**more)
        paged += [one.bank.id for one in page.banks]
        more = {**more, "page_token": page.next_page_token} if page.next_page_token else {}

    assert paged == whole
    assert not more


def test_a_page_token_is_for_its_app_and_product(account, app):
    other = new_app(account)
    page = account.settings.ListAppBanks(app_id=app.id, page_size=1)

    for fields in ({"app_id": other.id}, {"app_id": app.id, "product": v1.PRODUCT_TRANSACTIONS}):
        with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
            account.settings.ListAppBanks(page_token=page.next_page_token, **fields)


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        (v1.PRODUCT_TRANSACTIONS, [VOSTOK, ANVERS, ARCTOWSKI, BELGICA, BERKNER, CHARCOT]),
        (v1.PRODUCT_INVESTMENTS, [ARCTOWSKI, BERKNER]),
        (v1.PRODUCT_ASSETS_TRANSFER, []),
    ],
)
def test_a_widget_for_a_product_shows_the_banks_that_offer_it(account, app, product, expected):
    change(account, app, bank_settings(pinned=[VOSTOK]))

    assert shown(account, app, product=product) == expected


@pytest.mark.parametrize("name", ["bank_ids", "pinned_bank_ids"])
def test_an_unknown_bank_is_refused_by_name_and_place(account, app, name):
    fields = refusal_of(account, app, {f"banks.{name}": [ANVERS, "bv-nowhere", "es-bbva", "xx-y"]})

    assert list(fields) == [f"settings.banks.{name}[{index}]" for index in (1, 3)]
    assert "bv-nowhere" in fields[f"settings.banks.{name}[1]"]
    assert "xx-y" in fields[f"settings.banks.{name}[3]"]


@pytest.mark.parametrize("name", ["bank_ids", "pinned_bank_ids"])
@pytest.mark.parametrize(
    "bank_id",
    ["", "bbva", "ES-BBVA", "es_bbva", "es-bbva\n", "es-bbva'--", "es-bbv\u0430", "es-" + "x" * 65],
    ids=ascii,
)
def test_what_is_no_banks_id_is_refused_by_its_place(account, app, name, bank_id):
    fields = refusal_of(account, app, {f"banks.{name}": [ANVERS, bank_id]})

    assert list(fields) == [f"settings.banks.{name}[1]"]


@pytest.mark.parametrize(("name", "most"), [("bank_ids", 1000), ("pinned_bank_ids", 50)])
def test_ten_thousand_bank_ids_are_refused_in_few_words(account, app, name, most):
    for number in (most + 1, 10_000):
        many = [f"bv-bank-{one}" for one in range(number)]
        fields = refusal_of(account, app, {f"banks.{name}": many})

        assert list(fields) == [f"settings.banks.{name}"]
        assert f"{most} entries, not {number}" in fields[f"settings.banks.{name}"]


def test_a_thousand_banks_may_be_named_and_fifty_pinned(account, app):
    catalogue: list[str] = []
    token = ""
    while len(catalogue) < 1000:
        page = account.settings.ListBanks(page_size=500, page_token=token)
        catalogue += [bank.id for bank in page.banks]
        token = page.next_page_token
    pinned = catalogue[999:949:-1]

    change(account, app, bank_settings(ONLY, catalogue, pinned, ()))

    first = shown(account, app)
    assert first == [*pinned, *catalogue[:450]]


@pytest.mark.parametrize("name", ["bank_ids", "pinned_bank_ids", "country_codes"])
def test_nothing_is_named_twice(account, app, name):
    value = COUNTRY if name == "country_codes" else ANVERS

    assert list(refusal_of(account, app, {f"banks.{name}": [value, value]})) == [
        f"settings.banks.{name}"
    ]


@pytest.mark.parametrize(
    ("mode", "named", "countries"),
    [(ONLY, [ANVERS], [COUNTRY]), (EXCEPT, [VOSTOK], [COUNTRY]), (ALL, [], ["ES"])],
)
def test_a_bank_that_is_not_shown_cannot_be_pinned(account, app, mode, named, countries):
    values = bank_settings(mode, named, [ANVERS, VOSTOK] if mode != ALL else [VOSTOK], countries)

    (field,) = fields = refusal_of(account, app, values)

    assert field == f"settings.banks.pinned_bank_ids[{1 if mode != ALL else 0}]"
    assert VOSTOK in fields[field]


def test_a_pinned_bank_cannot_be_hidden(account, app):
    change(account, app, bank_settings(pinned=[VOSTOK]))

    for hiding in (
        {"banks.country_codes": ["ES"]},
        {"banks.mode": EXCEPT, "banks.bank_ids": [VOSTOK]},
        {"banks.mode": ONLY, "banks.bank_ids": [ANVERS]},
    ):
        fields = refusal_of(account, app, hiding)
        assert list(fields) == ["settings.banks.pinned_bank_ids[0]"]


@pytest.mark.parametrize(
    ("mode", "named", "countries"),
    [
        (ONLY, [], []),
        (ONLY, ["es-bbva"], [COUNTRY]),
        (EXCEPT, IDS, [COUNTRY]),
        (ALL, [], ["HM"]),
    ],
)
def test_settings_that_leave_no_bank_to_show_are_refused(account, app, mode, named, countries):
    fields = refusal_of(account, app, bank_settings(mode, named, [], countries))

    assert list(fields) == ["settings.banks"]


def test_another_accounts_banks_look_like_none(stranger, app, session):
    assert shown(session, v1.App())
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        shown(stranger, app)
