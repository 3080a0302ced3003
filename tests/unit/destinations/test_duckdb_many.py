"""What many boards and very long tables cost in DuckDB: labels follow the swap, and some keys are not declared."""

from __future__ import annotations

from pathlib import Path

import duckdb

from boardlift.destinations.duckdb.engine import DuckDB
from boardlift.destinations.interface import StagedGroup, TableFacts
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, TEXT
from boardlift.testing.arrow import Rows
from support.duckdb import destination, path

__all__ = ["destination", "path"]  # fixtures

LINKS = Table(
    "links",
    (Column("item_id", BIGINT), Column("ordinal", BIGINT), Column("linked_item_id", BIGINT), Column("code", BIGINT)),
    key=("item_id", "ordinal"),
    label="Links",
    indexes=(Index(("linked_item_id",)), Index(("code",), unique=True)),
)
LABELLED = Table(
    "labelled",
    (Column("item_id", BIGINT, label="Item"), Column("name", TEXT, label='A "name"'), Column("plain", TEXT)),
    key=("item_id",),
    label="Labelled",
)


def links(destination: DuckDB, number: int, rows: int) -> StagedGroup:
    ref = destination.stage("1", number, LINKS)
    count = destination.append(ref, Rows(f"SELECT range // 10, range % 10, 1, range FROM range({rows})"))
    return StagedGroup("1", number, ((ref, count),))


def built(destination: DuckDB, number: int) -> tuple[list[object], list[object], list[object]]:
    """What is declared of a generation: constraints, indexes (unique?), NOT NULL columns."""
    where = f"WHERE table_name = 'links__g{number}'"
    keys = destination.query(f"SELECT constraint_type FROM duckdb_constraints() {where} AND constraint_index >= 0")[1]
    indexes = destination.query(f"SELECT is_unique FROM duckdb_indexes() {where} ORDER BY 1")[1]
    firm = destination.query(f"SELECT column_name FROM duckdb_columns() {where} AND NOT is_nullable ORDER BY 1")[1]
    return [key for (key,) in keys if key != "NOT NULL"], [one for (one,) in indexes], [name for (name,) in firm]


def test_a_very_long_table_gets_no_key(destination: DuckDB) -> None:
    """Up to 500,000 rows it has one; beyond, NOT NULL and unique indexes alone. The gate measures it all the same."""
    destination.promote("run", [links(destination, 1, 500_000)])
    destination.promote("run", [links(destination, 2, 500_001)])
    assert built(destination, 1) == (["PRIMARY KEY"], [False, True], ["item_id", "ordinal"])
    assert built(destination, 2) == ([], [True], ["item_id", "ordinal"])
    ref = destination.stage("1", 3, LINKS)
    destination.append(ref, Rows("SELECT 1, 1, 1, range FROM range(3)"))
    assert destination.measure(ref) == TableFacts(3, 0, 1)


def test_a_short_table_gets_no_index_that_nobody_asked_for(destination: DuckDB) -> None:
    """DuckDB reads up to 2,048 rows in one step, whatever it is asked."""
    destination.promote("run", [links(destination, 1, 2_048)])
    destination.promote("run", [links(destination, 2, 2_049)])
    assert built(destination, 1) == (["PRIMARY KEY"], [True], ["item_id", "ordinal"])
    assert built(destination, 2) == (["PRIMARY KEY"], [False, True], ["item_id", "ordinal"])


def test_the_keys_of_a_very_long_table_are_counted_exactly(destination: DuckDB) -> None:
    """They are counted a part at a time; every doubled one and every NULL shows."""
    ref = destination.stage("1", 1, LINKS)
    destination.append(ref, Rows("SELECT range // 10, range % 10, 1, range FROM range(600000)"))
    assert destination.measure(ref) == TableFacts(600_000, 0, 600_000)
    destination.append(
        ref, Rows("SELECT * FROM (VALUES (0, 0, 1, 1), (59999, 9, 1, 2), (NULL, 3, 1, 3), (7, NULL, 1, 4))")
    )
    short = destination.stage("2", 1, LABELLED)
    assert destination.measure_all([short, ref]) == [TableFacts(0, 0, 0), TableFacts(600_004, 2, 600_000)]


def test_a_table_without_a_declared_key_is_counted_when_it_is_complete(destination: DuckDB) -> None:
    """What DuckDB does not hold unique itself, the gate must see."""
    ref = destination.stage("1", 1, LABELLED)
    rows = destination.append(ref, Rows("SELECT least(range, 500000), 'a', 'b' FROM range(500010)"))
    destination.complete([(ref, rows)])
    assert destination.measure(ref) == TableFacts(500_010, 0, 500_001)


def test_a_long_table_goes_back_and_forth(destination: DuckDB) -> None:
    """With and without a key, a generation is one like any other."""
    destination.promote("run", [links(destination, 1, 500_001)])
    destination.promote("run", [links(destination, 2, 5)])
    for number, rows in ((1, 500_001), (2, 5)):
        destination.rollback("run", [("1", number)])
        assert destination.query("SELECT count(*) FROM monday.links")[1] == [(rows,)]


def labelled(destination: DuckDB, number: int) -> StagedGroup:
    ref = destination.stage("2", number, LABELLED)
    return StagedGroup("2", number, ((ref, destination.append(ref, Rows("SELECT 1, 'a', 'b'"))),))


def comments(destination: DuckDB) -> dict[object, object]:
    """Of the view ("") and of its columns."""
    columns = "SELECT column_name, comment FROM duckdb_columns() WHERE schema_name = 'monday'"
    view = "SELECT '', comment FROM duckdb_views() WHERE schema_name = 'monday'"
    return dict(destination.query(f"{columns} UNION ALL {view}")[1])


OURS = {"": "Labelled", "item_id": "Item", "name": 'A "name"', "plain": None}


def test_labels_that_a_crash_left_out_come_with_the_next_run(destination: DuckDB, path: Path) -> None:
    """Between the swap and its labels there is a moment; what people wrote is not touched."""
    destination.promote("run", [labelled(destination, 1)])
    assert comments(destination) == OURS
    destination.close()
    with duckdb.connect(str(path)) as person:
        person.execute("COMMENT ON VIEW monday.labelled IS NULL")
        person.execute("COMMENT ON COLUMN monday.labelled.item_id IS NULL")
        person.execute("COMMENT ON COLUMN monday.labelled.plain IS 'theirs'")
    destination.prepare()
    assert comments(destination) == OURS | {"plain": "theirs"}
    destination.promote("run", [labelled(destination, 2)])
    assert comments(destination) == OURS | {"plain": "theirs"}


def test_labels_are_no_reason_for_a_swap_to_fail(destination: DuckDB, path: Path) -> None:
    """The rows are live; that a stored table was dropped by hand is another board's matter."""
    destination.promote("run", [links(destination, 1, 5)])
    destination.close()
    with duckdb.connect(str(path)) as person:
        person.execute("COMMENT ON VIEW monday.links IS NULL")
        person.execute("DROP TABLE monday__boardlift.links__g1")
    destination.promote("run", [labelled(destination, 1)])
    assert comments(destination)["name"] == 'A "name"'
