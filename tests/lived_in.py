"""A data directory with customers in it, and what somebody changes behind the service's back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests import people, quick_server
from tests.faults.stores import store_of


@pytest.fixture(scope="module")
def first_lived_in(first_home, tmp_path_factory):
    """With two customers, of whom one has a session."""
    home = first_home.copy_to(tmp_path_factory.mktemp("lived in") / "home")
    home = replace(home, program=("-P", str(quick_server.__file__)))
    with home.serving() as server:
        operator = server.caller(home.operator_key)
        for name in ("Ana", "Bo"):
            account = people.new_account(operator, name)
            app = people.new_app(account)
        people.new_secret(account, app).start()
    return home


@pytest.fixture
def lived_in(first_lived_in, tmp_path):
    """A copy of it, whose webhooks may go to this machine."""
    home = first_lived_in.copy_to(tmp_path / "home")
    return replace(home, settings={**home.settings, "WEBHOOK_ALLOW_CIDRS": "127.0.0.0/8"})


def change(home, *statements):
    """Run SQL behind the service's back."""
    for statement in statements:
        store_of(home).change(statement)


def read(home, sql):
    return store_of(home).read(sql)


def blob(home, value):
    """How bytes are written in SQL."""
    return f"decode('{value.hex()}', 'hex')" if home.place.postgres else f"X'{value.hex()}'"
