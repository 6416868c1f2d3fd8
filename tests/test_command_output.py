"""What `finlink` does when its standard output takes nothing."""

from __future__ import annotations

import json
import subprocess

import pytest

from finlink.config import v1

pytestmark = pytest.mark.either("Where answers are written does not depend on the database.")

_PATIENCE = 60  # seconds


def run_into(place, shell, *arguments):
    """Run a command whose standard output a shell sends somewhere."""
    return subprocess.run(
        ["/bin/sh", "-c", f'"$@" {place}', "sh", *shell.command(*arguments)],
        env=shell.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )


def said(done, *, as_json):
    return json.loads(done.stderr)["error"]["message"] if as_json else done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--version",), ("apps", "list"), ("apps", "list", "--json"), ("banks", "list")],
    ids=" ".join,
)
def test_a_full_disk_is_a_sentence_and_looks_like_no_answer(customer, app, arguments):
    done = run_into(">/dev/full", customer, *arguments)

    told = said(done, as_json="--json" in arguments)
    assert done.returncode == 4
    assert "Standard output could not be written: No space left on device." in told
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["people", "json"])
def test_a_secret_whose_plaintext_was_lost_is_named(customer, account, app, more):
    made = ["secrets", "create", "--app-id", app.id, "--display-name", "lost", *more]

    done = run_into(">/dev/full", customer, *made)

    [secret] = account.secrets.ListSecrets(app_id=app.id).secrets
    assert done.returncode == 4
    assert secret.id in said(done, as_json=bool(more))
    assert "nobody has seen its client_secret" in said(done, as_json=bool(more))


def test_what_cannot_show_its_plan_applies_nothing(customer, account, app, app_file):
    file = app_file.write("webhook_endpoints:\n  - uri: https://127.0.0.1:9/a\n")

    done = run_into(">/dev/full", customer, "settings", "apply", "--yes", "--json", str(file))

    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    # The plan is written first: what could not be shown was not begun.
    assert list(account.webhooks.ListEndpoints(app_id=app.id).endpoints) == []


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["people", "json"])
def test_a_standard_output_that_is_closed_is_told_before_anything_is_done(
    customer, account, app, more
):
    made = ["secrets", "create", "--app-id", app.id, "--display-name", "never", *more]

    done = run_into(">&-", customer, *made)

    assert done.returncode == 2
    assert "Standard output is closed" in said(done, as_json=bool(more))
    assert account.secrets.ListSecrets(app_id=app.id) == v1.ListSecretsResponse()


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["people", "json"])
def test_a_reader_who_has_seen_enough_is_no_answer_of_no(as_operator, more):
    with as_operator.started("banks", "list", *more) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()  # long before there is an answer
        told = process.stderr.read()
        code = process.wait(_PATIENCE)

    assert (code, told) == (141, "")
