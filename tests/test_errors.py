"""Every refusal has a code, a reason, its facts and a sentence."""

import re

import grpc
import peewee
import pytest
from tests import people
from tests.errors import refused
from tests.methods import PACKAGE, comments

from finlink.config import v1
from finlink_server import errors
from finlink_server.domain import journal, visible

# Section 6 of the contract: which code each reason travels with.
CODES = {
    "UNAUTHENTICATED": """
        CREDENTIAL_MISSING CREDENTIAL_INVALID SESSION_INACTIVE SIGN_IN_FAILED
        CLIENT_CREDENTIALS_INVALID SETUP_TOKEN_INVALID""",
    "PERMISSION_DENIED": """
        CALLER_NOT_ALLOWED SCOPE_MISSING ACCOUNT_TOKEN_REQUIRED PASSWORD_WRONG
        CLIENT_ADDRESS_NOT_ALLOWED ACCOUNT_SUSPENDED""",
    "NOT_FOUND": """
        ACCOUNT_NOT_FOUND APP_NOT_FOUND SECRET_NOT_FOUND SESSION_NOT_FOUND
        SERVICE_KEY_NOT_FOUND SETTINGS_VERSION_NOT_FOUND LINK_TOKEN_NOT_FOUND LINK_NOT_FOUND
        BANK_NOT_FOUND ENDPOINT_NOT_FOUND EVENT_NOT_FOUND DELIVERY_NOT_FOUND""",
    "ALREADY_EXISTS": """
        ACCOUNT_ALREADY_EXISTS SECRET_ALREADY_EXISTS SERVICE_KEY_ALREADY_EXISTS
        ENDPOINT_ALREADY_EXISTS""",
    "FAILED_PRECONDITION": """
        SECRET_LIMIT_REACHED APP_LIMIT_REACHED REDIRECT_LIMIT_REACHED ENDPOINT_LIMIT_REACHED
        SECRET_NOT_ACTIVE ENDPOINT_DISABLED LINK_AUTH_TOKEN_REQUIRED LINK_TOKEN_INVALID
        LINK_TOKEN_EXPIRED LINK_TOKEN_USED_UP LINK_TOKEN_REVOKED LINK_REDIRECT_UNKNOWN
        LINK_BANK_NOT_AVAILABLE LINK_PARAMETER_INVALID LINK_ENDED""",
    "INVALID_ARGUMENT": """
        FIELD_INVALID REQUEST_UNREADABLE REQUEST_ID_REUSED PAGE_TOKEN_INVALID""",
    "ABORTED": "ETAG_MISMATCH OUTCOME_UNKNOWN",
    "RESOURCE_EXHAUSTED": "RATE_LIMITED HASH_QUEUE_FULL OVERLOADED",
    "OUT_OF_RANGE": "CURSOR_TOO_OLD",
    "UNAVAILABLE": "DATABASE_UNAVAILABLE DATABASE_BUSY SHUTTING_DOWN",
    "INTERNAL": "INTERNAL",
    # What grpc itself would answer with a bare code.
    "UNIMPLEMENTED": "METHOD_UNKNOWN",
    "DEADLINE_EXCEEDED": "DEADLINE_PASSED",
}
CODE_OF = {reason: code for code, reasons in CODES.items() for reason in reasons.split()}
WAITING_HELPS = {"RESOURCE_EXHAUSTED", "UNAVAILABLE"}
SAID = {
    name.removeprefix("ERROR_REASON_"): said
    for name, said in comments("values").items()
    if name.startswith("ERROR_REASON_") and name != "ERROR_REASON_UNSPECIFIED"
}


def sample(kind):
    """A refusal of this kind, with a value for each fact."""
    values = {
        "retry_after": 7.0,
        "violations": (errors.Violation("app_id", "must be an id"),),
        **dict.fromkeys(("limit", "version", "attempts_left", "max_opens"), 3),
    }
    names = kind.__dataclass_fields__
    return kind(**{name: values.get(name, f"a{name}") for name in names})


def test_the_published_reasons_are_those_of_the_contract():
    published = {name.removeprefix("ERROR_REASON_") for name in v1.ErrorReason.keys()}  # noqa: SIM118 - no dict

    assert published - {"UNSPECIFIED"} == set(CODE_OF)
    assert set(errors.REASONS) <= set(CODE_OF)


@pytest.mark.parametrize("reason", errors.REASONS)
def test_a_refusal_has_the_code_of_the_contract(reason):
    refusal = sample(errors.REASONS[reason])

    assert refusal.code.name == CODE_OF[reason]
    assert (refusal.retry_seconds is not None) == (CODE_OF[reason] in WAITING_HELPS)


@pytest.mark.parametrize("reason", CODE_OF)
def test_the_comment_of_a_reason_begins_with_its_code(reason):
    code = CODE_OF[reason]
    waits = " with RetryInfo" if code in WAITING_HELPS else ""

    assert SAID[reason].startswith(f"{code}{waits}. ")


@pytest.mark.parametrize("reason", errors.REASONS)
def test_the_comment_of_a_reason_names_its_facts(reason):
    _, _, told = SAID[reason].partition("Facts: ")
    told = re.sub(r"\(.*?\)", "", told).partition(". ")[0]

    assert set(re.findall(r"`(\w+)`", told)) == set(sample(errors.REASONS[reason]).facts())


@pytest.mark.parametrize("reason", errors.REASONS)
def test_a_message_is_made_of_sentences(reason):
    message = sample(errors.REASONS[reason]).message()

    assert message.isprintable()
    assert message.endswith(".")
    assert not {"{", "}"} & set(message)
    assert message[0].isupper() or message.startswith(("app_id: ", "amethod ", "request_id "))


def test_an_unexpected_fault_tells_nothing_but_the_call_id(server, account, app, monkeypatch):
    def fail(*_):
        raise KeyError("the inside of the service")

    monkeypatch.setattr(visible, "app", fail)

    with refused(grpc.StatusCode.INTERNAL, "INTERNAL") as refusal:
        account.accounts.GetApp(app_id=app.id)

    assert refusal.message == errors.Internal.text
    assert refusal.facts == {}
    (line,) = [one for one in server.log_of(refusal.call_id) if one["event"] == "defect"]
    assert "the inside of the service" in line["exception"]
    assert line["method"] == f"/{PACKAGE}.AccountService/GetApp"


@pytest.mark.parametrize(
    ("kind", "text", "code", "reason"),
    [
        (peewee.OperationalError, "database is locked", "UNAVAILABLE", "DATABASE_BUSY"),
        (peewee.OperationalError, "disk I/O error", "UNAVAILABLE", "DATABASE_UNAVAILABLE"),
        (peewee.OperationalError, "no such column: hint", "INTERNAL", "INTERNAL"),
        (peewee.IntegrityError, "UNIQUE constraint failed", "INTERNAL", "INTERNAL"),
        (UnicodeError, "inside", "INTERNAL", "INTERNAL"),
        (RecursionError, "inside", "INTERNAL", "INTERNAL"),
        (MemoryError, "inside", "INTERNAL", "INTERNAL"),
    ],
)
def test_a_fault_below_is_worth_waiting_for_or_internal(
    account, app, monkeypatch, kind, text, code, reason
):
    def fail(*_):
        raise kind(text)

    monkeypatch.setattr(visible, "app", fail)

    with refused(grpc.StatusCode[code], reason) as refusal:
        account.accounts.GetApp(app_id=app.id)

    assert text not in refusal.message


def test_a_fault_in_the_middle_of_a_change_leaves_nothing_of_it(account, monkeypatch):
    def fail(*_, **__):
        raise ValueError("inside")

    with monkeypatch.context() as broken:
        broken.setattr(journal, "write", fail)
        with refused(grpc.StatusCode.INTERNAL, "INTERNAL"):
            people.new_app(account)

    assert not account.accounts.ListApps().apps


@pytest.mark.parametrize("letter", ["\x1b", "\n", "\u202e", "\u200b"])
def test_a_message_that_quotes_a_request_plays_no_tricks_on_a_terminal(account, app, letter):
    asked = {"settings": {"app_id": app.id}, "update_mask": {"paths": [f"x{letter}y"]}}

    with refused(grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        account.settings.UpdateSettings(**asked)

    assert f"`x\\u{ord(letter):04x}y`" in refusal.message


@pytest.mark.parametrize("name", ["SecretService/ExportSecrets", "NoService/GetApp"])
def test_a_method_that_does_not_exist_is_refused_with_a_reason(server, name):
    call = server.channel.unary_unary(f"/{PACKAGE}.{name}")

    with refused(grpc.StatusCode.UNIMPLEMENTED, "METHOD_UNKNOWN") as refusal:
        call(b"")

    assert refusal.facts == {"method": f"/{PACKAGE}.{name}"}
