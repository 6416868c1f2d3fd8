"""Two master keys in a file while the one replaces the other; and copies from then and before."""

from __future__ import annotations

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.errors import refused
from tests.gates import until
from tests.rotating import Life, assert_sealed_with, drop_old_key, keys, rotate_and_die

from finlink_server import key_file

pytestmark = pytest.mark.either("the file is the same for both")


def test_a_file_with_the_new_key_first_is_left_as_it_is(lived_in, tmp_path):
    old = lived_in.master_key.read_text()
    key_file.create(tmp_path / "new.key")
    lived_in.master_key.write_text((tmp_path / "new.key").read_text() + old)
    before = lived_in.master_key.read_bytes()

    rotated = lived_in.run("master-key", "rotate")

    assert rotated.returncode == 0, rotated.stderr
    assert lived_in.master_key.read_bytes() == before
    assert_sealed_with(lived_in, keys(lived_in)[0])


def test_the_new_key_last_is_refused(lived_in, tmp_path):
    key_file.create(tmp_path / "new.key")
    with lived_in.master_key.open("a") as file:
        file.write((tmp_path / "new.key").read_text())

    refusal = lived_in.run("master-key", "rotate")

    assert (refusal.returncode, "put it first" in refusal.stderr) == (1, True)


def test_a_rotation_that_is_over_is_not_begun_anew_by_chance(lived_in):
    assert lived_in.run("master-key", "rotate").returncode == 0
    before = lived_in.master_key.read_bytes()

    again = lived_in.run("master-key", "rotate")

    assert again.returncode == 0, again.stderr
    assert f"The rotation to master key {keys(lived_in)[0]} is over" in again.stderr
    assert lived_in.master_key.read_bytes() == before


def test_a_key_that_was_replaced_never_comes_back(lived_in):
    assert lived_in.run("master-key", "rotate").returncode == 0
    new, old = lived_in.master_key.read_text().splitlines()
    lived_in.master_key.write_text(f"{old}\n{new}\n")

    refusal = lived_in.run("master-key", "rotate")

    assert (refusal.returncode, "was replaced before" in refusal.stderr) == (1, True)


def test_the_files_mode_stays(lived_in):
    lived_in.master_key.chmod(0o640)

    assert lived_in.run("master-key", "rotate").returncode == 0

    assert lived_in.master_key.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in lived_in.path.glob(".master.key.*")] == []


@pytest.mark.parametrize("command", ["check", "migrate"])
def test_the_old_key_alone_is_refused_afterwards(lived_in, command):
    assert lived_in.run("master-key", "rotate").returncode == 0
    new, old = keys(lived_in)
    lived_in.master_key.write_text(drop_old_key(lived_in) + "\n")

    told = lived_in.run(command)

    text = told.stdout + told.stderr
    assert told.returncode == 1
    assert old in text
    assert new in text
    assert "bring the file of the machine" in text


@pytest.mark.parametrize("command", ["check", "migrate"])
def test_the_new_key_alone_is_refused_before_the_end(lived_in, command):
    rotate_and_die(lived_in, "batch")
    _, old = keys(lived_in)
    drop_old_key(lived_in)

    told = lived_in.run(command)

    text = told.stdout + told.stderr
    assert told.returncode == 1
    assert old in text
    assert "Put its line back" in text


def test_a_server_that_lacks_the_new_key_says_so_and_recovers(lived_in, tmp_path):
    elsewhere = tmp_path / "elsewhere.key"
    elsewhere.write_bytes(lived_in.master_key.read_bytes())
    elsewhere.chmod(0o600)
    with lived_in.serving(MASTER_KEY_FILE=str(elsewhere)) as server:
        health = health_pb2_grpc.HealthStub(server.channel)
        life = Life(server, lived_in.operator_key)
        assert lived_in.run("master-key", "rotate").returncode == 0
        until(lambda: status(health) == health_pb2.HealthCheckResponse.NOT_SERVING)
        with refused(grpc.StatusCode.UNAVAILABLE):
            life.secret.start()

        elsewhere.write_bytes(lived_in.master_key.read_bytes())

        until(lambda: status(health) == health_pb2.HealthCheckResponse.SERVING)
        life.do_everything()

    assert f"does not hold master key {keys(lived_in)[0]}" in server.err


def test_the_old_keys_line_goes_without_a_restart(lived_in):
    with lived_in.serving() as server:
        life = Life(server, lived_in.operator_key)
        life.open_link()
        links = life.account.links
        token = links.ListLinks(app_id=life.app.id, page_size=1).next_page_token
        assert lived_in.run("master-key", "rotate").returncode == 0
        assert links.ListLinks(app_id=life.app.id, page_size=1, page_token=token).links

        drop_old_key(lived_in)

        def is_refused() -> bool:
            try:
                links.ListLinks(app_id=life.app.id, page_size=1, page_token=token)
            except grpc.RpcError as error:
                return error.code() == grpc.StatusCode.INVALID_ARGUMENT
            return False

        until(is_refused)
        life.do_everything()


def status(health: health_pb2_grpc.HealthStub) -> int:
    return int(health.Check(health_pb2.HealthCheckRequest()).status)


# ---------------------------------------------------------------------- backups and copies


def test_a_backup_from_before_opens_with_the_old_key(lived_in, tmp_path):
    kept = lived_in.master_key.read_text()
    backup = tmp_path / "before.db"
    assert lived_in.run("backup", str(backup)).returncode == 0
    assert lived_in.run("master-key", "rotate").returncode == 0

    old = tmp_path / "old.key"
    old.write_text(kept)
    old.chmod(0o600)
    url = f"sqlite:///{backup}"

    assert lived_in.run("check", DATABASE_URL=url, MASTER_KEY_FILE=str(old)).returncode == 0
    verified = lived_in.run("audit", "verify", DATABASE_URL=url, MASTER_KEY_FILE=str(old))
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.parametrize("place", ["batch", "_wait_for_writers", "nowhere"])
def test_a_copy_during_and_after_is_rotated_on(lived_in, tmp_path, place):
    if place == "nowhere":
        assert lived_in.run("master-key", "rotate").returncode == 0
    else:
        rotate_and_die(lived_in, place)
    url = f"sqlite:///{tmp_path / 'copy.db'}"

    copied = lived_in.run("copy", "--to", url)
    resumed = lived_in.run("master-key", "rotate", DATABASE_URL=url)
    verified = lived_in.run("audit", "verify", DATABASE_URL=url)

    assert copied.returncode == 0, copied.stderr
    assert resumed.returncode == 0, resumed.stderr
    assert verified.returncode == 0, verified.stdout + verified.stderr
