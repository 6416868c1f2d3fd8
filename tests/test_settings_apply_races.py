"""`finlink settings apply` beside others who work on the same app, and cut off in the middle."""

from __future__ import annotations

import os
import subprocess
import sys
from signal import SIGKILL

import pytest
from grpc import StatusCode
from tests import app_settings
from tests.races import Race
from tests.settings_files import FILE, HOOK

from finlink_client import Finlink
from finlink_client.errors import Aborted, Unavailable
from finlink_client.resources.endpoints import Endpoints
from finlink_client.settings_file import changes, plans, reader


@pytest.fixture
def client(server, account):
    with Finlink.with_token(server.target, token=account.token) as made:
        yield made


# --------------------------------------------------------------------- somebody else at work


def planned(client, app_file, text, *, prune=False):
    """Make a plan, as a person who then thinks about it."""
    wanted = reader.read(app_file.write(text).read_bytes())
    return plans.make(wanted, client.settings.get(wanted.app_id), prune=prune)


def test_settings_that_somebody_changed_since_the_plan_are_not_overwritten(
    client, app_file, account, app, endpoints
):
    plan = planned(client, app_file, FILE)
    theirs = app_settings.change(account, app, {"link.languages": ["fr"]})

    with pytest.raises(Aborted, match=r"changed the settings after version 1.* Plan again"):
        list(changes.make(client, plan))

    assert app_settings.read(account, app) == theirs
    assert endpoints() == {}


def test_whoever_was_slower_is_told_with_an_exit_code_of_its_own(
    as_customer, app_file, account, app, monkeypatch
):
    def edit(*_, **__):
        app_settings.change(account, app, {"link.languages": ["fr"]})
        return True

    monkeypatch.setattr("click.confirm", edit)

    applied = as_customer("settings", "apply", app_file.write(FILE), typed="")

    assert applied.exit_code == 74
    assert "Somebody changed the settings after version 1" in applied.err
    assert app_settings.read(account, app).version == 2


@pytest.mark.parametrize(
    "text", [FILE.replace("[connection.*]", "[other.*]"), "webhook_endpoints: []"]
)
def test_an_endpoint_that_somebody_changed_since_the_plan_is_left_alone(
    client, as_customer, app_file, account, endpoints, text
):
    as_customer("settings", "apply", "--yes", app_file.write(FILE))
    plan = planned(client, app_file, text, prune=True)
    theirs = account.webhooks.UpdateEndpoint(
        endpoint={"id": endpoints()["a"].id, "display_name": "Theirs"},
        update_mask={"paths": ["display_name"]},
    ).endpoint

    with pytest.raises(Aborted, match=f"Somebody changed {theirs.id} since the plan. Plan again"):
        list(changes.make(client, plan))

    assert endpoints()["a"] == theirs


def test_an_endpoint_that_somebody_deleted_is_as_good_as_deleted(
    client, as_customer, app_file, account, endpoints
):
    as_customer("settings", "apply", "--yes", app_file.write(FILE))
    plan = planned(client, app_file, "webhook_endpoints: []", prune=True)
    account.webhooks.DeleteEndpoint(endpoint_id=endpoints()["a"].id)

    done = list(changes.make(client, plan))

    assert [one.what.split(" ", 1)[1] for one in done] == [
        "was deleted meanwhile.",
        done[1].endpoint_id + ".",
    ]
    assert endpoints() == {}


# --------------------------------------------------------------------- all at the same time


def apply_at_once(server, account, text, app_file, *, times=6):
    """Plan a file so many times, then apply all plans at one moment: what was done, and refused."""
    clients = [Finlink.with_token(server.target, token=account.token) for _ in range(times)]
    made = [planned(client, app_file, text) for client in clients]
    done: list[changes.Done] = []
    refused: list[str] = []

    def apply(number):
        try:
            done.extend(changes.make(clients[number], made[number]))
        except Aborted as refusal:
            refused.append(refusal.reason)

    Race(times, apply)
    for client in clients:
        client.close()
    return done, refused


def test_of_many_who_apply_one_file_one_writes_it(server, account, app, app_file, endpoints):
    done, refused = apply_at_once(server, account, FILE, app_file)

    assert app_settings.read(account, app).version == 2
    assert refused == ["ETAG_MISMATCH"] * 5
    assert sorted(endpoints()) == ["a", "b"]
    assert len([one for one in done if one.signing_secret]) == 2


def test_of_many_who_make_the_same_endpoints_each_is_made_once(
    server, account, app_file, endpoints
):
    text = f"webhook_endpoints: [{{uri: '{HOOK}a'}}, {{uri: '{HOOK}b'}}, {{uri: '{HOOK}c'}}]"

    done, refused = apply_at_once(server, account, text, app_file)

    assert refused == []
    ids = sorted(one.id for one in endpoints().values())
    assert sorted(one.endpoint_id for one in done if one.signing_secret) == ids
    others = [one.what for one in done if not one.signing_secret]
    assert len(others) == 5 * 3
    assert all("rotate-signing-secret" in told for told in others)


# ------------------------------------------------------------------- cut off in the middle


def test_what_fails_after_something_was_written_says_so_and_goes_on_later(
    as_customer, app_file, account, app, endpoints
):
    path = app_file.write(FILE.replace(f"{HOOK}b", "https://10.0.0.1/hook"))

    failed = as_customer("settings", "apply", "--yes", path)

    assert failed.exit_code == 67
    assert "webhook_endpoints[1]: " in failed.err
    made = endpoints()["a"]
    assert (
        "Done before it was cut off: Wrote the settings: version 2."
        f" Created {made.id} for {made.uri}. That stays."
    ) in failed.err
    assert sorted(endpoints()) == ["a"]

    corrected = as_customer("settings", "apply", "--yes", "--json", app_file.write(FILE))

    plan, *done = corrected.json_lines
    assert (corrected.exit_code, plan["plan"]["settings"]) == (0, [])
    assert [one["done"]["action"] for one in done] == ["create", "update"]
    assert app_settings.read(account, app).version == 2
    assert sorted(endpoints()) == ["a", "b"]


KILLED = """
import os, sys
from finlink_client.command_line import commands
from finlink_client.settings_file import changes

function, after = sys.argv[1], sys.argv[2] == "after"
real = getattr(changes, function)

def dies(*asked, **named):
    if named.get("validate_only"):
        return real(*asked, **named)
    if after:
        list(real(*asked, **named) if function == "_create" else [real(*asked, **named)])
    os.kill(os.getpid(), 9)

setattr(changes, function, dies)
commands.run(sys.argv[3:])
"""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("function", ["update_settings", "_create"])
def test_a_killed_apply_is_gone_on_with_by_the_next(
    as_customer, app_file, account, app, endpoints, function, moment
):
    path = app_file.write(FILE)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, function, moment, "settings", "apply", "--yes", str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    versions = app_settings.read(account, app).version

    applied = as_customer("settings", "apply", "--yes", path)

    assert killed.returncode == -SIGKILL, killed.stderr
    assert versions == (1 if (function, moment) == ("update_settings", "before") else 2)
    assert applied.exit_code == 0, applied.err
    assert app_settings.read(account, app).version == 2
    assert sorted(endpoints()) == ["a", "b"]
    assert as_customer("settings", "plan", "--exit-code", path).exit_code == 0


@pytest.mark.parametrize(
    ("failure", "exit_code"),
    [
        (Unavailable(StatusCode.UNAVAILABLE, "The connection broke."), 78),
        (KeyboardInterrupt(), 130),
    ],
    ids=["connection", "Ctrl-C"],
)
def test_whatever_cuts_it_off_what_was_done_is_said(
    as_customer, app_file, monkeypatch, failure, exit_code
):
    def cut_off(*_, **__):
        raise failure

    monkeypatch.setattr(Endpoints, "create", cut_off)

    failed = as_customer("settings", "apply", "--yes", app_file.write(FILE))

    assert failed.exit_code == exit_code
    assert "Done before it was cut off: Wrote the settings: version 2. That stays." in failed.err
    assert "Apply the file again: it goes on from there." in failed.err
