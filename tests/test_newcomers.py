"""What newcomers get wrong with `finlink-server`, and what they are told."""

import os
import re
import subprocess
import sys

import grpc
import pytest
from tests import readme
from tests.processes import Home

from finlink_client import FinlinkError

pytestmark = pytest.mark.either("what is typed and told is the same on both")


@pytest.mark.parametrize("missing", ["click", "pydantic", "finlink_server.log"])
def test_without_its_extra_the_server_names_it_and_hides_no_defect(missing):
    program = f"import sys; sys.modules[{missing!r}] = None; "
    program += "from finlink_server.__main__ import main; main()"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, text=True
    )

    is_ours = missing.startswith("finlink")
    assert done.returncode == (1 if is_ours else 2)
    assert ("Traceback" in done.stderr) == is_ours
    assert ("pip install 'finlink-config[server]'\n" in done.stderr) != is_ours


def check_in(folder):
    """Check as somebody does whose shell is in this folder, and has no settings."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("FINLINK_")}
    return subprocess.run(
        [sys.executable, "-m", "finlink_server", "check"],
        cwd=folder,
        env=inherited,
        capture_output=True,
        check=True,
        text=True,
    ).stdout


def test_a_check_in_a_wrong_folder_shows_where_it_looked(tmp_path):
    told = check_in(tmp_path)

    assert f"Database: {tmp_path}/.finlink/finlink.db is not there yet" in told
    assert f"Master key: {tmp_path}/.finlink/master.key is not there yet" in told


@pytest.mark.sqlite("its file is named")
def test_a_check_in_the_right_folder_says_which_that_is(home, tmp_path):
    home.copy_to(tmp_path / ".finlink")

    told = check_in(tmp_path)

    assert f"Database: {tmp_path}/.finlink/finlink.db is sound" in told
    assert f" in {tmp_path}/.finlink/master.key\n" in told


# -------------------------------------------------------------------------- serve --demo


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_demo_on_the_same_data_is_refused_and_ends_nothing(tmp_path, workers):
    home = Home(tmp_path / "new")
    with home.serving("--demo", WORKERS=str(workers)) as first:
        told = first.exported()

        second = home.run("serve", "--demo")

        assert (second.returncode, second.stdout) == (1, "")
        assert f"A demo runs already on the data in {home.database}" in second.stderr
        assert "FINLINK_DATA_DIR=.finlink-2" in second.stderr
        assert first.caller(told["OPERATOR_KEY"]).admin.ListAccounts().accounts


def test_the_readme_names_every_reason_that_a_restart_of_the_demo_gives(tmp_path):
    home = Home(tmp_path / "new")
    with home.serving("--demo") as server:
        told = server.exported()
        session = start_session(server, told)

    with home.serving("--demo") as server:
        reasons = {
            why(server.caller(told["OPERATOR_KEY"]).admin.ListAccounts),
            why(lambda: sign_in(server, told)),
            why(lambda: start_session(server, told)),
            why(server.caller(session.access_token).sessions.GetSession),
        }

    [asked] = re.findall(r"^- \*(.*) all of a sudden\?", readme.section("Run it"), re.MULTILINE)
    assert set(readme.names(asked)) == reasons


def sign_in(server, told):
    return server.caller().accounts.SignIn(email=told["DEMO_EMAIL"], password=told["DEMO_PASSWORD"])


def start_session(server, told):
    return server.caller().sessions.StartSession(
        client_id=told["DEMO_APP_ID"], client_secret=told["DEMO_CLIENT_SECRET"]
    )


def why(call) -> str:
    with pytest.raises(grpc.RpcError) as error:
        call()
    return FinlinkError.of(error.value).reason
