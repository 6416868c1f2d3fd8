"""Banks that leave the catalogue while an app's settings name them, and come back."""

import pytest
from tests import bouvet
from tests.app_settings import change, read, refusal_of
from tests.bouvet import ALL, COUNTRY, EXCEPT, IDS, ONLY, bank_settings, shown

ANVERS, ARCTOWSKI, BELGICA, BERKNER, CHARCOT, VOSTOK = IDS


@pytest.fixture(scope="module")
def island(server, tmp_path_factory):
    with bouvet.inhabited(server.env, tmp_path_factory.mktemp("banks")) as island:
        yield island


@pytest.fixture
def without(island):
    """Take banks out of the catalogue; the test's end brings them back."""
    gone: list[str] = []

    def leave(*bank_ids):
        island.leave(*bank_ids)
        gone.extend(bank_ids)

    yield leave
    island.come_back(*gone)


def test_a_bank_that_leaves_the_catalogue_is_reported_and_shown_no_more(account, app, without):
    kept = change(account, app, bank_settings(ONLY, [VOSTOK, ANVERS, BELGICA], [VOSTOK]))
    assert not kept.banks.missing_bank_ids

    without(VOSTOK)

    present = read(account, app)
    assert list(present.banks.missing_bank_ids) == [VOSTOK]
    assert list(present.banks.pinned_bank_ids) == [VOSTOK]
    assert present.etag == kept.etag
    assert shown(account, app) == [ANVERS, BELGICA]


def test_a_bank_that_comes_back_is_shown_in_its_place(account, app, island, without):
    kept = change(account, app, bank_settings(ONLY, [VOSTOK, ANVERS], [VOSTOK]))
    without(VOSTOK)

    island.come_back(VOSTOK)

    assert read(account, app) == kept
    assert shown(account, app) == [VOSTOK, ANVERS]


def test_a_bank_that_left_stops_no_change(account, app, without):
    change(account, app, bank_settings(EXCEPT, [CHARCOT, ANVERS], [VOSTOK, BERKNER]))
    without(VOSTOK, CHARCOT)

    elsewhere = change(account, app, {"link.force_auth_token": True})
    repinned = change(account, app, {"banks.pinned_bank_ids": [BELGICA, VOSTOK, BERKNER]})
    whole = change(account, app, bank_settings(EXCEPT, [CHARCOT], [VOSTOK]))

    assert list(elsewhere.banks.missing_bank_ids) == [CHARCOT, VOSTOK]
    assert list(repinned.banks.missing_bank_ids) == [CHARCOT, VOSTOK]
    assert list(whole.banks.missing_bank_ids) == [CHARCOT, VOSTOK]
    assert shown(account, app) == [ANVERS, ARCTOWSKI, BELGICA, BERKNER]


def test_a_bank_that_left_can_be_named_no_more_by_whom_it_was_not(account, app, without):
    without(VOSTOK)

    fields = refusal_of(account, app, bank_settings(ONLY, [ANVERS, VOSTOK]))

    assert list(fields) == ["settings.banks.bank_ids[1]"]


def test_a_rollback_to_a_bank_that_left_gives_it_back_as_missing(account, app, without):
    named = change(account, app, bank_settings(ONLY, [VOSTOK, ANVERS], [VOSTOK]))
    change(account, app, {}, "banks")
    without(VOSTOK)

    back = account.settings.RollbackSettings(app_id=app.id, version=named.version).settings

    assert list(back.banks.bank_ids) == [VOSTOK, ANVERS]
    assert list(back.banks.missing_bank_ids) == [VOSTOK]
    assert shown(account, app) == [ANVERS]


def test_when_all_named_banks_left_the_rest_can_still_be_changed(account, app, without):
    change(account, app, bank_settings(ONLY, [VOSTOK]))
    without(VOSTOK)

    assert shown(account, app) == []
    assert change(account, app, {"link.force_auth_token": True}).version == 3
    assert list(refusal_of(account, app, {"banks.country_codes": []})) == ["settings.banks"]
    change(account, app, {"banks.mode": ALL, "banks.bank_ids": []})
    assert shown(account, app) == [one for one in IDS if one != VOSTOK]


def test_a_bank_that_left_is_in_no_list(account, app, without):
    without(VOSTOK)

    listed = account.settings.ListBanks(country_codes=[COUNTRY]).banks

    assert [one.id for one in listed] == [one for one in IDS if one != VOSTOK]
    assert not account.settings.ListBanks(query="vostok", country_codes=[COUNTRY]).banks
