"""The server answers as a model of the service does, in random histories of calls.

Every story once, and six histories, the same ones each time. `make model` plays others: as many as
MODEL_HISTORIES says, from MODEL_SEED on.
"""

from __future__ import annotations

import os
import secrets
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.model.machine import Histories
from tests.model.stage import Stage, read_catalogue
from tests.model.tellings import TELLINGS

from finlink.config import v1
from finlink_server.domain import delivery_queue
from finlink_server.domain.caller import Role

# It warns that RFC 9864 has a newer name for EdDSA with Ed25519; the contract chose this one.
pytestmark = pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")

HISTORIES = int(os.environ.get("MODEL_HISTORIES", "0"))
# With the next ten hypothesis would begin to play variations of the first.
_AT_ONCE = 10 if HISTORIES else 6
_ROUNDS = -(-HISTORIES // _AT_ONCE) or 1


@pytest.fixture(scope="module")
def first_seed():
    """Where the rounds begin to count; workers of one run must not differ in the tests' names."""
    return int(os.environ.get("MODEL_SEED", secrets.randbelow(10**6))) if HISTORIES else 0


@pytest.fixture(scope="module")
def banks(operator):
    return read_catalogue(operator)


@pytest.fixture
def stage(request, server, operator, banks, receiver):
    dodo = operator.settings.GetBank(bank_id="aq-dodo").bank
    stage = Stage(
        server.clock,
        server.key(Role.OPERATOR),
        receiver.uri(""),
        receiver.requests,
        lambda: not delivery_queue.has_news(server.env),
        dict(banks),
        {dodo.id: dodo},
    )
    yield stage
    for bank in (*stage.banks.values(), *stage.left_banks.values()):
        if bank.status != v1.BANK_STATUS_OPERATIONAL:
            operator.admin.SetBankStatus(bank_id=bank.id, status=v1.BANK_STATUS_OPERATIONAL)
    if HISTORIES:
        calls, kinds = stage.outcomes.total(), len(stage.outcomes)
        told = f"{stage.histories} histories, {calls} calls with {kinds} outcomes, as in the model"
        request.config.get_terminal_writer().line(f"  {told}")


@pytest.mark.parametrize("name", TELLINGS)
def test_every_story_goes_as_in_the_model(stage, name):
    history = Histories(stage)
    try:
        for story, fields in TELLINGS[name]:
            history.tell(story, fields)
    finally:
        history.teardown()  # which looks at everything, unless they disagree already


@pytest.mark.parametrize("number", range(_ROUNDS))
def test_every_answer_is_the_models(stage, first_seed, number):
    print(f"MODEL_SEED={first_seed + number}")  # noqa: T201 - shown where it fails

    play: Any = seed(first_seed + number)(partial(Histories, stage))
    run_state_machine_as_test(
        play,
        settings=settings(
            max_examples=_AT_ONCE,
            stateful_step_count=80,
            database=None,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
