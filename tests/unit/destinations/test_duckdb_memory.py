"""What a DuckDB file costs in memory while it is loaded: no cache that grows with the table, no row groups merged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from boardlift.destinations.duckdb.engine import DuckDB
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, TEXT
from boardlift.testing.arrow import Rows

WIDE = Table("wide", (Column("item_id", BIGINT), *(Column(f"t{number}", TEXT) for number in range(20))))
ROWS, APPENDS = 4000, 20
TEXTS = ", ".join(f"md5(concat({number}, '-', range))" for number in range(20))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def destination(path: Path) -> Iterator[DuckDB]:
    opened = DuckDB(f"duckdb:///{path}?memory_limit=120MB", "monday")
    opened.prepare()
    yield opened
    opened.close()


def load(destination: DuckDB) -> None:
    ref = destination.stage("1", 1, WIDE)
    for number in range(APPENDS):
        first = number * ROWS
        assert destination.append(ref, Rows(f"SELECT range, {TEXTS} FROM range({first}, {first + ROWS})")) == ROWS


def test_what_was_written_is_not_kept_in_memory(destination: DuckDB, path: Path) -> None:
    """30 MB go into the file; of its blocks a few stay, and DuckDB has the limit again that the URL gives it."""
    load(destination)
    (cached,) = destination.query("SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'BASE_TABLE'")[1]
    assert path.stat().st_size > 20_000_000
    assert cached <= (8_000_000,)
    assert destination.query("SELECT current_setting('memory_limit')")[1] == [("114.4 MiB",)]


def test_row_groups_are_not_read_and_written_again(destination: DuckDB) -> None:
    """They hold one append or two, as they were written: merging them would hold a large one in memory."""
    load(destination)
    groups = destination.query(
        "SELECT row_group_id, sum(count) FROM pragma_storage_info('monday__boardlift.wide__g1')"
        " WHERE column_name = 'item_id' AND segment_type <> 'VALIDITY' GROUP BY row_group_id"
    )[1]
    counts = [int(str(rows)) for _, rows in groups]
    assert sum(counts) == ROWS * APPENDS
    assert max(counts) <= 2 * ROWS
