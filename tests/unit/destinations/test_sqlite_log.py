"""The write-ahead log of a large load: it stays small where no reader needs it, and a load is whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from boardlift.destinations.sqlite import load
from boardlift.destinations.sqlite.engine import SQLite
from boardlift.errors import DestinationError
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, DOUBLE, TEXT
from boardlift.testing.arrow import Rows
from support.sqlite import Person, destination, path, person

__all__ = ["destination", "path", "person"]  # fixtures

TABLE = Table("wide", (Column("item_id", BIGINT), Column("a", TEXT), Column("r", DOUBLE)), key=("item_id",))


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_CELLS", 9_000)


def rows(count: int, bad: int = -1) -> Rows:
    return Rows(f"SELECT range, repeat('x', 500), if(range = {bad}, 'nan'::DOUBLE, 1) FROM range({count})")


def log_of(path: Path) -> int:
    return path.with_name(f"{path.name}-wal").stat().st_size


def test_the_log_stays_a_fraction_of_a_large_load(destination: SQLite, path: Path) -> None:
    """Forty thousand rows of half a kilobyte; the file holds them, the log some parts of them."""
    staged = destination.stage("1", 1, TABLE)
    assert destination.append(staged, rows(40_000)) == 40_000
    assert log_of(path) < 8_000_000 < 20_000_000 < path.stat().st_size
    assert destination.measure(staged).rows == 40_000


def test_a_reader_who_stays_is_not_hurt(destination: SQLite, path: Path, person: Person) -> None:
    """It reads on what it saw first, and the load goes on."""
    first = destination.stage("1", 1, TABLE)
    destination.append(first, rows(10))
    person("BEGIN")
    seen = person("SELECT count(*) FROM sqlite_master")
    staged = destination.stage("2", 1, Table("other", TABLE.columns, TABLE.key))
    assert destination.append(staged, rows(10_000)) == 10_000
    assert person("SELECT count(*) FROM sqlite_master") == seen
    person("COMMIT")
    assert destination.measure(staged).rows == 10_000


@pytest.mark.parametrize("repeated", [False, True], ids=["with a key", "without"])
@pytest.mark.parametrize("bad", [10, 9_000])
def test_a_load_that_fails_in_a_later_part_leaves_what_was_there_before(
    destination: SQLite, bad: int, repeated: bool
) -> None:
    """Its own first parts are taken back, and rows of an earlier load stay, also when the key was given up for them."""
    staged = destination.stage("1", 1, TABLE)
    before = 700
    destination.append(staged, rows(before))
    if repeated:
        destination.append(staged, rows(before))
        before *= 2
    with pytest.raises(DestinationError, match="NaN"):
        destination.append(staged, Rows(rows(10_000, bad)._sql.replace("SELECT range", "SELECT range + 5000")))
    found = destination.measure(staged)
    assert (found.rows, found.distinct_keys) == (before, 700)
    assert destination.append(staged, Rows("SELECT 9999, 'y', 1")) == 1
