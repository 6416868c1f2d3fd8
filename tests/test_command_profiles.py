"""Profiles of `finlink`: what they hold, who may read them, and which one counts."""

from __future__ import annotations

import grpc
import pytest

pytestmark = pytest.mark.either("What the command line keeps does not depend on the database.")

UNAUTHENTICATED = 64 + grpc.StatusCode.UNAUTHENTICATED.value[0]


# ---------------------------------------------------------------------------- credentials


def test_a_customer_signs_in_once_and_the_password_is_not_kept(anyone, account, app):
    signed_in = anyone.run("login", "--email", account.email, pipe=account.password)

    assert signed_in.code == 0, signed_in.err
    assert account.email in signed_in.out
    assert account.password not in anyone.profiles.read_text()
    assert anyone.kept()["default"]["account_token"] not in signed_in.out + signed_in.err
    listed = anyone.json("apps", "list", "--profile", "default")
    assert [one["id"] for one in listed] == [app.id]


def test_signing_out_ends_the_token_and_forgets_it(anyone, account):
    anyone.run("login", "--email", account.email, pipe=account.password)
    token = anyone.kept()["default"]["account_token"]

    done = anyone.run("logout")

    assert done.code == 0, done.err
    assert "account_token" not in anyone.kept()["default"]
    assert anyone.using(TOKEN=token).run("apps", "list").code == UNAUTHENTICATED
    assert anyone.run("logout").code == 2


def test_a_token_that_has_ended_says_how_to_sign_in_again(anyone, account, operator):
    anyone.run("login", "--email", account.email, pipe=account.password)
    operator.admin.ResetPassword(account_id=account.id)

    done = anyone.run("apps", "list", "--profile", "default")
    left = anyone.run("logout")

    assert done.code == UNAUTHENTICATED
    assert "finlink login" in done.err
    assert (left.code, left.err) == (0, "The account token had ended already.\n")


def test_a_wrong_password_keeps_nothing(anyone, account):
    done = anyone.run("login", "--email", account.email, pipe="not the password")

    assert done.code == UNAUTHENTICATED
    assert not anyone.profiles.exists()


def test_an_apps_server_is_a_client_id_and_a_secret_from_a_pipe(anyone, app, secret):
    made = anyone.run("profiles", "set", "shop", "--client-id", app.id, pipe=secret.plaintext)

    assert made.code == 0, made.err
    assert secret.plaintext not in made.out + made.err
    session = anyone.json("sessions", "get", "--profile", "shop")
    assert session["secret_id"] == secret.id
    # The app is its own: nobody need name it.
    assert anyone.json("settings", "get", "--profile", "shop")["app_id"] == app.id


def test_a_service_is_its_key_from_the_environment(anyone, operator):
    shell = anyone.using(SERVICE_KEY=operator.credential)
    shell.run(
        "profiles", "set", "ops", "--service-key", "--target", anyone.variables["FINLINK_TARGET"]
    )

    listed = anyone.run("accounts", "list", "--limit", "1", "--profile", "ops")

    assert listed.code == 0, listed.err


def test_another_credential_takes_the_place_of_the_one_before(anyone, app, secret):
    anyone.run("profiles", "set", "one", "--client-id", app.id, pipe=secret.plaintext)

    anyone.run("profiles", "set", "one", "--email", "ana@example.com")

    assert anyone.kept()["one"] == {
        "target": anyone.variables["FINLINK_TARGET"],
        "email": "ana@example.com",
    }


def test_what_is_not_named_stays(anyone):
    anyone.run("profiles", "set", "one", "--target", "config.example:443", "--app-id", "app_1")

    anyone.run("profiles", "set", "one", "--tls-root", "ca.pem")

    assert anyone.kept()["one"] == {
        "target": "config.example:443",
        "app_id": "app_1",
        "tls_root": "ca.pem",
    }


def test_a_profile_has_one_credential(anyone):
    done = anyone.run("profiles", "set", "one", "--email", "a@example.com", "--service-key")

    assert done.code == 2
    assert "one credential" in done.err


# ---------------------------------------------------------------------- which one counts


def test_a_profile_that_is_named_counts_more_than_the_environment(anyone, account, operator):
    target = anyone.variables["FINLINK_TARGET"]
    anyone.run(
        "login",
        "--profile",
        "ana",
        "--email",
        account.email,
        "--target",
        target,
        pipe=account.password,
    )
    elsewhere = anyone.using(TARGET="127.0.0.1:1", SERVICE_KEY=operator.credential)

    by_option = elsewhere.json("accounts", "get", "--profile", "ana")
    by_variable = elsewhere.using(PROFILE="ana").json("accounts", "get")

    assert by_option["id"] == by_variable["id"] == account.id


def test_a_credential_of_the_environment_counts_more_than_the_default_profile(
    anyone, account, stranger
):
    anyone.run("login", "--email", account.email, pipe=account.password)

    assert anyone.using(TOKEN=stranger.token).json("accounts", "get")["id"] == stranger.id


def test_the_default_profiles_credential_goes_to_no_server_that_the_environment_names(
    anyone, account, scripted
):
    anyone.run("login", "--email", account.email, pipe=account.password)

    elsewhere = anyone.using(TARGET=scripted.target).run("secrets", "get", "sec_1")

    assert elsewhere.code == 0
    assert len(scripted.requests) == 1
    assert scripted.authorizations() == []


def test_the_default_profile_is_used_where_nothing_is_named(anyone, account, app):
    target = anyone.variables["FINLINK_TARGET"]
    anyone.run("login", "--email", account.email, "--target", target, pipe=account.password)
    nothing_named = type(anyone)(anyone.config, {})

    assert nothing_named.json("accounts", "get")["id"] == account.id
    assert anyone.json("accounts", "get")["id"] == account.id  # the same server is no other


def test_a_profile_names_the_app_that_is_meant(anyone, account, app):
    anyone.run("login", "--email", account.email, pipe=account.password)
    anyone.run(
        "profiles",
        "set",
        "default",
        "--app-id",
        app.id,
        "--target",
        anyone.variables["FINLINK_TARGET"],
    )
    shell = type(anyone)(anyone.config, {})

    assert shell.json("apps", "get")["id"] == app.id
    assert shell.json("secrets", "list") == []
    assert shell.run("apps", "get", "app_00000000000000000000000000").code != 0


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"TOKEN": "a", "SERVICE_KEY": "b"}, "Set one of FINLINK_SERVICE_KEY, FINLINK_TOKEN"),
        ({"CLIENT_ID": "app_1"}, "FINLINK_CLIENT_SECRET"),
        ({"PROFILE": "nobody"}, "has no profile nobody"),
        ({"EMAIL": "ana@example.com"}, "is not signed in"),
    ],
)
def test_an_environment_that_cannot_be_meant_is_refused(anyone, variables, says):
    done = anyone.using(**variables).run("apps", "list")

    assert done.code == 2
    assert says in done.err


def test_a_profile_that_is_not_signed_in_names_itself_in_the_remedy(anyone):
    anyone.run("profiles", "set", "shop", "--email", "ana@example.com")

    done = anyone.run("apps", "list", "--profile", "shop")

    assert "`finlink login --profile shop`" in done.err


def test_an_account_can_sign_in_by_the_environment_alone(anyone, account, app):
    shell = anyone.using(EMAIL=account.email, PASSWORD=account.password)

    assert [one["id"] for one in shell.json("apps", "list")] == [app.id]
