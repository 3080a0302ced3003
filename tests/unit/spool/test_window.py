"""Windows: items byte for byte, one a line, and what is counted on the way."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import duckdb
import msgspec
import pytest
import zstandard

from boardlift.errors import BoardliftError, SourceError
from boardlift.spool import Page, SpoolRun, Window, mix
from boardlift.spool.page import cell_order, item_number


@pytest.fixture
def run(tmp_path: Path) -> SpoolRun:
    spool = SpoolRun.open(tmp_path, "run-1")
    spool.begin("7", 3)
    return spool


def page(*items: bytes, number: int = 1, cursor: str | None = None) -> Page:
    return Page("7", number, [msgspec.Raw(item) for item in items], cursor, 10, 100, "req-1", "2026-10")


def sealed(run: SpoolRun, *pages: Page) -> Window:
    writer = run.window_writer("7")
    for each in pages:
        writer.add(each)
    return writer.seal()


def content(window: Window) -> bytes:
    with zstandard.open(window.path, "rb") as file:
        return file.read()


def test_items_are_kept_byte_for_byte(run: SpoolRun) -> None:
    """White space, escapes and odd Unicode stay as monday sent them."""
    items = [
        b'{"id":"1","name":"a \\u00e9 \xc3\xa9 \xf0\x9f\x9a\x80"}',
        b'{"id":"2", "name" : "\xef\xbb\xbfb"}',
        b'{"id":"3","x":1e400}',
    ]
    assert content(sealed(run, page(*items[:2]), page(items[2]))) == b"\n".join(items) + b"\n"


def test_a_window_counts_what_is_in_it(run: SpoolRun) -> None:
    """Pages, items, the sum over the ids, the largest item, the order of cells."""
    first = b'{"id":"11","column_values":[{"id":"b"},{"id":"a"}]}'
    second = b'{"id":"12","column_values":[]}'
    window = sealed(run, page(first), page(), page(second))
    assert (window.pages, window.items, window.number) == (3, 2, 1)
    assert window.id_sum == mix(11) + mix(12)
    assert window.largest_item == len(first)
    assert window.cell_order == ("b", "a")
    assert window.raw_bytes == len(first) + len(second) + 2
    assert window.nbytes == window.path.stat().st_size


@pytest.mark.parametrize(("name", "expected"), [(b"a\\u0000b", True), (b"a\\\\u0000b", True), (b"plain", False)])
def test_the_escape_of_nul_is_noticed(run: SpoolRun, name: bytes, expected: bool) -> None:
    """Also one level deeper: `value` is JSON in a JSON string."""
    assert sealed(run, page(b'{"id":"1","name":"' + name + b'"}')).has_nul is expected


def test_pretty_printed_items_are_brought_to_one_line(run: SpoolRun) -> None:
    """Line breaks between tokens are the server's white space; those inside strings are escaped anyway."""
    window = sealed(run, page(b'{\n  "id": "1",\r\n  "name": "a\\nb"\n}', b'{"id":"2"}'))
    assert [json.loads(line) for line in content(window).splitlines()] == [{"id": "1", "name": "a\nb"}, {"id": "2"}]


def test_duckdb_reads_a_window_as_it_lies(run: SpoolRun) -> None:
    """Newline-delimited, zstd, nothing to unpack first."""
    window = sealed(run, page(*(b'{"id":"%d","name":"n"}' % number for number in range(1000))))
    columns = "{id: 'VARCHAR', name: 'VARCHAR'}"
    source = f"read_json('{window.path.as_posix()}', format='newline_delimited', columns={columns})"
    query = f"SELECT count(*), max(CAST(id AS BIGINT)) FROM {source}"
    assert duckdb.connect().execute(query).fetchall() == [(1000, 999)]


@pytest.mark.parametrize(
    "item",
    [b'{"id":"42","x":1}', b'{"id": "42"}', b'{"name":"a","id":"42"}', b'{"id":42}', b'{"x":{"id":"1"},"id":"42"}'],
)
def test_the_id_of_an_item_is_found_wherever_it_stands(item: bytes) -> None:
    """In the first bytes as a rule; else the item is read."""
    assert item_number(msgspec.Raw(item)) == 42


@pytest.mark.parametrize("item", [b"{}", b'{"id":null}', b"null", b'{"id":"x"}', b'{"id":""}', b"[" * 9000])
def test_an_item_without_a_usable_id_is_an_error(run: SpoolRun, item: bytes) -> None:
    """It is not dropped, and nothing of its page is sealed."""
    writer = run.window_writer("7")
    with pytest.raises(SourceError):
        writer.add(page(b'{"id":"1"}', item))
    writer.abandon()
    assert run.windows("7") == ()
    assert not list(run.folder.glob("7/*"))


def test_items_without_cells_have_no_cell_order() -> None:
    """A selection may ask for no column at all."""
    assert cell_order(msgspec.Raw(b'{"id":"1"}')) == ()


def test_a_file_has_its_name_only_once_it_is_whole(run: SpoolRun) -> None:
    """A killed run leaves a `.partial`, never half a window."""
    writer = run.window_writer("7")
    writer.add(page(b'{"id":"1"}'))
    assert not writer.path.exists()
    assert writer.seal().path == writer.path
    assert writer.path.exists()


def test_a_full_disk_is_told_with_a_way_out(run: SpoolRun) -> None:
    """Not as an errno."""

    class Full:
        def write(self, _: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def close(self) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writer = run.window_writer("7")
    real, writer._file = writer._file, Full()  # type: ignore[assignment]
    with pytest.raises(BoardliftError, match="no room left") as caught:
        writer.add(page(*(b'{"id":"%d","name":"%s"}' % (n, os.urandom(40).hex().encode()) for n in range(9000))))
        writer.seal()
    assert "state" in caught.value.hint
    real.close()
    writer.abandon()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_only_the_owner_may_read(run: SpoolRun) -> None:
    """Boards hold people's data."""
    window = sealed(run, page(b'{"id":"1"}'))
    assert stat.S_IMODE(window.path.stat().st_mode) == 0o600
    assert stat.S_IMODE((run.folder / "manifest.json").stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (run.folder, window.path.parent)} == {0o700}


def test_a_page_of_another_board_is_refused(run: SpoolRun) -> None:
    """One window, one board."""
    with pytest.raises(ValueError, match="board 8"):
        run.window_writer("7").add(Page("8", 1, (), None, 0, 0))
