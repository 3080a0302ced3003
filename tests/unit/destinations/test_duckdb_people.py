"""What people built on DuckDB's live views: found before the swap, kept after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from boardlift.destinations.duckdb.engine import DuckDB
from boardlift.destinations.interface import Replace
from boardlift.errors import CapabilityMissing, DependentObject
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, TEXT
from support.generations import PLANNING, promoted, staged

NARROW = Table("planning", PLANNING.columns[:2], PLANNING.key)
LABELLED = Table(
    "planning",
    (Column("item_id", BIGINT, nullable=False, label="Item"), Column("name", TEXT, label="Name")),
    ("item_id",),
    label="Planning",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def destination(path: Path) -> Iterator[DuckDB]:
    opened = DuckDB(f"duckdb:///{path}", "monday")
    opened.prepare()
    promoted(opened, 1)
    yield opened
    opened.close()


@pytest.fixture
def person(path: Path, destination: DuckDB) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA reports")
        yield connection


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("CREATE VIEW reports.v AS SELECT status FROM monday.planning", "view reports.v"),
        ("CREATE VIEW monday.v AS SELECT status FROM monday.planning", "view monday.v"),
        ('CREATE VIEW reports."a ""b" AS SELECT p.status FROM monday.planning AS p', 'view reports.a "b'),
        ("CREATE VIEW reports.v AS SELECT * FROM monday.planning WHERE lower(status) = 'x'", "view reports.v"),
        ("CREATE MACRO reports.m() AS (SELECT count(status) FROM monday.planning)", "macro reports.m"),
        ("CREATE MACRO reports.m(a, b) AS (SELECT a + b FROM monday.planning WHERE status = 'x')", "macro reports.m"),
        ("CREATE MACRO reports.m(n) AS TABLE SELECT status FROM monday.planning LIMIT n", "macro reports.m"),
        ("CREATE MACRO reports.m(d) AS TABLE FROM monday.planning WHERE status = strftime(d, '%Y')", "macro reports.m"),
    ],
)
def test_what_reads_a_vanishing_column_is_an_obstacle(
    destination: DuckDB, person: duckdb.DuckDBPyConnection, statement: str, name: str
) -> None:
    """Views and macros of any schema, with parameters of any type; promotion refuses and nothing has changed."""
    person.execute(statement)
    (found,) = destination.replacements("1", [NARROW], Replace.SWAP)
    (obstacle,) = found.obstacles
    assert obstacle.startswith(f"the {name} reads monday.planning")
    before = catalogue(person)
    with pytest.raises(DependentObject) as caught:
        destination.promote("run", [staged(destination, 2, table=NARROW)])
    assert name in caught.value.message
    assert catalogue(person) == before
    assert person.execute("SELECT DISTINCT status FROM monday.planning").fetchall() == [("g1",)]


def test_what_the_new_columns_suit_is_carried(destination: DuckDB, person: duckdb.DuckDBPyConnection) -> None:
    """A star, a column that stays, and what does not read the table at all."""
    for statement in (
        "CREATE VIEW reports.star AS SELECT * FROM monday.planning",
        "CREATE VIEW reports.chain AS SELECT name FROM reports.star",
        "CREATE MACRO reports.m(x) AS (SELECT count(*) FROM monday.planning WHERE name = x)",
        "CREATE VIEW reports.unrelated AS SELECT 1 AS one",
    ):
        person.execute(statement)
    (found,) = destination.replacements("1", [NARROW], Replace.SWAP)
    assert found.obstacles == ()
    assert found.carried == ("view reports.chain", "view reports.star", "macro reports.m")
    destination.promote("run", [staged(destination, 2, table=NARROW)])
    assert person.execute("SELECT DISTINCT name FROM reports.chain").fetchall() == [("g2",)]
    assert person.execute("SELECT reports.m('g2')").fetchall() == [(3,)]


def test_all_of_a_chain_that_breaks_is_named(destination: DuckDB, person: duckdb.DuckDBPyConnection) -> None:
    """Also what reads the table only through others; what was broken before is not our doing."""
    person.execute("CREATE VIEW reports.one AS SELECT status AS s FROM monday.planning")
    person.execute("CREATE VIEW reports.two AS SELECT s FROM reports.one")
    person.execute("CREATE TABLE reports.t AS SELECT 1 AS x")
    person.execute("CREATE VIEW reports.ruin AS SELECT x, status FROM reports.t, monday.planning")
    person.execute("DROP TABLE reports.t")
    (found,) = destination.replacements("1", [NARROW], Replace.SWAP)
    assert [obstacle.split(" reads ")[0] for obstacle in found.obstacles] == [
        "the view reports.one",
        "the view reports.two",
    ]


def test_a_table_that_vanishes_is_missed_by_its_readers(destination: DuckDB, person: duckdb.DuckDBPyConnection) -> None:
    """The obstacle stands with the table that goes."""
    person.execute("CREATE VIEW reports.v AS SELECT count(*) AS n FROM monday.planning")
    other = Table("roadmap", PLANNING.columns, PLANNING.key)
    found = {each.table: each for each in destination.replacements("1", [other], Replace.SWAP)}
    assert found["roadmap"].obstacles == ()
    assert "view reports.v" in found["planning"].obstacles[0]
    with pytest.raises(DependentObject, match=r"reports\.v"):
        destination.promote("run", [staged(destination, 2, table=other)])


def test_comments_of_people_stay(destination: DuckDB, person: duckdb.DuckDBPyConnection) -> None:
    """Those of boardlift follow the titles; a person's own words on a live table or column are carried on."""
    destination.promote("run", [staged(destination, 2, table=LABELLED)])
    person.execute("COMMENT ON COLUMN monday.planning.name IS 'as in the contract'")
    person.execute("COMMENT ON VIEW monday.planning IS 'ask Ada'")
    renamed = Table("planning", (Column("item_id", BIGINT, label="Id"), *LABELLED.columns[1:]), ("item_id",), "Plan")
    for number in (3, 4):
        destination.promote("run", [staged(destination, number, table=renamed)])
        assert comments(person) == {"": "ask Ada", "item_id": "Id", "name": "as in the contract"}
    destination.rollback("back", [("1", 2)])
    assert comments(person) == {"": "ask Ada", "item_id": "Item", "name": "as in the contract"}


def test_labels_of_generations_that_have_no_note_are_found(
    destination: DuckDB, person: duckdb.DuckDBPyConnection
) -> None:
    """Before labels were kept in one note, each column of a stored table had its own comment."""
    destination.promote("run", [staged(destination, 2, table=LABELLED)])
    person.execute("COMMENT ON TABLE monday__boardlift.planning__g2 IS 'Planning'")
    person.execute("COMMENT ON COLUMN monday__boardlift.planning__g2.item_id IS 'Item'")
    person.execute("COMMENT ON COLUMN monday__boardlift.planning__g2.name IS 'Name'")
    destination.promote("run", [staged(destination, 3)])
    destination.rollback("back", [("1", 2)])
    assert comments(person) == {"": "Planning", "item_id": "Item", "name": "Name"}


def test_in_place_is_refused_with_the_reason(destination: DuckDB) -> None:
    """A live table is a view: there is nothing to refill."""
    with pytest.raises(CapabilityMissing, match="a live table is a view") as caught:
        destination.replacements("1", [PLANNING], Replace.IN_PLACE)
    assert "replace: in_place" in caught.value.hint


def comments(person: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Of the live table ("") and its columns."""
    columns = "SELECT column_name, comment FROM duckdb_columns() WHERE schema_name = 'monday' AND comment IS NOT NULL"
    views = "SELECT '', comment FROM duckdb_views() WHERE schema_name = 'monday' AND comment IS NOT NULL"
    return dict(person.execute(f"{columns} UNION ALL {views}").fetchall())


def catalogue(person: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    """Every view there is, and what the catalogue of generations says."""
    views = "SELECT schema_name, view_name, sql, comment FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
    generations = "SELECT g::VARCHAR FROM monday__boardlift.generations AS g ORDER BY ALL"
    return [*person.execute(views).fetchall(), *person.execute(generations).fetchall()]


def test_views_of_other_namespaces_of_boardlift_are_not_peoples(path: Path, destination: DuckDB) -> None:
    """A test beside the live namespace stands in no way, nor does a name that is only part of another."""
    with closing(DuckDB(f"duckdb:///{path}", "monday_test")) as beside:
        beside.prepare()
        promoted(beside, 1)
    with duckdb.connect(str(path)) as person:
        person.execute("CREATE TABLE main.planning_old (planned int); CREATE VIEW main.v AS FROM planning_old")
        person.execute("CREATE VIEW monday_test.mine AS SELECT status FROM monday.planning")
    (planned,) = destination.replacements("1", [NARROW], Replace.SWAP)
    assert not [each for each in planned.carried if "monday_test.planning" in each or "main.v" in each]
    assert [obstacle for obstacle in planned.obstacles if "view monday_test.mine" in obstacle]
    assert len(planned.obstacles) == 1
