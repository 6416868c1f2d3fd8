"""What newcomers get wrong with `finlink-server`, and what they are told."""

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
