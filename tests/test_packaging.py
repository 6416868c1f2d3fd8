"""What other teams install: the wheel, and an environment with the base install alone."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PIP = ["-m", "pip", "--disable-pip-version-check", "--quiet"]


def run(python, *arguments):
    done = subprocess.run([python, *arguments], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory)
    [wheel] = directory.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def python(tmp_path_factory, wheel):
    """The interpreter of an environment that holds the base install and nothing else."""
    directory = tmp_path_factory.mktemp("base") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", directory)
    python = directory / "bin" / "python"
    run(sys.executable, *PIP, "--python", python, "install", "--no-compile", wheel)
    return python


def test_the_wheel_holds_three_packages_and_no_folder_of_the_repository(wheel):
    names = zipfile.ZipFile(wheel).namelist()

    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"finlink", "finlink_server", "finlink_client"}


def test_finlink_and_finlink_config_stay_open_for_other_packages(wheel):
    names = zipfile.ZipFile(wheel).namelist()

    assert "finlink/__init__.py" not in names
    assert "finlink/config/__init__.py" not in names


@pytest.mark.parametrize("package", ["finlink/config/v1", "finlink_client", "finlink_server"])
def test_each_package_says_that_it_is_typed(wheel, package):
    assert f"{package}/py.typed" in zipfile.ZipFile(wheel).namelist()


def test_the_base_install_imports_the_stubs_and_the_client(python):
    run(python, "-W", "error", "-c", "import finlink_client; from finlink.config import v1")


@pytest.mark.parametrize(
    "module", ["bcrypt", "click", "peewee", "pydantic", "pysqlite3", "rich", "structlog"]
)
def test_the_base_install_is_light(python, module):
    probe = f"import importlib.util, sys; sys.exit(bool(importlib.util.find_spec({module!r})))"

    run(python, "-c", probe)


def test_without_its_extra_the_server_says_how_to_install_it(python):
    done = subprocess.run(
        [python.with_name("finlink-server"), "--help"], capture_output=True, check=False, text=True
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'finlink-config[server]'" in done.stderr
    assert done.stderr.count("\n") == 1
