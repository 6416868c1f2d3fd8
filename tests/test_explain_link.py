"""ExplainLink: why a Link opens or not, told to those whom it concerns, using nothing up."""

from __future__ import annotations

import pytest
from grpc import StatusCode
from tests import forgery, people
from tests.antarctica import ALBATROSS, DODO, KRILL, PENGUIN, SEAL
from tests.errors import refused
from tests.link_urls import auth_token_for

from finlink.config import v1
from finlink_server.storage.models import Journal, Link, LinkToken

TRANSACTIONS = {"product": v1.PRODUCT_TRANSACTIONS}


def explain(caller, query, **fields):
    return caller.links.ExplainLink(query=query, **fields)


def sources(explained):
    return {
        one.parameter: v1.ParameterOrigin.Name(one.origin).removeprefix("PARAMETER_ORIGIN_")
        for one in explained.sources
    }


def reason(explained):
    return "".join(check.reason for check in explained.checks)


def set_link(account, app, **link):
    account.settings.UpdateSettings(
        settings={"app_id": app.id, "link": link},
        update_mask={"paths": [f"link.{name}" for name in link]},
    )


@pytest.fixture
def url(redirect_id):
    return f"id={redirect_id}&product=TRANSACTIONS"


@pytest.fixture
def token(account, app, redirect_id):
    return auth_token_for(account, app, redirect_id)


@pytest.fixture
def tampered(token):
    at = token.rindex(".") + 10
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


def test_explaining_uses_nothing_up_and_writes_nothing(
    server, account, app, url, token, link_front_end
):
    def rows():
        return [list(model.select().order_by(model.id).dicts()) for model in (LinkToken, Link)]

    before, journal = rows(), Journal.select().count()

    for query in (url, f"authToken={token}", f"authToken={token}", "authToken=x", "id=x", ""):
        for caller in (link_front_end, account):
            explain(caller, query, bank_id=KRILL)

    assert rows() == before
    assert Journal.select().count() == journal
    assert explain(link_front_end, f"authToken={token}").verdict == v1.LINK_VERDICT_ACCEPTED
    claims = forgery.read(token)[1]
    assert account.links.GetLinkToken(link_token_id=claims["jti"]).link_token.opens == 0


def test_a_refusal_is_an_answer_and_a_sentence(app, url, account, link_front_end):
    people.force_auth_token(account, app)

    explained = explain(link_front_end, url)

    assert explained.verdict == v1.LINK_VERDICT_REJECTED
    [failed] = [one for one in explained.checks if one.outcome == v1.CHECK_OUTCOME_FAILED]
    assert (failed.name, failed.reason) == ("auth_token_not_required", "LINK_AUTH_TOKEN_REQUIRED")
    assert failed.message.startswith(f"App {app.id} opens Link with an auth token only.")
    assert explained.app_id == app.id


def test_a_url_is_the_source_of_what_it_says(url, link_front_end):
    explained = explain(link_front_end, f"{url}&language=de&theme=&country_codes=ES&x=1")

    names = ("redirect_id", "product", "language", "country_codes")
    assert sources(explained) == dict.fromkeys(names, "URL")


def test_a_token_is_the_source_of_what_was_stored(account, app, redirect_id, link_front_end):
    parameters = {**TRANSACTIONS, "language": "de", "bank_ids": [KRILL]}
    token = auth_token_for(account, app, redirect_id, parameters=parameters)

    explained = explain(link_front_end, f"authToken={token}&theme=DARK&language=es")

    names = ("redirect_id", "product", "language", "bank_ids")
    assert sources(explained) == dict.fromkeys(names, "AUTH_TOKEN")
    assert list(explained.ignored_parameters) == ["theme", "language"]


@pytest.mark.parametrize(
    ("offered", "default", "asked", "origin"),
    [
        ([], "", "", None),
        ([], "", "de", "URL"),
        ([], "es", "", "SETTINGS"),
        ([], "es", "de", "URL"),
        (["es", "pt"], "", "pt", "URL"),
        (["es", "pt"], "", "pt-BR", "SETTINGS"),  # it speaks pt
        (["es", "pt"], "pt", "de", "SETTINGS"),
        (["es", "pt"], "", "", "SETTINGS"),
    ],
)
def test_the_language_comes_from_whoever_has_the_last_word(
    account, app, url, link_front_end, offered, default, asked, origin
):
    set_link(account, app, languages=offered, default_language=default)

    explained = explain(link_front_end, f"{url}&language={asked}")

    assert sources(explained).get("language") == origin
    assert explained.parameters.language == asked


VISIBILITIES = {
    "SHOWN": KRILL,
    "UNKNOWN": "aq-yeti",
    "LEFT_CATALOGUE": DODO,
    "HIDDEN_BY_SETTINGS": ALBATROSS,
    "COUNTRY_HIDDEN_BY_SETTINGS": "fr-societe-generale",
    "PRODUCT_NOT_OFFERED": SEAL,
    "COUNTRY_HIDDEN_BY_PARAMETERS": "es-bbva",
    "HIDDEN_BY_PARAMETERS": PENGUIN,
}


@pytest.fixture
def narrowed(account, app, redirect_id):
    """An auth token under which each bank of VISIBILITIES fares as it says."""
    people.choose_banks(account, app, "EXCEPT", bank_ids=[ALBATROSS], country_codes=["AQ", "ES"])
    parameters = {**TRANSACTIONS, "country_codes": ["AQ"], "bank_ids": [KRILL]}
    return auth_token_for(account, app, redirect_id, parameters=parameters)


def test_there_is_a_bank_for_every_visibility():
    words = v1.BankVisibility.DESCRIPTOR.values_by_name

    assert {f"BANK_VISIBILITY_{word}" for word in (*VISIBILITIES, "UNSPECIFIED")} == set(words)


@pytest.mark.parametrize(("word", "bank_id"), VISIBILITIES.items())
def test_for_any_bank_it_tells_whether_it_shows(link_front_end, narrowed, word, bank_id):
    explained = explain(link_front_end, f"authToken={narrowed}", bank_id=bank_id)

    assert explained.bank.bank_id == bank_id
    assert v1.BankVisibility.Name(explained.bank.visibility) == f"BANK_VISIBILITY_{word}"
    assert explained.verdict == v1.LINK_VERDICT_ACCEPTED  # the Link does not name it


@pytest.mark.parametrize(
    ("word", "bank_id"),
    [one for one in VISIBILITIES.items() if one[0] != "HIDDEN_BY_PARAMETERS"],
)
def test_for_the_bank_that_a_url_names_it_tells_whether_it_shows(
    link_front_end, narrowed, url, word, bank_id
):
    explained = explain(link_front_end, f"{url}&country_codes=AQ&entity={bank_id}")

    assert explained.bank.bank_id == bank_id
    assert v1.BankVisibility.Name(explained.bank.visibility) == f"BANK_VISIBILITY_{word}"
    assert reason(explained) == ("" if word == "SHOWN" else "LINK_BANK_NOT_AVAILABLE")


def test_for_the_bank_that_a_token_names_it_tells_what_hides_it_since(
    account, app, redirect_id, link_front_end
):
    parameters = {**TRANSACTIONS, "bank_id": KRILL}
    token = auth_token_for(account, app, redirect_id, parameters=parameters)
    people.choose_banks(account, app, "EXCEPT", bank_ids=[KRILL])

    explained = explain(link_front_end, f"authToken={token}")

    assert explained.bank.visibility == v1.BANK_VISIBILITY_HIDDEN_BY_SETTINGS
    assert reason(explained) == "LINK_BANK_NOT_AVAILABLE"
    other = explain(link_front_end, f"authToken={token}", bank_id=PENGUIN)
    assert other.bank.visibility == v1.BANK_VISIBILITY_SHOWN


def test_no_bank_named_and_no_app_known_means_no_bank_explained(url, link_front_end):
    assert not explain(link_front_end, url).HasField("bank")
    assert not explain(link_front_end, "id=nonsense", bank_id=KRILL).HasField("bank")


def test_another_accounts_redirect_looks_exactly_like_none(stranger, url, redirect_id):
    none = redirect_id[:-4] + "zzzz"
    rest = f"&product=TRANSACTIONS&entity={KRILL}&x=1"

    foreign = explain(stranger, f"id={redirect_id}{rest}", bank_id=KRILL)
    unknown = explain(stranger, f"id={none}{rest}", bank_id=KRILL)

    assert reason(foreign) == "LINK_REDIRECT_UNKNOWN"
    for check in unknown.checks:
        check.message = check.message.replace(none, redirect_id)
    assert foreign == unknown


@pytest.mark.parametrize("state", ["active", "used up", "expired", "revoked", "forced"])
def test_another_accounts_token_looks_exactly_like_none(
    account, app, stranger, token, tampered, link_front_end, clock, state
):
    if state == "used up":
        link_front_end.links.OpenLink(query=f"authToken={token}")
    elif state == "expired":
        clock.advance(seconds=1801)
    elif state == "revoked":
        account.links.RevokeLinkToken(link_token_id=forgery.read(token)[1]["jti"])
    elif state == "forced":
        people.force_auth_token(account, app)

    foreign, unknown = (
        explain(stranger, f"id=x&authToken={one}&y=2", bank_id=KRILL) for one in (token, tampered)
    )

    assert reason(foreign) == "LINK_TOKEN_INVALID"
    assert foreign == unknown


def test_a_session_sees_its_own_app_only(account, app, session, url, token, tampered):
    other = people.new_secret(account, people.new_app(account)).start()

    assert explain(session, url).app_id == app.id
    assert reason(explain(other, url)) == "LINK_REDIRECT_UNKNOWN"
    assert explain(session, f"authToken={token}").app_id == app.id
    assert explain(other, f"authToken={token}") == explain(other, f"authToken={tampered}")


def test_a_session_needs_to_read(secret, url):
    with refused(StatusCode.PERMISSION_DENIED, "SCOPE_MISSING") as refusal:
        explain(secret.start(scopes=("write", "delete")), url)

    assert refusal.facts == {"scope": "read"}
    assert explain(secret.start(scopes=("read",)), url).app_id


def test_the_platform_and_the_owner_are_told_the_same(
    account, session, operator, link_front_end, url, token
):
    for query in (url, f"authToken={token}&id=x", "id=nonsense"):
        first, *others = [
            explain(caller, query, bank_id="es-bbva")
            for caller in (account, session, operator, link_front_end)
        ]
        assert others == [first] * 3
