"""Supervisor and workers start, stop and end together: `FINLINK_WORKERS=2 finlink-server serve`."""

import os
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from signal import SIGINT, SIGKILL, SIGSTOP, SIGTERM

import grpc
import pytest
from tests import people
from tests.errors import Refused
from tests.gates import until
from tests.processes import Home, Process
from tests.second_shell import free_port
from tests.workers import is_alive, supervised

from finlink.config import v1
from finlink_client import open_channel
from finlink_server.supervisor import next_pause

pytestmark = pytest.mark.sqlite("processes and their port; no database is asked")

CALLERS = 16


# ----------------------------------------------------------------------------- stopping


@contextmanager
def load(operators):
    """Let them all write as fast as they can, and do as they are told; what was answered."""
    answered: list[str] = []
    over = threading.Event()

    def call(number):
        made = 0
        while not over.is_set():
            made += 1
            name = f"{number}-{made}"
            try:
                operators[number].admin.CreateServiceKey(
                    display_name=name, roles=[v1.ROLE_VERIFIER]
                )
            except grpc.RpcError as error:
                over.wait(retry_delay(error))
            else:
                answered.append(name)

    with ThreadPoolExecutor(len(operators)) as pool:
        calling = [pool.submit(call, number) for number in range(len(operators))]
        try:
            until(lambda: len(answered) > len(operators))
            yield answered
        finally:
            over.set()
    for one in calling:
        one.result()


def retry_delay(error):
    """How long to wait before the next try, which UNAVAILABLE alone invites."""
    if error.code() is not grpc.StatusCode.UNAVAILABLE:
        raise error
    if "grpc-status-details-bin" not in dict(error.trailing_metadata() or ()):
        return 0.05  # nobody was there to say it
    refusal = Refused()
    refusal.read(error)
    assert refusal.reason == "SHUTTING_DOWN"
    return refusal.retry_seconds


def made_in(home):
    """The names of all keys but the operator's. No server may run."""
    with closing(sqlite3.connect(home.database)) as database:
        rows = database.execute(
            "SELECT display_name FROM service_key WHERE display_name != 'tests'"
        )
        return sorted(name for (name,) in rows)


@pytest.mark.sqlite("its file is looked into, or broken")
@pytest.mark.parametrize(("number", "code"), [(SIGTERM, 0), (SIGINT, 0), (SIGKILL, -SIGKILL)])
def test_workers_end_with_their_supervisor_and_answer_every_call_that_they_took(home, number, code):
    with supervised(home) as workers, workers.channels(CALLERS) as channels:
        pids = workers.pids
        operators = [people.Caller(channel, home.operator_key) for channel in channels]
        with load(operators) as answered:
            workers.supervisor.signal(number)
            ended = workers.supervisor.wait()
            until(lambda: not any(map(is_alive, pids)))
        said = workers.supervisor.err

    assert len(pids) == 2
    assert ended == code
    assert made_in(home) == sorted(answered)
    assert "Traceback" not in said


@pytest.mark.sqlite("its file is looked into, or broken")
def test_a_worker_that_is_told_to_stop_answers_every_call_that_it_took(home):
    with supervised(home) as workers, workers.channels(CALLERS) as channels:
        operators = [people.Caller(channel, home.operator_key) for channel in channels]
        with load(operators) as answered:
            workers.end(workers.in_front, SIGTERM)
        workers.supervisor.signal(SIGTERM)
        workers.supervisor.wait()

    assert "Worker 1 ended (exit code 0)" in workers.supervisor.err
    assert made_in(home) == sorted(answered)


def test_a_second_signal_ends_workers_that_do_not_stop(home):
    with supervised(home) as workers:
        pids = workers.pids
        for pid in pids:
            os.kill(pid, SIGSTOP)

        workers.supervisor.signal(SIGTERM)
        until(lambda: "Stopping" in workers.supervisor.err)
        assert workers.supervisor.is_running
        workers.supervisor.signal(SIGTERM)

        assert workers.supervisor.wait() == -SIGTERM
        assert not any(map(is_alive, pids))


# ------------------------------------------------------------------------------ starting


@pytest.fixture
def fault(tmp_path, monkeypatch):
    """Let every Python whose arguments have a word begin with these lines."""

    def add(word, lines):
        folder = tmp_path / "fault"
        folder.mkdir()
        body = "\n".join(f"    {line}" for line in lines)
        (folder / "sitecustomize.py").write_text(
            f"import os, sys, time\nif {word!r} in sys.orig_argv:\n{body}\n"
        )
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(folder), *sys.path)))

    return add


@pytest.mark.sqlite("its file is looked into, or broken")
def test_a_worker_that_cannot_start_stops_the_others_and_the_start(home, fault):
    fault("--background", ["print('No luck.', file=sys.stderr, flush=True)", "os._exit(3)"])

    stopped = home.run("serve", WORKERS="3")  # to the end of all who hold its pipes

    assert stopped.returncode == 1
    assert stopped.stderr == "No luck.\nError: A worker did not start; what it said stands above.\n"
    assert stopped.stdout == ""


def test_what_stops_a_worker_is_said_in_sentences(home, tmp_path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("nothing of the kind")

    stopped = home.run(
        "serve",
        WORKERS="2",
        TLS_CERT=str(tmp_path / "cert.pem"),
        TLS_KEY=str(tmp_path / "key.pem"),
    )

    assert stopped.returncode == 1
    assert "key.pem cannot be used" in stopped.stderr
    assert "A worker did not start" in stopped.stderr
    assert "Traceback" not in stopped.stderr


def test_a_signal_ends_a_start_that_takes_long(home, fault, tmp_path):
    begun = tmp_path / "begun"
    fault("worker", [f"open({str(begun)!r}, 'a').close()", "time.sleep(2)"])
    starting = Process(home.start("serve", WORKERS="2"))
    until(begun.exists)

    starting.signal(SIGTERM)

    assert starting.wait() == 0
    assert "erving on" not in starting.err


def test_workers_import_nothing_from_the_current_folder(home, tmp_path, monkeypatch):
    (tmp_path / "secrets.py").write_text("raise SystemExit('imported by mistake')")
    monkeypatch.chdir(tmp_path)

    with supervised(replace(home, program=("-P", "-m", "finlink_server"))) as workers:
        assert len(workers.pids) == 2


def start_a_worker(home):
    return home.run("worker", "--listen", "127.0.0.1:0", "--lifeline", "0", "--ready", "0")


def test_a_worker_makes_no_master_key(tmp_path):
    home = Home(tmp_path / "new")

    stopped = start_a_worker(home)

    assert stopped.returncode == 1
    assert str(home.master_key) in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert not home.master_key.exists()


def test_a_worker_migrates_nothing(tmp_path):
    home = Home(tmp_path / "new")
    home.path.mkdir()
    home.run("master-key", "create", str(home.master_key))

    stopped = start_a_worker(home)

    assert stopped.returncode == 1
    assert "to be applied). Start the server anew" in stopped.stderr
    with closing(sqlite3.connect(home.database)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == []


# ------------------------------------------------------------------------------ the port


def test_of_two_supervisors_that_start_together_on_one_port_one_serves(first_home, tmp_path):
    homes = [first_home.copy_to(tmp_path / name) for name in ("one", "other")]
    listen = f"127.0.0.1:{free_port()}"

    both = [Process(home.start("serve", WORKERS="2", LISTEN=listen)) for home in homes]
    try:
        until(lambda: not all(one.is_running for one in both))
        winner, loser = sorted(both, key=lambda one: not one.is_running)
        winner.wait_until_serving()

        assert loser.wait() == 1
        assert f"{listen} cannot be served on: another process has the port" in loser.err
        assert winner.caller().sessions.ListSigningKeys().keys
    finally:
        for one in both:
            one.end()


def test_the_port_of_workers_is_busy_for_a_server_without(home, first_home, tmp_path):
    with supervised(home) as neighbour:
        listen = f"127.0.0.1:{neighbour.supervisor.port}"

        stopped = first_home.copy_to(tmp_path / "other").run("serve", LISTEN=listen)

        assert stopped.returncode == 1
        assert f"{listen} cannot be served on" in stopped.stderr
        assert neighbour.supervisor.is_running


def test_workers_serve_tls(home, authority, tmp_path):
    own = authority.issue_cert("127.0.0.1")
    own.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    own.private_key_pem.write_to_path(tmp_path / "key.pem")
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    root = authority.cert_pem.bytes()

    with supervised(home, TLS_CERT=cert, TLS_KEY=key) as workers:
        target = workers.supervisor.target
        for _ in range(8):
            with open_channel(target, root_certificates=root) as channel:
                assert people.Caller(channel).sessions.ListSigningKeys().keys
        with pytest.raises(grpc.RpcError):  # in plaintext
            workers.supervisor.caller().sessions.ListSigningKeys()


# -------------------------------------------------------------------- how often to try


def test_a_worker_that_ends_at_once_is_started_ever_more_slowly():
    pauses = [next_pause(0, lasted=0.5)]
    while len(pauses) < 12:
        pauses.append(next_pause(pauses[-1], lasted=0.5))

    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses == sorted(pauses)
    assert pauses[-2:] == [30, 30]


def test_a_worker_that_went_well_for_a_minute_is_started_again_soon():
    assert next_pause(30, lasted=61) == 0.1
