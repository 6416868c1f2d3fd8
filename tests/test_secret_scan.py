"""Looking for credentials in files: by format and checksum, in blocks, without a network."""

import codecs
import io
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finlink_client.secret_scan import files, formats, streams
from finlink_server import credentials

KINDS = [
    pytest.param(credentials.CLIENT_SECRET_LIVE, "client secret", id="live"),
    pytest.param(credentials.CLIENT_SECRET_TEST, "client secret", id="test"),
    pytest.param(credentials.SERVICE_KEY, "service key", id="service-key"),
    pytest.param(credentials.SETUP_TOKEN, "setup token", id="setup-token"),
]
SECRET = credentials.CLIENT_SECRET_TEST.new().text
KEY = credentials.SERVICE_KEY.new().text


def find(text, *, block=streams.BLOCK):
    pieces = [text[start : start + block] for start in range(0, len(text), block)]
    return list(streams.find(pieces))


def find_in(stream):
    blocks = streams.text_blocks(stream, binary=False)
    assert blocks is not None
    return list(streams.find(blocks))


def places(text, **options):
    return [(one.line, one.column) for one in find(text, **options)]


def look_through(*paths, binary=False):
    """Give what was found as (path, line), and the tally."""
    tally = files.Tally()
    found = files.find([str(path) for path in paths], tally, binary=binary)
    return [(path, one.line) for path, one in found], tally


# ----------------------------------------------------------------------- what is found


@pytest.mark.parametrize(("made_by_the_server", "kind"), KINDS)
def test_every_credential_that_the_server_makes_is_found(made_by_the_server, kind):
    made = [made_by_the_server.new() for _ in range(100)]

    found = find("\n".join(one.text for one in made).encode())

    assert [(one.line, one.column) for one in found] == [(line, 1) for line in range(1, 101)]
    assert [one.format.kind for one in found] == [kind] * 100
    assert [one.masked for one in found] == [
        f"{made_by_the_server.prefix}…{one.hint}" for one in made
    ]


def test_client_and_server_know_the_same_formats():
    of_server = [one for one in vars(credentials).values() if isinstance(one, credentials.Format)]

    assert [
        (one.prefix, f"{one.prefix}[0-9A-Za-z]{{{one.length}}}") for one in formats.FORMATS
    ] == [(one.prefix, one.pattern.pattern) for one in of_server]


@pytest.mark.parametrize("place", range(len(SECRET)))
def test_one_wrong_character_is_a_fake_that_is_not_reported(place):
    wrong = "1" if SECRET[place] != "1" else "2"

    assert find((SECRET[:place] + wrong + SECRET[place + 1 :]).encode()) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"x{SECRET}", id="a letter before"),
        pytest.param(f"{SECRET}x", id="a letter after"),
        pytest.param(f"fls_test_{SECRET}", id="a prefix before"),
        pytest.param(f"fls_test_{'x' * 42}{SECRET}", id="a fake into which it runs"),
        pytest.param(f"{SECRET}{KEY}", id="another one after"),
        pytest.param(f"key=%22{SECRET}%22", id="in a URL"),
    ],
)
def test_what_stands_around_a_credential_hides_nothing(text):
    expected = [text.index(one) + 1 for one in (SECRET, KEY) if one in text]

    assert [one.column for one in find(text.encode())] == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("HERE", (1, 1)),
        ("key: HERE", (1, 6)),
        ("one\ntwo\r\n\n  HERE\n", (4, 3)),
        ("\nHERE", (2, 1)),
        ("é HERE", (1, 4)),
    ],
)
def test_a_place_is_a_line_and_a_byte_of_it(text, place):
    assert places(text.replace("HERE", SECRET).encode()) == [place]


def test_several_on_one_line_are_told_with_a_column_each():
    assert places(f"{SECRET} {KEY}\n{KEY}".encode()) == [(1, 1), (1, len(SECRET) + 2), (2, 1)]


# ------------------------------------------------------------------------------ blocks


@pytest.mark.parametrize("block", range(1, 2 * formats.LONGEST, 7))
def test_a_credential_across_the_border_of_blocks_is_found_once(block):
    text = f"a\n{SECRET}\nb {KEY}\n\n{SECRET}".encode()

    assert places(text, block=block) == [(2, 1), (3, 3), (5, 1)]


@settings(deadline=None)
@given(
    pieces=st.lists(
        st.one_of(st.sampled_from([SECRET, KEY, "\n", "fls_test_", "fsk_"]), st.text(max_size=60)),
        max_size=12,
    ),
    block=st.integers(1, 200),
)
def test_blocks_of_any_size_find_what_one_look_finds(pieces, block):
    text = "".join(pieces).encode()

    assert find(text, block=block) == find(text)
    assert len(find(text)) >= pieces.count(SECRET) + pieces.count(KEY)


class Endless(io.RawIOBase):
    """A line of so many bytes, with a credential at its end."""

    def __init__(self, size):
        self.left = size
        self.end = SECRET.encode()

    def readable(self):
        return True

    def readinto(self, into):
        if self.left:
            count = min(self.left, len(into))
            into[:count] = b"f" * count
            self.left -= count
            return count
        into[: len(self.end)] = self.end
        count, self.end = len(self.end), b""
        return count


def test_a_long_line_takes_no_more_memory_than_some_blocks():
    size = 64 * streams.BLOCK
    tracemalloc.start()

    [found] = find_in(Endless(size))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.column == size + 1
    assert peak < 8 * streams.BLOCK


def test_a_pipe_that_gives_little_at_a_time_is_read_to_its_end():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        with os.fdopen(writing, "wb", buffering=0) as end:
            for piece in (b"\n", SECRET[:20].encode(), SECRET[20:].encode(), b"\n"):
                end.write(piece)

        found = find_in(pipe)

    assert [(one.line, one.column) for one in found] == [(2, 1)]


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")],
)
def test_what_powershell_redirects_is_text_too(tmp_path, mark, encoding):
    (tmp_path / "out.txt").write_bytes(mark + f"key\r\n{SECRET}\r\n".encode(encoding))

    found, tally = look_through(tmp_path)

    assert found == [(str(tmp_path / "out.txt"), 2)]
    assert tally.binaries == 0
