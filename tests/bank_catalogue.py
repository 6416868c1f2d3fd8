"""A database of one's own with the real catalogue, for tests that change it."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pysqlite3
from tests.clock import Clock

from finlink_server import bootstrap, config
from finlink_server.domain import banks
from finlink_server.env import Env
from finlink_server.hashing import Hasher
from finlink_server.storage.schema import MODELS


@contextmanager
def opened(folder: Path) -> Iterator[Env]:
    """Open it, and give the models back to the database that they were bound to."""
    bound = [(model, model._meta.database) for model in MODELS]
    settings = config.load({"FINLINK_DATA_DIR": str(folder)})
    env = bootstrap.open_env(settings, Clock(), Hasher(cost=4, threads=1, queue=4))
    try:
        yield env
    finally:
        env.database.end()
        for model, database in bound:
            model._meta.set_database(database)


@contextmanager
def undone(env: Env) -> Iterator[None]:
    """Undo what was changed inside."""
    with (
        closing(pysqlite3.connect(env.database.name)) as database,
        closing(pysqlite3.connect(":memory:")) as saved,
    ):
        database.backup(saved)
        yield
        saved.backup(database)
    env.memory.pop(banks._MEMORY, None)


def write_file(folder: Path, **content: Any) -> Path:
    """Write an operator's file."""
    path = folder / "banks.json"
    path.write_text(json.dumps(content))
    return path
