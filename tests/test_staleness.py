"""Rule 4, hunted across two processes: nobody accepts what was acknowledged as ended.

Both processes have seen each credential before, so that what they remember is what is
put to the test. `make staleness` hunts for a minute.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest
from tests import people, quick_server
from tests.databases import Place
from tests.endings import ENDINGS, Question, Victim, questions
from tests.processes import Home, Process

from finlink.config import v1

SECONDS = float(os.environ.get("STALENESS_SECONDS", "4"))
_HUNTERS = 3
_ASKERS = 3


@dataclass(eq=False)
class Prey:
    """Credentials that one call ends, and the questions for each."""

    ending: str
    questions: list[Question]
    is_ended: bool = False  # acknowledged


@dataclass
class Hunt:
    """Prey, those who hunt it, and those who ask for it all the time."""

    servers: list[Process]
    operator_key: str
    verifier_key: str
    place: Place
    prey: set[Prey] = field(default_factory=set)
    stale: list[str] = field(default_factory=list)
    accepted: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    is_over: bool = False

    def operator(self, number: int) -> people.Caller:
        return self.servers[number % len(self.servers)].caller(self.operator_key)

    def find(self, ending: str, victim: Victim) -> Prey:
        """Ask every process until it has the credentials in its memory."""
        asked = [
            question
            for name in ENDINGS[ending]
            for server in self.servers
            for question in questions(server, self.verifier_key, name, victim.credential(name))
        ]
        for question in asked * 2:
            assert question()
        return Prey(ending, asked)

    def ask(self, prey: Prey) -> None:
        """Compare each answer with what had been acknowledged when the question was sent."""
        for question in prey.questions:
            was_ended = prey.is_ended
            is_accepted = question()
            self.accepted += is_accepted
            if was_ended and is_accepted:
                self.stale.append(prey.ending)

    def ask_all_the_time(self) -> None:
        while not self.is_over:
            for prey in list(self.prey):
                self.ask(prey)
            time.sleep(0)

    def run(self, number: int) -> None:
        """End one credential after another, each in another way, on every process in turn."""
        until = time.monotonic() + SECONDS
        ways = list(ENDINGS)
        mine = ways[number::_HUNTERS]  # at least these; all in their turn
        for round_number, ending in enumerate(itertools.chain(mine, itertools.cycle(ways))):
            if round_number >= len(mine) and time.monotonic() >= until:
                return
            victim = Victim(self.operator(number + round_number))
            prey = self.find(ending, victim)
            self.prey.add(prey)
            getattr(victim, ending)()
            self.place.wait_out_memory()  # on PostgreSQL, memory may be of 50 ms ago
            prey.is_ended = True
            self.ask(prey)
            self.ask(prey)
            self.prey.discard(prey)
            self.endings[ending] += 1


@pytest.fixture(scope="module")
def hunt(first_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hunt]:
    copied = first_home.copy_to(tmp_path_factory.mktemp("staleness") / "home")
    home = replace(copied, program=("-P", quick_server.__file__))
    limits = {"LIMIT_LEAK_REPORTS": "10000", "LIMIT_HASH_QUEUE": "256"}
    with home.serving(**limits) as one, home.serving(**limits) as other:
        made = one.caller(home.operator_key).admin.CreateServiceKey(
            display_name="Gateway", roles=[v1.ROLE_VERIFIER]
        )
        yield Hunt([one, other], home.operator_key, made.key, home.place)


def test_what_was_acknowledged_as_ended_is_accepted_by_no_process(hunt):
    with ThreadPoolExecutor(_HUNTERS + _ASKERS) as pool:
        askers = [pool.submit(hunt.ask_all_the_time) for _ in range(_ASKERS)]
        hunters = [pool.submit(hunt.run, number) for number in range(_HUNTERS)]
        for one in hunters:
            one.exception()
        hunt.is_over = True
    for one in (*hunters, *askers):
        one.result()

    assert hunt.stale == []
    assert set(hunt.endings) == set(ENDINGS)
    assert hunt.accepted  # while it was alive
    print(f"\n{hunt.endings.total()} endings, none stale: {dict(hunt.endings)}")  # noqa: T201


@pytest.mark.parametrize(
    ("kind", "name"),
    [(v1.TOKEN_KIND_SESSION, "session"), (v1.TOKEN_KIND_ACCOUNT, "account_token")],
    ids=["session tokens", "account tokens"],
)
def test_what_a_revoked_key_signed_is_accepted_by_no_process(hunt, kind, name):
    for number in range(3):
        operator = hunt.operator(number)
        victims = [Victim(operator) for _ in range(3)]
        asked = [
            question
            for victim in victims
            for server in reversed(hunt.servers)
            for question in questions(server, hunt.verifier_key, name, victim.credential(name))
        ]
        assert all(question() for question in asked * 2)

        operator.admin.RotateSigningKey(kind=kind, revoke_previous=True)

        hunt.place.wait_out_memory()
        assert not any(question() for question in asked)
