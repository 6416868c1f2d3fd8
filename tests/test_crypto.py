"""The master key: its file, its database, and what is sealed under it."""

import base64
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.processes import Home

from finlink_server import key_file
from finlink_server.crypto import Keyring, MasterKey, MasterKeyError, SealBroken, Standing

MASTER = MasterKey(bytes(range(32)))
KEYRING = Keyring(bytes(range(32)))
OTHER = Keyring(bytes(32))
WHERE = "secret.hash:sec_1"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "master.key"
    key_file.create(path)
    return path


def write(path, text, mode=0o600):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def problem_of(path) -> str:
    with pytest.raises(MasterKeyError) as caught:
        key_file.load(path)
    return str(caught.value)


@given(st.binary(), st.text(st.characters(codec="utf-8")))
def test_what_is_sealed_opens_in_its_place_only(plaintext, where):
    sealed = KEYRING.seal(plaintext, where)

    assert KEYRING.open(sealed, where) == plaintext
    with pytest.raises(SealBroken):
        KEYRING.open(sealed, where + "x")
    with pytest.raises(SealBroken):
        OTHER.open(sealed, where)


@given(st.binary(), st.data())
def test_no_bit_of_a_sealed_value_can_be_changed(plaintext, data):
    sealed = bytearray(KEYRING.seal(plaintext, WHERE))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(SealBroken):
        KEYRING.open(bytes(sealed), WHERE)


@given(st.binary())
def test_what_was_never_sealed_does_not_open(anything):
    with pytest.raises(SealBroken):
        KEYRING.open(anything, WHERE)
    with pytest.raises(SealBroken):
        KEYRING.open(b"\x01" + anything, WHERE)


def test_a_value_cut_off_does_not_open():
    sealed = KEYRING.seal(b"value", WHERE)

    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            KEYRING.open(sealed[:length], WHERE)


def test_sealing_twice_gives_two_texts():
    assert len({KEYRING.seal(b"value", WHERE) for _ in range(100)}) == 100


def test_each_purpose_has_a_key_of_its_own():
    purposes = ("seal", "id", "mac/journal", "mac/sign-in")

    assert len({MASTER.derive(purpose) for purpose in purposes}) == len(purposes)
    assert KEYRING.mac("journal", b"x") != KEYRING.mac("sign-in", b"x")
    assert KEYRING.mac("journal", b"x") != OTHER.mac("journal", b"x")


def test_a_master_keys_id_tells_which_but_not_what(file):
    keyring = key_file.load(file)

    assert keyring.id == key_file.load(file).id
    assert keyring.id != OTHER.id
    assert len(keyring.id) == 16
    assert bytes.fromhex(keyring.id) not in keyring.masters[0]._raw


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_master_key_has_32_bytes(length):
    with pytest.raises(MasterKeyError, match="32 bytes"):
        Keyring(bytes(length))


def test_a_new_master_key_is_its_owners_alone(tmp_path):
    path = tmp_path / "new" / "folder" / "master.key"

    mask = os.umask(0)
    try:
        key_file.create(path)
    finally:
        os.umask(mask)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]  # and no draft of it
    assert key_file.load(path).id


def test_no_two_master_keys_are_alike(tmp_path):
    for name in ("one", "two"):
        key_file.create(tmp_path / name)

    one, two = (key_file.load(tmp_path / name) for name in ("one", "two"))
    assert one.id != two.id


def test_a_master_key_is_never_overwritten(file):
    before = file.read_bytes()

    with pytest.raises(MasterKeyError, match="never overwritten: name another file"):
        key_file.create(file)

    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_master_key_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)

    with pytest.raises(MasterKeyError, match=r"cannot be written to .*No space left"):
        key_file.create(tmp_path / "master.key")

    assert list(tmp_path.iterdir()) == []


def test_a_master_key_that_cannot_be_written_is_named(tmp_path):
    no_folder = write(tmp_path / "file", "")

    with pytest.raises(MasterKeyError, match=f"cannot be written to {no_folder}/master.key"):
        key_file.create(no_folder / "master.key")


def test_a_missing_master_key_says_how_to_make_one(tmp_path):
    problem = problem_of(tmp_path / "none")

    assert "Restore the file" in problem
    assert f"finlink-server master-key create {tmp_path / 'none'}" in problem


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o602, 0o777])
def test_a_master_key_that_others_may_read_or_write_is_refused(file, mode):
    file.chmod(mode)

    assert f"chmod 600 {file}" in problem_of(file)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_a_master_key_that_its_owner_and_group_read_is_fine(file, mode):
    file.chmod(mode)

    assert key_file.load(file).id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fmk_",
        "fmk_" + base64.b64encode(bytes(31)).decode(),
        "fmk_" + base64.b64encode(bytes(33)).decode(),
        "fmk_" + base64.b64encode(bytes(32)).decode()[:-2],
        "fmk_" + "!" * 44,
        base64.b64encode(bytes(32)).decode(),
        "-----BEGIN PRIVATE KEY-----",
    ],
)
def test_a_file_that_holds_no_whole_master_key_is_refused(tmp_path, text):
    path = write(tmp_path / "master.key", text)

    assert f"{path} does not hold a whole master key" in problem_of(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    assert "cannot be read" in problem_of(tmp_path)
    assert "cannot be read" in problem_of(write(tmp_path / "binary", b"fmk_\xff\xfe"))


def test_a_file_of_two_keys_opens_what_either_sealed_and_the_first_seals(tmp_path, file):
    alone = key_file.load(file)
    key_file.prepend(file)
    both = key_file.load(file)

    assert [master.id for master in both.masters] == [both.id, alone.id]
    both.adopt(Standing(alone.standing.lookup, (alone.masters[0].audit, both.masters[0].audit)))
    assert both.open(alone.seal(b"older", WHERE), WHERE) == b"older"
    assert both.open(both.seal(b"newer", WHERE), WHERE) == b"newer"
    assert both.open(both.seal_briefly(b"brief", WHERE), WHERE) == b"brief"
    assert len(both.seal_briefly(b"brief", WHERE)) == len(alone.seal(b"brief", WHERE))
    for newer in (both.seal(b"newer", WHERE), both.seal_briefly(b"newer", WHERE)):
        with pytest.raises(SealBroken):
            alone.open(newer, WHERE)


@pytest.mark.parametrize("between", ["\n", "# the old one\n", "fmk_\n"])
def test_a_line_that_is_no_key_is_named(file, between):
    other = "fmk_" + base64.b64encode(bytes(32)).decode()
    write(file, f"{other}\n{between}{file.read_text()}")

    assert f"Line 2 of {file} does not hold a whole master key" in problem_of(file)


def test_the_same_key_twice_is_refused(file):
    write(file, file.read_text() * 2)

    assert "the same master key twice" in problem_of(file)


def test_a_secret_that_kubernetes_mounts_is_accepted(tmp_path, file):
    version = tmp_path / "..2026_01_01"
    version.mkdir()
    write(version / "key", file.read_text(), mode=0o644)
    (tmp_path / "..data").symlink_to(version.name)
    (tmp_path / "key").symlink_to("..data/key")

    assert key_file.load(tmp_path / "key").id == key_file.load(file).id


def test_any_other_link_to_a_readable_key_is_refused(tmp_path, file):
    file.chmod(0o644)
    (tmp_path / "link").symlink_to(file)

    assert "chmod 600" in problem_of(tmp_path / "link")


def test_a_new_database_gets_a_master_key_once(tmp_path):
    new = Home(tmp_path / "new")

    made = new.run("migrate")
    key = new.master_key.read_bytes()
    checked = new.run("check")

    assert (made.returncode, checked.returncode) == (0, 0), made.stderr + checked.stdout
    assert stat.S_IMODE(new.master_key.stat().st_mode) == 0o600
    assert key_file.load(new.master_key).id in checked.stdout
    assert new.run("migrate").returncode == 0
    assert new.master_key.read_bytes() == key


@pytest.mark.parametrize("command", ["migrate", "check"])
def test_a_database_that_is_not_new_gets_no_master_key(home, command):
    home.master_key.unlink()

    told = home.run(command)

    assert told.returncode == 1
    assert f"There is no master key at {home.master_key}" in told.stdout + told.stderr
    assert not home.master_key.exists()


@pytest.mark.parametrize("command", ["migrate", "check"])
def test_a_wrong_master_key_is_told_by_name(home, command):
    right = key_file.load(home.master_key).id
    home.master_key.unlink()
    key_file.create(home.master_key)
    wrong = key_file.load(home.master_key).id

    told = home.run(command)

    text = told.stdout + told.stderr
    assert told.returncode == 1
    assert right in text
    assert wrong in text
    assert "Traceback" not in text


def test_the_command_makes_a_key_that_serves(tmp_path, home):
    made = home.run("master-key", "create", str(tmp_path / "other.key"))
    again = home.run("master-key", "create", str(tmp_path / "other.key"))

    assert made.returncode == 0
    assert key_file.load(tmp_path / "other.key").id in made.stderr
    assert "fmk_" not in made.stdout + made.stderr
    assert again.returncode == 1
    assert "never overwritten" in again.stderr
