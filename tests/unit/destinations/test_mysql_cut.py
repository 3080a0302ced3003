"""One stream of CSV for several readers: every row goes to one of them, whole."""

from __future__ import annotations

import csv
import io
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boardlift.destinations.mysql import cut
from boardlift.destinations.mysql.cut import Cutter

ROWS = st.lists(st.lists(st.text(alphabet='a",\n\\é', max_size=12), min_size=1, max_size=3), max_size=30)


def written(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def read(pieces: list[bytes]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(pieces).decode(), newline="")))


@pytest.mark.parametrize("piece", [1, 7, 64])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(rows=ROWS, turns=st.lists(st.booleans(), max_size=40))
def test_each_row_goes_whole_to_one_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int, rows: list[list[str]], turns: list[bool]
) -> None:
    """Wherever the reads end: in a text, in a character, between two quotes."""
    monkeypatch.setattr(cut, "_PIECE", piece)
    monkeypatch.setattr(cut, "_PACKET", 5)
    path = tmp_path / "rows"
    path.write_bytes(written(rows))
    feed = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        cutter = Cutter(feed)
        given_out: list[list[bytes]] = []
        for turn in [*turns, True]:
            found = cutter._next() if not turn or not given_out else b""
            given_out.append([found] if found else [])
        given_out.append(list(cutter.pieces()))
    finally:
        os.close(feed)
    assert all(len(part) <= 5 for part in given_out[-1])
    assert [row for pieces in given_out for row in read(pieces)] == rows


def test_readers_on_threads_share_all_rows(tmp_path: Path) -> None:
    """None is lost, none goes twice."""
    rows = [[str(number), 'x"\n' * (number % 50)] for number in range(20_000)]
    path = tmp_path / "rows"
    path.write_bytes(written(rows))
    feed = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    cutter = Cutter(feed)
    taken: list[list[bytes]] = [[], [], []]
    readers = [threading.Thread(target=lambda into=into: into.extend(cutter.pieces())) for into in taken]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    os.close(feed)
    assert sorted(read(taken[0]) + read(taken[1]) + read(taken[2]), key=lambda row: int(row[0])) == rows


def test_a_reader_that_waits_is_told_of_the_end(tmp_path: Path) -> None:
    """Whether it comes by itself or because somebody stops."""
    path = tmp_path / "rows"
    path.write_bytes(b"1\n2\n")
    for stop in (True, False):
        feed = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        cutter = Cutter(feed)
        found: list[bool] = []
        waiting = threading.Thread(target=lambda found=found, cutter=cutter: found.append(cutter.reached(1 << 20)))
        waiting.start()
        if stop:
            cutter.stop()
        assert b"".join(cutter.pieces()) == (b"" if stop else b"1\n2\n")
        waiting.join(10)
        os.close(feed)
        assert found == [False]
