"""Any settings file, applied after any other: the app is then as the file says."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.app_settings import DARK, LIGHT
from tests.hooks import stopped
from tests.settings_files import HOOK

from finlink_client import Finlink
from finlink_client.settings_file import changes, fields, plans, reader, writer

NAMES = st.sampled_from(["Shop", "Orders", "2", "no"])
REDIRECTS = st.lists(
    st.fixed_dictionaries(
        {
            "display_name": NAMES,
            "uri": st.sampled_from([f"https://shop.example/{one}" for one in "abc"]),
        }
    ),
    max_size=5,
)
ENDPOINTS = st.lists(
    st.fixed_dictionaries(
        {
            "uri": st.sampled_from([HOOK + one for one in "abcd"]),
            "display_name": NAMES | st.just(""),
            "event_types": st.lists(
                st.sampled_from(["secret.*", "connection.ready", "x.y"]), max_size=2, unique=True
            ),
            "disabled": st.booleans(),
        }
    ),
    max_size=4,
    unique_by=lambda one: (one["uri"], one["display_name"]),
)
TEXTS = st.lists(
    st.fixed_dictionaries(
        {"language": st.sampled_from(["es", "no", "fr"]), "title": st.sampled_from(["", "¡Hola!"])}
    ),
    max_size=3,
    unique_by=lambda one: one["language"],
)
FILES = st.fixed_dictionaries(
    {},
    optional={
        "link.force_auth_token": st.booleans(),
        "link.redirects": REDIRECTS,
        "link.languages": st.lists(st.sampled_from(["es", "no", "fr"]), max_size=3, unique=True),
        "link.appearance.light": st.sampled_from([None, LIGHT, DARK]),
        "link.texts": TEXTS,
        "link.terms_uri": st.sampled_from(["", "https://shop.example/terms"]),
        "banks.mode": st.sampled_from(["ALL", "EXCEPT"]),
        "banks.country_codes": st.lists(st.sampled_from(["NO", "ES"]), max_size=2, unique=True),
        "webhook_endpoints": ENDPOINTS,
    },
)


@pytest.fixture
def client(server, account):
    """Meanwhile nothing is sent: its random delays would disturb Hypothesis."""
    with stopped(server), Finlink.with_token(server.target, token=account.token) as made:
        yield made


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=st.lists(FILES, min_size=1, max_size=4))
def test_any_files_one_after_the_other_leave_the_app_as_each_says(client, app, files):
    for file in files:
        head = {"api_version": fields.API_VERSION, "app_id": app.id}
        wanted = reader.read(writer.write(head | fields.settings_of(file)).encode())
        before = client.settings.get(app.id)
        plan = plans.make(wanted, before, prune=True)

        list(changes.make(client, plan))

        after = client.settings.get(app.id)
        assert not plans.make(wanted, after, prune=True).changes_anything
        assert after.version == before.version + bool(plan.settings)
        unmentioned = [path for path in fields.PATHS if path not in wanted.values]
        values = [fields.values_of(one) for one in (before, after)]
        assert [values[0][path] for path in unmentioned] == [
            values[1][path] for path in unmentioned
        ]
        if wanted.endpoints is not None:
            there = [fields.endpoint_values(one) | {"id": ""} for one in after.webhook_endpoints]
            assert sorted(map(repr, there)) == sorted(
                repr({name: one[name] for name in fields.ENDPOINT_FIELDS})
                for one in wanted.endpoints
            )
        assert not plans.make(
            reader.read(writer.write(writer.content(after)).encode()), after, prune=True
        ).changes_anything
