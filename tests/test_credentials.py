"""Client secrets, service keys and setup tokens: their formats and checksums."""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import people
from tests.errors import refused

from finlink.config import v1
from finlink_server import credentials
from finlink_server.credentials import Format
from finlink_server.domain.caller import Role

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# As the README publishes them.
PUBLISHED = {
    credentials.CLIENT_SECRET_LIVE: "fls_(live|test)_[0-9A-Za-z]{45}",
    credentials.CLIENT_SECRET_TEST: "fls_(live|test)_[0-9A-Za-z]{45}",
    credentials.SERVICE_KEY: "fsk_[0-9A-Za-z]{38}",
    credentials.SETUP_TOKEN: "fst_[0-9A-Za-z]{38}",
}
each_format = pytest.mark.parametrize("form", PUBLISHED, ids=lambda form: form.prefix)
any_format = st.sampled_from(list(PUBLISHED))


@pytest.fixture
def statements(env, monkeypatch):
    """The SQL statements of the server's calls, as they come."""
    seen: list[str] = []
    run = env.database.peewee.execute_sql

    def note(sql: str, *arguments: object) -> object:
        if threading.current_thread().name != "webhooks":  # which looks around when it likes
            seen.append(sql)
        return run(sql, *arguments)

    monkeypatch.setattr(env.database.peewee, "execute_sql", note)
    return seen


def another(letter: str) -> str:
    return LETTERS[(LETTERS.index(letter) + 1) % len(LETTERS)]


def mistype(text: str, place: int) -> str:
    return text[:place] + another(text[place]) + text[place + 1 :]


def checksum_by_hand(text: str) -> str:
    rest, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        digits = LETTERS[rest % 62] + digits
        rest //= 62
    return digits


@each_format
def test_a_credential_matches_the_published_expression(form):
    for _ in range(100):
        assert re.fullmatch(PUBLISHED[form], form.new().text)


@pytest.mark.parametrize("expression", sorted({*PUBLISHED.values()}))
def test_the_readme_publishes_the_expressions_for_scanners(expression):
    readme = (Path(__file__).parent.parent / "README.md").read_text()

    assert f"`{expression}`" in readme


@each_format
def test_the_checksum_is_crc32_in_six_digits_of_base_62(form):
    text = form.new().text

    assert text[-6:] == checksum_by_hand(text[:-6])
    assert form.parse(text[:-6] + checksum_by_hand(text[:-6]))


def test_checksums_of_known_texts_stay_what_they_are():
    # Scanners elsewhere compute the same: base 62 is 0-9, A-Z, a-z, most significant first.
    assert credentials.checksum("") == "000000"
    assert credentials.checksum("123456789") == "3jZRME"  # CRC-32's check value, 0xCBF43926


@each_format
def test_a_wrong_letter_anywhere_is_found(form):
    text = form.new().text

    for place in range(len(form.prefix), len(text)):
        assert form.parse(mistype(text, place)) is None, place


@each_format
def test_two_letters_that_changed_places_are_found(form):
    text = form.new().text

    for place in range(len(form.prefix), len(text) - 1):
        swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        assert swapped == text or form.parse(swapped) is None, place


@each_format
def test_a_credential_cut_off_or_with_something_around_it_is_none(form):
    text = form.new().text

    longer = text[:-6] + "0"
    others = (text[:-1], text[1:], text + "0", text + "\n", " " + text, text.upper(), "")
    for other in (*others, longer + checksum_by_hand(longer)):
        assert form.parse(other) is None


@given(any_format, st.data())
def test_what_is_new_is_read_back(form, data):
    made = form.new()

    again = form.parse(made.text)

    assert again == made
    assert made.text.startswith(form.prefix + made.lookup)
    assert again is not None
    assert again.matches(made.hash())
    assert not form.new().matches(made.hash())


@given(any_format, st.text() | st.from_regex(r"f[lst]{2}_[0-9A-Za-z_]{30,60}", fullmatch=True))
def test_text_at_random_is_no_credential(form, text):
    assert form.parse(text) is None


@given(any_format, any_format)
def test_no_format_is_another(one, other):
    assert other is one or other.parse(one.new().text) is None


@each_format
def test_no_two_credentials_are_alike(form):
    made = [form.new() for _ in range(1000)]

    assert len({one.text for one in made}) == len(made)
    assert len({one.lookup for one in made}) == len(made)


@pytest.mark.parametrize("form", [credentials.CLIENT_SECRET_LIVE, credentials.CLIENT_SECRET_TEST])
def test_a_client_secret_hides_at_least_160_bits(form):
    assert 62**form.random_length > 2**160


@each_format
def test_its_repr_shows_no_more_than_the_hint(form):
    made = form.new()

    assert made.text not in repr(made)
    assert made.text[len(form.prefix) : -4] not in repr(made)
    assert made.hint == made.text[-4:]


@pytest.mark.parametrize(
    ("environment", "prefix"),
    [(v1.ENVIRONMENT_LIVE, "fls_live_"), (v1.ENVIRONMENT_SANDBOX, "fls_test_")],
)
def test_a_secret_tells_its_environment_and_its_hint(account, environment, prefix):
    app = people.new_app(account, environment)

    secret = people.new_secret(account, app)

    assert secret.plaintext.startswith(prefix)
    listed = account.secrets.GetSecret(secret_id=secret.id).secret
    assert listed.hint == secret.plaintext[-4:]
    assert secret.plaintext not in str(listed)


def test_a_mistyped_client_secret_is_refused_without_the_database(secret, nobody, statements):
    mistyped = mistype(secret.plaintext, 20)

    with refused(grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        nobody.sessions.StartSession(client_id=secret.app_id, client_secret=mistyped)

    assert list(refusal.fields) == ["client_secret"]
    assert statements == []
    secret.start()
    assert statements  # what is counted, is counted


def test_a_mistyped_service_key_is_refused_without_the_database(verifier, nobody, statements):
    mistyped = mistype(verifier.credential, 20)

    with refused(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        nobody.using(mistyped).sessions.ValidateSession(access_token="")

    assert statements == []


def test_a_mistyped_setup_token_is_refused_without_the_database(
    operator, account, nobody, statements
):
    setup = operator.admin.ResetPassword(account_id=account.id).setup_token
    statements.clear()

    with refused(grpc.StatusCode.UNAUTHENTICATED, "SETUP_TOKEN_INVALID"):
        nobody.accounts.SetPassword(
            setup_token=mistype(setup, 20), new_password="a-long-enough-password"
        )

    assert statements == []


@pytest.mark.parametrize("form", [credentials.CLIENT_SECRET_LIVE, credentials.CLIENT_SECRET_TEST])
def test_a_well_formed_secret_that_nobody_made_opens_nothing(app, nobody, form: Format):
    with refused(grpc.StatusCode.UNAUTHENTICATED, "CLIENT_CREDENTIALS_INVALID"):
        nobody.sessions.StartSession(client_id=app.id, client_secret=form.new().text)


# How a credential that is none is refused, by its prefix.
REASONS = {
    "fls_live_": "CLIENT_CREDENTIALS_INVALID",
    "fls_test_": "CLIENT_CREDENTIALS_INVALID",
    "fsk_": "CREDENTIAL_INVALID",
    "fst_": "SETUP_TOKEN_INVALID",
}


@pytest.fixture
def credential(operator, account, nobody, server):
    """Makes a credential, by its prefix: its text, and what uses that or another."""

    def client_secret(environment: int) -> tuple[str, Callable[[str], object]]:
        secret = people.new_secret(account, people.new_app(account, environment))
        return secret.plaintext, lambda text: nobody.sessions.StartSession(
            client_id=secret.app_id, client_secret=text
        )

    def service_key() -> tuple[str, Callable[[str], object]]:
        key = server.key(Role.VERIFIER).credential
        return key, lambda text: nobody.using(text).sessions.ValidateSession(access_token="x")

    def setup_token() -> tuple[str, Callable[[str], object]]:
        setup = operator.admin.ResetPassword(account_id=account.id).setup_token
        return setup, lambda text: nobody.accounts.SetPassword(
            setup_token=text, new_password=account.password
        )

    return {
        "fls_live_": lambda: client_secret(v1.ENVIRONMENT_LIVE),
        "fls_test_": lambda: client_secret(v1.ENVIRONMENT_SANDBOX),
        "fsk_": service_key,
        "fst_": setup_token,
    }


@each_format
def test_the_right_lookup_with_another_random_part_opens_nothing(credential, form):
    text, attempt = credential[form.prefix]()
    kept = text[: len(form.prefix) + form.lookup_length]
    body = kept + form.new().text[len(kept) : -6]

    with refused(grpc.StatusCode.UNAUTHENTICATED, REASONS[form.prefix]):
        attempt(body + checksum_by_hand(body))

    assert attempt(text)
