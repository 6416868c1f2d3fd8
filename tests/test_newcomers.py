"""What newcomers get wrong with `finlink-server`, and what they are told."""

import os
import subprocess
import sys

import pytest

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
