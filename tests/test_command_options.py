"""What can be typed after a command of `finlink`, and what cannot be meant."""

from __future__ import annotations

import json

import grpc
import pytest
from tests import people

from finlink.config import v1

pytestmark = pytest.mark.either("What the command line shows does not depend on the database.")


def test_options_become_the_fields_of_the_request(customer, account, app, redirect_id):
    made = customer.json(
        *("link-tokens", "create", "--app-id", app.id, "--redirect-id", redirect_id),
        *("--product", "assets_transfer", "--subproduct", "FUND", "--ttl", "1h30m"),
        *("--desired-owners", "Ana", "--desired-owners", "Luis Gómez", "--max-opens", "3"),
    )

    token = account.links.GetLinkToken(link_token_id=made["link_token"]["id"]).link_token
    assert token.parameters.product == v1.PRODUCT_ASSETS_TRANSFER
    assert token.parameters.subproduct == v1.SUBPRODUCT_FUND
    assert list(token.parameters.desired_owners) == ["Ana", "Luis Gómez"]
    assert token.max_opens == 3
    assert token.expire_time.seconds - token.create_time.seconds in {5399, 5400}


def test_an_update_takes_what_is_given_and_leaves_the_rest(customer, account, app):
    made = account.webhooks.CreateEndpoint(
        app_id=app.id, uri=people.NO_RECEIVER, event_types=["secret.*"], display_name="old"
    ).endpoint

    renamed = customer.json("endpoints", "update", made.id, "--display-name", "new")
    widened = customer.json("endpoints", "update", made.id, "--event-types", "")
    disabled = customer.json("endpoints", "update", made.id, "--disabled")
    enabled = customer.json("endpoints", "update", made.id, "--no-disabled")

    assert renamed["endpoint"]["event_types"] == ["secret.*"]
    assert widened["endpoint"]["display_name"] == "new"
    assert widened["endpoint"]["event_types"] == []
    assert (disabled["endpoint"]["disabled"], enabled["endpoint"]["disabled"]) == (True, False)


def test_settings_that_get_printed_can_be_given_to_update(customer, app, redirect_id, tmp_path):
    file = tmp_path / "settings.json"
    got = customer.json("settings", "get", "--app-id", app.id)
    got["link"]["terms_uri"] = "https://shop.example/terms"
    file.write_text(json.dumps(got))

    changed = customer.json("settings", "update", "--file", str(file), "--comment", "terms")
    again = customer.run("settings", "update", "--file", str(file))

    assert changed["settings"]["link"]["terms_uri"] == "https://shop.example/terms"
    assert changed["settings"]["link"]["redirects"][0]["id"] == redirect_id
    assert again.code == 64 + grpc.StatusCode.ABORTED.value[0]
    assert "ETAG_MISMATCH" in again.err


def test_a_file_of_settings_changes_only_what_it_holds(customer, account, app):
    people.force_auth_token(account, app)
    piped = json.dumps({"link": {"privacy_uri": "https://shop.example/privacy"}})

    changed = customer.using(APP_ID=app.id).json("settings", "update", "--file", "-", pipe=piped)

    assert changed["settings"]["link"]["force_auth_token"] is True
    assert changed["settings"]["link"]["privacy_uri"] == "https://shop.example/privacy"


@pytest.mark.parametrize(
    ("piped", "says"),
    [
        ("{", "is not JSON (line 1)"),
        ("[]", "must hold a JSON object"),
        ('{"link": {"term_uri": "x"}}', "link.term_uri is none of"),
        ('{"version": 7}', "nothing of link, banks"),
        ('{"link": {"force_auth_token": "yes"}}', "settings.link.force_auth_token must be a bool"),
        ('{"link": 7}', "settings.link must be a mapping"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_in_a_sentence(customer, app, piped, says):
    done = customer.run("settings", "update", "--app-id", app.id, "--file", "-", pipe=piped)
    done = customer.using(APP_ID=app.id).run("settings", "update", "--file", "-", pipe=piped)

    assert done.code == 2
    assert says in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["secrets", "create", "--app-id", "app_1"], "Missing option '--display-name'"),
        (["secrets", "get"], "Missing argument 'SECRET_ID'"),
        (["secrets", "list"], "Which app? Say --app-id"),
        (["apps", "get"], "Which app? Say APP_ID"),
        (["secrets", "update", "sec_1"], "Say one of --display-name, --allowed-cidrs"),
        (["secrets", "rotate", "sec_1", "--overlap", "2 weeks"], "as 30s, 10m, 1h30m or 7d"),
        (["secrets", "rotate", "sec_1", "--overlap", ""], "as 30s, 10m, 1h30m or 7d"),
        (["events", "list", "--start-time", "2030-01-31"], "a time with its zone"),
        (["events", "list", "--start-time", "soon"], "a time with its zone"),
        (["banks", "set-status", "es-bbva", "--status", "TIRED"], "is not one of"),
        (["banks", "set-status", "es-bbva"], "Missing option '--status'"),
        (["secrets", "list", "--limit", "0"], "--limit"),
        (["secrets", "lsit"], "No such command 'lsit'. Did you mean 'list'?"),
        (["nonsense"], "No such command 'nonsense'"),
        (["secrts", "list"], "Did you mean 'secrets'?"),
        (["apps", "list", "--timeout", "0s"], "must be above zero"),
        (["apps", "list", "--tls-root", "/nowhere.pem"], "The TLS root /nowhere.pem"),
        (
            [
                "events",
                "publish",
                "--app-id",
                "app_1",
                "--event-id",
                "1",
                "--type",
                "connection.a",
                "--payload-json",
                "@/nowhere.json",
            ],
            "Cannot read /nowhere.json",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "says",
)
def test_wrong_usage_is_a_sentence_and_exits_with_2(customer, arguments, says):
    done = customer.run(*arguments)
    told = customer.run(*arguments, "--json")

    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert told.code == 2
    assert told.error["code"] == "USAGE"
    assert says in told.error["message"]


@pytest.mark.parametrize("by", ["argument", "file", "pipe"])
def test_an_events_payload_is_an_argument_a_file_or_a_pipe(anyone, publisher, app, tmp_path, by):
    service = anyone.using(SERVICE_KEY=publisher.credential)
    payload = '{"bank": "es-bbva"}'
    file = tmp_path / "payload.json"
    file.write_text(f"{payload}\n")
    typed = {"argument": payload, "file": f"@{file}", "pipe": "-"}[by]

    made = service.json(
        *("events", "publish", "--app-id", app.id, "--event-id", "connection-1"),
        *("--type", "connection.ready", "--payload-json", typed),
        pipe=f"{payload}\n",
    )

    assert f'"data":{payload}}}' in made["event"]["payload_json"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("secrets", "get", "{}"),
        ("secrets", "revoke", "{}", "--yes"),
        ("banks", "list", "{}"),
        ("links", "explain", "{}"),
        ("links", "open", "{}"),
        ("watch", "settings", "--app-ids", "{}"),
        ("settings", "watch", "--app-ids", "{}"),
        ("sessions", "watch-revocations", "--cursor", "{}"),
        ("login", "--email", "{}"),
        ("profiles", "set", "one", "--target", "{}"),
    ],
    ids=" ".join,
)
def test_bytes_that_are_no_text_are_a_sentence_and_no_traceback(customer, arguments):
    # As a shell passes a byte of Latin-1 on.
    typed = [one.format("\udcff") for one in arguments]

    done = customer.run(*typed, pipe="a password")

    assert done.code != 0
    assert "Traceback" not in done.err
    assert done.err


def test_a_length_of_time_may_be_said_in_several_units(customer, account, app, secret):
    customer = customer.using(PASSWORD=account.password)

    rotated = customer.json("secrets", "rotate", secret.id, "--overlap", "1d2h3m4s")

    retiring = account.secrets.GetSecret(secret_id=secret.id).secret
    new = account.secrets.GetSecret(secret_id=rotated["secret"]["id"]).secret
    assert retiring.expire_time.seconds - new.create_time.seconds in {93_783, 93_784}
