"""Looking for credentials in files and folders: what is named, and what a walk meets."""

import os
import socket
import threading

import pytest

from finlink_client.secret_scan import files
from finlink_server import credentials

SECRET = credentials.CLIENT_SECRET_TEST.new().text


def look_through(*paths, binary=False):
    """Give what was found as (path, line), and the tally."""
    tally = files.Tally()
    found = files.find([str(path) for path in paths], tally, binary=binary)
    return [(path, one.line) for path, one in found], tally


def test_a_folder_is_looked_through_in_the_order_of_its_names(tmp_path):
    for name in ("b.py", "a/two.py", "a/deep/er/one.env", ".env", "c.txt"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"\n{SECRET}\n")

    found, tally = look_through(tmp_path)

    order = (".env", "b.py", "c.txt", "a/two.py", "a/deep/er/one.env")
    assert found == [(str(tmp_path / name), 2) for name in order]
    assert tally == files.Tally(files=5)


def test_dot_git_is_not_entered_unless_it_is_named(tmp_path):
    for name in (".git/config", "sub/.git/config"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(SECRET)

    assert look_through(tmp_path)[0] == []
    assert look_through(tmp_path / ".git")[0] == [(str(tmp_path / ".git/config"), 1)]


def test_a_binary_file_is_looked_through_only_if_asked(tmp_path):
    (tmp_path / "image").write_bytes(b"\x89PNG\0" + SECRET.encode())

    found, tally = look_through(tmp_path)
    assert (found, tally.binaries, tally.files) == ([], 1, 0)

    found, tally = look_through(tmp_path, binary=True)
    assert (len(found), tally.binaries, tally.files) == (1, 0, 1)


def test_no_link_in_a_folder_is_followed(tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "file").write_text(SECRET)
    (inside / "file").symlink_to(outside / "file")
    (inside / "folder").symlink_to(outside)
    (inside / "circle").symlink_to(inside)

    found, tally = look_through(inside)

    assert found == []
    assert tally.not_files == 3


@pytest.mark.parametrize("name", ["file", "folder", "binary"])
def test_what_is_named_is_looked_into_through_its_link(tmp_path, name):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text(SECRET)
    (tmp_path / "binary").write_bytes(b"\0" + SECRET.encode())
    places = {"file": "real/file", "folder": "real", "binary": "binary"}
    (tmp_path / "link").symlink_to(places[name])

    found, tally = look_through(tmp_path / "link")

    assert (len(found), tally.files, tally.not_files, tally.binaries) == (1, 1, 0, 0)


def test_a_pipe_that_is_named_is_read_to_its_end(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(SECRET,))
    writer.start()

    found, tally = look_through(pipe)

    writer.join()
    assert (found, tally.files) == ([(str(pipe), 1)], 1)


def test_what_is_named_and_cannot_be_read_is_told(tmp_path):
    (tmp_path / "broken").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))

        _, tally = look_through(tmp_path / "broken", tmp_path / "socket")

    assert len(tally.problems) == 2


def test_a_pipe_and_a_socket_in_a_folder_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))

        found, tally = look_through(tmp_path)

    assert (found, tally.not_files, tally.problems) == ([], 2, [])


def test_what_cannot_be_read_is_named_and_the_rest_is_looked_through(tmp_path, monkeypatch):
    (tmp_path / "a").write_text(SECRET)
    (tmp_path / "b").write_text(SECRET)
    really_open = os.open

    def deny(path, *more):
        if str(path).endswith("a"):
            raise PermissionError(13, "Permission denied", path)
        return really_open(path, *more)

    monkeypatch.setattr(os, "open", deny)

    found, tally = look_through(tmp_path, tmp_path / "missing")

    assert found == [(str(tmp_path / "b"), 1)]
    assert tally.problems == [
        f"{tmp_path / 'a'}: Permission denied",
        f"{tmp_path / 'missing'}: No such file or directory",
    ]


def test_folders_deeper_than_python_recurses_are_looked_through(tmp_path):
    folders = [tmp_path / "/".join("d" * depth) for depth in range(1, 1100)]
    for folder in folders:
        folder.mkdir()
    file = folders[-1] / "f"
    file.write_text(SECRET)

    found, _ = look_through(tmp_path)

    file.unlink()
    for folder in reversed(folders):  # which pytest could not clear away
        folder.rmdir()
    assert found == [(str(file), 1)]
