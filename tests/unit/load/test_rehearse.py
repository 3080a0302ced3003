"""A rehearsal tells the truth about a rollback and leaves everything as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pytest

from boardlift.clock import SystemClock
from boardlift.destinations.duckdb.engine import DuckDB
from boardlift.destinations.interface import Replace, SwapOutcome
from boardlift.errors import ConfigError, DestinationError
from boardlift.load.rehearse import Rehearsal, bytes_to_copy, rehearse, shapes_of
from boardlift.load.rollback import Target, choose
from boardlift.shape.sql import SQL
from boardlift.shape.table import Column, Table
from boardlift.shape.types import TEXT
from support.generations import PLANNING, promoted, staged

LOSE = SQL("UPDATE monday_rehearsal__boardlift.planning__g1 SET name = NULL WHERE item_id = 1")
WIDE = Table("planning", (*PLANNING.columns, Column("note", TEXT)), PLANNING.key)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def destination(path: Path) -> Iterator[DuckDB]:
    """Generation 1 is kept, generation 2 is live and has another column."""
    opened = DuckDB(f"duckdb:///{path}", "monday")
    opened.prepare()
    promoted(opened, 1)
    opened.promote("run-2", [staged(opened, 2, table=WIDE, rows=5)])
    yield opened
    opened.close()


def shapes(_group: str, number: int) -> list[Table]:
    return [PLANNING if number == 1 else WIDE]


def rehearsed(destination: DuckDB, there: DuckDB) -> Rehearsal:
    targets = choose(destination, ["1"], None)
    ways = {"1": Replace.SWAP}
    return rehearse(targets, shapes_of(targets, shapes), ways, destination, there, SystemClock())


def everything(path: Path) -> list[object]:
    """Every object of the file, and every row of every table."""
    with duckdb.connect(str(path)) as connection:
        objects = connection.execute(
            "SELECT table_schema, table_name, table_type FROM information_schema.tables ORDER BY ALL"
        ).fetchall()
        rows = [
            connection.execute(f"SELECT t::VARCHAR FROM {schema}.{name} AS t ORDER BY ALL").fetchall()
            for schema, name, _ in objects
        ]
        schemas = connection.execute("SELECT DISTINCT schema_name FROM duckdb_schemas() ORDER BY 1").fetchall()
        return [objects, rows, schemas]


def test_a_rollback_that_works_is_the_same_in_every_table(destination: DuckDB, path: Path) -> None:
    """Back, forward again, with rows and fingerprints; the file is as it was."""
    before = everything(path)
    there = DuckDB(f"duckdb:///{path}", "monday_rehearsal")
    found = rehearsed(destination, there)
    assert found.same
    assert [(t.group, t.generation, t.table, t.rows, t.stored == t.rehearsed) for t in found.back] == [
        ("1", 1, "planning", 3, True)
    ]
    assert [(t.generation, t.rows) for t in found.forward] == [(2, 5)]
    assert found.back[0].stored != found.forward[0].stored
    assert found.back_outcome.attempts == 1
    assert everything(path) == before
    there.close()


class Forgetful(DuckDB):
    """Loses a cell on the way back, as a broken swap would."""

    def rollback(self, run_id: str, targets: Sequence[tuple[str, int]]) -> SwapOutcome:
        outcome = super().rollback(run_id, targets)
        with self._session.transaction("lose a cell") as run:
            run(LOSE)
        return outcome


def test_a_rollback_that_loses_a_cell_differs(destination: DuckDB, path: Path) -> None:
    """The comparison can fail, and tells which table it was."""
    before = everything(path)
    there = Forgetful(f"duckdb:///{path}", "monday_rehearsal")
    found = rehearsed(destination, there)
    assert not found.same
    assert [table.same for table in (*found.back, *found.forward)] == [False, True]
    assert everything(path) == before
    there.close()


class Broken(DuckDB):
    """Cannot swap back."""

    def rollback(self, run_id: str, targets: Sequence[tuple[str, int]]) -> SwapOutcome:
        raise DestinationError(f"{run_id} cannot go to {targets}")


def test_a_rehearsal_that_fails_leaves_nothing_behind(destination: DuckDB, path: Path) -> None:
    """The copies go whatever happens; so do those of a rehearsal that was killed."""
    before = everything(path)
    there = Broken(f"duckdb:///{path}", "monday_rehearsal")
    with pytest.raises(DestinationError, match="cannot go to"):
        rehearsed(destination, there)
    assert everything(path) == before
    there.prepare()
    there.promote("rehearsal", [staged(there, 1)])
    there.close()
    again = DuckDB(f"duckdb:///{path}", "monday_rehearsal")
    assert rehearsed(destination, again).same
    assert everything(path) == before
    again.close()


def test_a_generation_the_ledger_does_not_know_is_refused(destination: DuckDB) -> None:
    """Before anything is made: what its columns are cannot be guessed."""
    targets = choose(destination, ["1"], None)
    with pytest.raises(DestinationError, match="does not know the tables of generation 1 of board 1") as caught:
        shapes_of(targets, lambda _group, _number: None)
    assert caught.value.hint
    with pytest.raises(DestinationError, match="does not know the tables of generation 1"):
        shapes_of(targets, lambda _group, _number: [WIDE])


def test_the_bytes_to_copy_are_those_of_both_generations(destination: DuckDB) -> None:
    """As many as `boardlift generations` shows for the two."""
    (target,) = choose(destination, ["1"], None)
    assert isinstance(target, Target)
    assert bytes_to_copy(destination, [target]) == sum(destination.sizes().values())


def test_a_namespace_that_a_sync_filled_is_never_taken_for_a_leftover(destination: DuckDB, path: Path) -> None:
    """Somebody may have named a namespace of their own like that of the copies."""
    there = DuckDB(f"duckdb:///{path}", "monday_rehearsal")
    there.prepare()
    there.promote("run-1", [staged(there, 1)])
    there.close()
    before = everything(path)
    with pytest.raises(ConfigError, match="holds tables of a sync"):
        rehearsed(destination, there)
    destination.close()
    there.close()
    assert everything(path) == before
