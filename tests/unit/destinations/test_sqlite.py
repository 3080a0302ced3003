"""What is particular to SQLite: names without schemas, values without types, a file."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from boardlift.destinations.interface import Replace, StagedGroup
from boardlift.destinations.sqlite import contents as sqlite_contents
from boardlift.destinations.sqlite.engine import SQLite, connect
from boardlift.destinations.sqlite.file import refuse_old
from boardlift.errors import (
    CapabilityMissing,
    ConfigError,
    DestinationError,
    PromotionConflict,
)
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, BOOLEAN, DATE, DOUBLE, NUMBER, TEXT, TIMESTAMP, Kind, SqlType
from boardlift.testing.arrow import Rows
from boardlift.testing.samples import put
from support.generations import PLANNING, staged
from support.sqlite import Person, destination, path, person, promoted

__all__ = ["destination", "path", "person"]  # fixtures

# -- where things are


@pytest.mark.parametrize(
    ("url", "namespace", "words"),
    [
        ("sqlite://server/db", "monday", "form"),
        ("sqlite://", "monday", "form"),
        ("sqlite:///:memory:", "monday", "form"),
        ("sqlite:///x.db?mode=ro", "monday", "form"),
        ("sqlite:///x.db", "monday__boardlift", "namespace"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str, namespace: str, words: str) -> None:
    """Before anything is opened, and with what to write instead."""
    with pytest.raises(ConfigError, match=words) as caught:
        connect(url, namespace)
    assert caught.value.hint


def test_a_url_names_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative, absolute, percent-encoded; nothing is made by asking."""
    monkeypatch.chdir(tmp_path)
    assert SQLite("sqlite:///a%20b.db", "monday").identity == f"sqlite:///{(tmp_path / 'a b.db').as_posix()}"
    assert SQLite(f"sqlite:///{tmp_path}/x.db", "monday").identity == f"sqlite:///{tmp_path.as_posix()}/x.db"
    destination = SQLite("sqlite:///x.db", "monday")
    assert (destination.generations(), destination.foreign_tables(["x"]), destination.sizes()) == ([], [], {})
    assert destination.replacements("1", [PLANNING], Replace.SWAP)[0].obstacles == ()
    assert (destination.drop_staged(), destination.discard()) == ([], None)
    assert list(tmp_path.iterdir()) == []


def test_names_say_where_a_table_belongs(destination: SQLite, person: Person) -> None:
    """A namespace is the beginning of a name; what is hidden says so."""
    promoted(destination, 1, 2)
    names = [str(name) for (name,) in person("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
    assert names == [
        "monday__boardlift__generations",
        "monday__boardlift__planning__g1",
        "monday__boardlift__titles",
        "monday__planning",
    ]
    assert destination.address("planning") == '"monday__planning"'


def test_in_the_namespace_main_live_tables_have_plain_names(path: Path) -> None:
    """Tables of others beside them are theirs, and stop nothing but a discard."""
    destination = SQLite(f"sqlite:///{path}", "main")
    destination.prepare()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    promoted(destination, 1, 2)
    assert destination.query("SELECT DISTINCT name FROM planning")[1] == [("g2",)]
    assert destination.foreign_tables(["theirs", "THEIRS", "planning"]) == ["THEIRS", "theirs"]
    with pytest.raises(PromotionConflict, match="theirs"):
        destination.discard()
    assert destination.query("SELECT DISTINCT name FROM planning")[1] == [("g2",)]
    destination.close()


def test_two_namespaces_of_one_file_leave_each_other_alone(destination: SQLite, path: Path) -> None:
    """Neither sweeps, lists or swaps what is the other's."""
    promoted(destination, 1, 2)
    other = SQLite(f"sqlite:///{path}", "monday_test")
    other.prepare()
    promoted(other, 1, 2, 3)
    assert (other.drop_staged(), destination.drop_staged()) == ([], [])
    assert [g.number for g in destination.generations()] == [2, 1]
    other.discard()
    other.close()
    destination.rollback("back", [("1", 1)])
    assert destination.query("SELECT DISTINCT name FROM monday__planning")[1] == [("g1",)]


@pytest.mark.parametrize("name", ["boardlift__generations", "boardlift__titles", "boardlift__planning__g1"])
def test_a_table_cannot_take_a_hidden_name(destination: SQLite, name: str) -> None:
    """It would be swept, or overwrite the catalogue."""
    with pytest.raises(DestinationError, match="keeps for itself") as caught:
        destination.stage("1", 1, Table(name, PLANNING.columns, PLANNING.key))
    assert "table:" in caught.value.hint


def test_a_board_called_boardlift_is_like_any_other(destination: SQLite) -> None:
    """Its tables lie among the hidden ones by name only."""
    table = Table("boardlift__tags", PLANNING.columns, PLANNING.key)
    promoted(destination, 1, 2, table=table)
    assert destination.drop_staged() == []
    assert destination.query("SELECT count(*) FROM monday__boardlift__tags")[1] == [(3,)]


def test_titles_are_kept_in_a_table(destination: SQLite) -> None:
    """SQLite has no comments; they go with their generation."""
    columns = (Column("item_id", BIGINT, label="Item ID"), Column("name", TEXT, label="Name 'quoted'"))
    promoted(destination, 1, table=Table("planning", columns, ("item_id",), label="Planning"))
    titles = "SELECT column_name, title FROM monday__boardlift__titles WHERE title <> '' ORDER BY 1"
    assert destination.query(titles)[1] == [("", "Planning"), ("item_id", "Item ID"), ("name", "Name 'quoted'")]
    promoted(destination, 2)
    destination.retain("1", 1)
    assert destination.query(titles)[1] == []


# -- values


def test_values_are_stored_as_the_documentation_says(destination: SQLite, person: Person) -> None:
    """Exact texts for decimals, dates and instants, which SQLite's own functions read."""
    table = Table(
        "typed",
        (Column("price", NUMBER), Column("due", DATE), Column("seen", TIMESTAMP), Column("done", BOOLEAN)),
    )
    ref = destination.stage("1", 1, table)
    row = "SELECT '-012.5000', '2024-02-29', TIMESTAMPTZ '2024-03-01 01:30:00.25+02', true"
    count = destination.append(ref, Rows(f"{row} UNION ALL SELECT '100', NULL, NULL, NULL"))
    destination.promote("run", [StagedGroup("1", 1, ((ref, count),))])
    rows = person("SELECT price, typeof(price), due, seen, typeof(seen), done FROM monday__typed ORDER BY price")
    assert rows[0] == ("-12.5", "text", "2024-02-29", "2024-02-29 23:30:00.25", "text", 1)
    assert rows[1] == ("100", "text", None, None, "null", None)
    assert person("SELECT sum(CAST(price AS REAL)), max(date(due, '+1 day')) FROM monday__typed") == [
        (87.5, "2024-03-01")
    ]
    assert person("SELECT count(*) FROM monday__typed WHERE seen < datetime('now')") == [(1,)]


def test_a_query_gives_values_of_the_declared_types(destination: SQLite, person: Person) -> None:
    """Through views and subqueries, too; what a person put under such a type and does not fit is given as it is."""
    person("CREATE TABLE mine (price DECIMAL_TEXT(9, 2), due DATE, seen TIMESTAMP, done BOOLEAN)")
    person("INSERT INTO mine VALUES ('1.50', '2024-02-29', '2024-02-29 12:00:00', 1), ('much', 'soon', 7, 5)")
    person("CREATE VIEW seen_through AS SELECT * FROM mine")
    names, rows = destination.query("SELECT price, due, seen, done, 1 AS x FROM (SELECT * FROM seen_through) -- all")
    assert names == ["price", "due", "seen", "done", "x"]
    assert rows[0] == (Decimal("1.50"), date(2024, 2, 29), datetime(2024, 2, 29, 12, tzinfo=UTC), True, 1)
    assert rows[1] == ("much", "soon", 7, 5, 1)


def test_a_query_may_ask_about_tables_and_explain(destination: SQLite) -> None:
    """Names, types and plans are reading."""
    promoted(destination, 1)
    names = destination.query("SELECT name FROM pragma_table_info('monday__planning')")[1]
    assert names == [("item_id",), ("name",), ("status",)]
    assert destination.query("EXPLAIN QUERY PLAN SELECT 1")[1]


@pytest.mark.parametrize(
    "sql",
    [
        "PRAGMA journal_mode = DELETE",
        "ATTACH 'other.db' AS other",
        "VACUUM INTO 'copy.db'",
        "SELECT * FROM pragma_user_version; DROP TABLE monday__planning",
        "WITH x AS (SELECT 1) DELETE FROM monday__planning",
        "CREATE TEMP TABLE t AS SELECT 1",
        "",
    ],
)
def test_statements_that_do_more_than_read_are_refused(
    destination: SQLite, sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading means SELECT; no file is made, no row goes."""
    monkeypatch.chdir(tmp_path)
    promoted(destination, 1)
    with pytest.raises(DestinationError):
        destination.query(sql)
    assert destination.query("SELECT count(*) FROM monday__planning")[1] == [(3,)]
    assert sorted(p.name for p in tmp_path.iterdir() if "warehouse" not in p.name) == []


def test_not_a_number_is_refused(destination: SQLite) -> None:
    """SQLite would store NULL without a word."""
    table = Table("ratios", (Column("ratio", DOUBLE),))
    ref = destination.stage("1", 1, table)
    with pytest.raises(DestinationError, match="NaN"):
        destination.append(ref, Rows("SELECT 'nan'::DOUBLE"))
    assert destination.append(ref, Rows("SELECT 'inf'::DOUBLE")) == 1


@pytest.mark.parametrize("width", [150, 2000])
def test_a_wide_board_is_loaded(destination: SQLite, width: int) -> None:
    """As many columns as SQLite takes, through loading, swap, fingerprint and copy."""
    columns = (Column("item_id", BIGINT), *(Column(f"c{n}", TEXT) for n in range(width - 1)))
    table = Table("wide", columns, ("item_id",))
    for number in (1, 2):
        ref = destination.stage("1", number, table)
        values = ", ".join(f"'v{n} ' || range" for n in range(width - 1))
        count = destination.append(ref, Rows(f"SELECT range, {values} FROM range(40)"))
        replace = Replace.SWAP if number == 1 else Replace.IN_PLACE
        destination.promote("run", [StagedGroup("1", number, ((ref, count),), replace)])
    assert destination.contents("1", 1) == destination.contents("1", 2)


def test_more_columns_than_sqlite_takes_are_explained(destination: SQLite) -> None:
    """The hint says how to have fewer."""
    with pytest.raises(DestinationError) as caught:
        destination.stage("1", 1, Table("wide", tuple(Column(f"c{n}", TEXT) for n in range(2001))))
    assert "exclude" in caught.value.hint


def test_a_broken_key_that_is_let_through_goes_live_without_it(destination: SQLite) -> None:
    """Rows that the key refuses are loaded and counted; from the table as the gate lets it through the key is gone."""
    ref = destination.stage("1", 1, PLANNING)
    rows = "SELECT * FROM (VALUES (1, 'a', 'x'), (2, 'b', 'x'), (1, 'c', 'x'), (NULL, 'd', 'x'), (3, 'e', 'x'))"
    assert destination.append(ref, Rows(rows)) == 5
    facts = destination.measure(ref)
    assert (facts.rows, facts.null_keys, facts.distinct_keys) == (5, 1, 3)
    with pytest.raises(DestinationError):
        destination.promote("run", [StagedGroup("1", 1, ((ref, 5),))])
    loose = Table(PLANNING.name, PLANNING.columns)
    let_through = type(ref)(ref.group, ref.generation, loose, ref.hidden_name)
    destination.promote("run", [StagedGroup("1", 1, ((let_through, 5),))])
    assert destination.query("SELECT count(*), count(DISTINCT item_id) FROM monday__planning")[1] == [(5, 3)]
    into = destination.stage("2", 1, Table("copied", PLANNING.columns, PLANNING.key))
    assert destination.copy("1", 1, "planning", into, "monday") == 5


def test_a_key_is_a_primary_key(destination: SQLite, person: Person) -> None:
    """Tools that look for one find it, before and after swaps, and NULL is refused in it."""
    promoted(destination, 1)
    promoted(destination, 2, replace=Replace.IN_PLACE)
    assert person("SELECT name, pk, \"notnull\" FROM pragma_table_info('monday__planning') WHERE pk > 0") == [
        ("item_id", 1, 1)
    ]
    with pytest.raises(sqlite3.IntegrityError):
        person("INSERT INTO monday__planning VALUES (NULL, 'x', 'y')")


# -- sizes


def test_sizes_can_be_estimated_where_sqlite_does_not_tell(destination: SQLite) -> None:
    """By the share of the cells; both ways agree on what is large."""
    for number, rows in ((1, 10), (2, 20_000)):
        destination.promote("run", [staged(destination, number, rows=rows)])
    run = destination._file.run
    estimated = sqlite_contents.bytes_by_share(run)
    assert estimated["monday__boardlift__planning__g1"] < 0.01 * estimated["monday__planning"]
    if sqlite_contents.has_page_list(run):
        exact = sqlite_contents.bytes_by_pages(run)
        assert set(exact) == set(estimated)
        assert estimated["monday__planning"] == pytest.approx(exact["monday__planning"], rel=0.2)


# -- what cannot be


def test_a_sqlite_too_old_is_refused() -> None:
    """With the version that is there and the one that is needed."""
    with pytest.raises(CapabilityMissing, match=r"SQLite 3\.33\.9; boardlift needs 3\.34\.0"):
        refuse_old((3, 33, 9))
    refuse_old(sqlite3.sqlite_version_info)


def test_a_file_that_is_something_else_is_explained(path: Path) -> None:
    """It is not touched."""
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    before = path.read_bytes()
    destination = SQLite(f"sqlite:///{path}", "monday")
    with pytest.raises(DestinationError) as caught:
        destination.prepare()
    assert "something else" in caught.value.hint
    assert destination.findings()[0].ok is False
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="root may write")
def test_a_file_that_may_not_be_written_is_explained(destination: SQLite, path: Path) -> None:
    """The hint says what right is missing."""
    destination.close()
    path.chmod(0o400)
    with pytest.raises(DestinationError) as caught:
        promoted(destination, 1)
    assert "write" in caught.value.hint


def test_a_decimal_without_whole_digits_has_its_zero(destination: SQLite, person: Person) -> None:
    """Also where all 38 digits stand behind the point."""
    for number, (precision, scale) in enumerate([(38, 38), (10, 10), (38, 10)], 1):
        table = Table("planning", (Column("n", SqlType(Kind.DECIMAL, precision, scale)),), ())
        staged = put(destination, "1", number, [(table, "SELECT unnest(['0', '0.5', '-0.25', NULL])")])
        destination.promote("run", [staged])
        assert person("SELECT n FROM monday__planning") == [("0",), ("0.5",), ("-0.25",), (None,)]
