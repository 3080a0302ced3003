"""Every statement that SQL Server is sent can be parsed as T-SQL; what the parser only skips is listed by kind."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from boardlift.destinations.interface import Replace, StagedRef
from boardlift.destinations.mssql import questions
from boardlift.destinations.mssql.contents import contents_statement
from boardlift.destinations.mssql.ddl import create_statements
from boardlift.destinations.mssql.engine import MSSQL
from boardlift.destinations.mssql.objects import ColumnFact
from boardlift.destinations.mssql.query import read_only
from boardlift.destinations.mssql.sql import Name, Text, batch
from boardlift.errors import DestinationError
from boardlift.shape.table import Column, Table
from boardlift.shape.types import TEXT
from boardlift.testing.arrow import Rows
from boardlift.testing.samples import EVERY_TYPE, HOSTILE, ITEMS, TAGS, VALUES, rows_sql
from support.mssql_script import PLANNING, Server

SNAPSHOTS = Path(__file__).parent / "mssql_snapshots"
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
SIZES = {"int": 4, "nvarchar": -1, "varchar": 20, "float": 8, "datetimeoffset": 10, "date": 3, "decimal": 9, "bit": 1}
COLLATION = "Latin1_General_CI_AS"
EVERYTHING = {
    questions.COLUMNS: [
        (f"c_{kind}", kind, size, 18, 6, COLLATION if "char" in kind else "", True, False, False)
        for kind, size in SIZES.items()
    ]
}
URL = "mssql://etl:s3cr3t@warehouse/analytics"
# Documented statements that sqlglot takes as a word and the rest; each is checked for its shape below instead.
SKIPPED = {
    r"ALTER SCHEMA \[\w+\] TRANSFER \[[^\]]+\]\.\[[^\]]+\]",
    r"ALTER AUTHORIZATION ON OBJECT::\[[^\]]+\]\.\[[^\]]+\] TO (\[\w+\]|SCHEMA OWNER)",
    r"ALTER SECURITY POLICY \[\w+\]\.\[\w+\] (ADD|DROP) (FILTER|BLOCK) PREDICATE .*ON \[\w+\]\.\[\w+\].*",
    r"ALTER TABLE \[\w+\]\.\[\w+\] SET \(LOCK_ESCALATION = (AUTO|TABLE|DISABLE)\)",
    r"ALTER TABLE \[\w+\]\.\[\w+\] WITH (CHECK|NOCHECK) ADD CONSTRAINT \[\w+\] (CHECK|FOREIGN KEY) \(.*",
    r"ALTER TABLE \[\w+\]\.\[\w+\] ADD CONSTRAINT \[\w+\] DEFAULT \(.*\) FOR \[\w+\]",
    r"ALTER TABLE \[\w+\]\.\[\w+\] ADD CONSTRAINT \[\w+\] (PRIMARY KEY CLUSTERED|UNIQUE NONCLUSTERED) \(.*\)",
    r"ALTER TABLE \[\w+\]\.\[\w+\] ALTER COLUMN \[\w+\] (DROP MASKED|ADD MASKED WITH \(FUNCTION = '.*'\)|.* NOT NULL)",
    r"ALTER TABLE \[\w+\]\.\[\w+\] (ADD|DROP COLUMN) .*",
    r"ALTER TABLE \[\w+\]\.\[\w+\] REBUILD",
    r"CREATE STATISTICS \[\w+\] ON \[\w+\]\.\[\w+\] \(.*\)",
    r"CREATE TRIGGER .*",
    r"(GRANT|DENY) \w+ ON OBJECT::\[\w+\]\.\[\w+\]( \(\[\w+\]\))? TO \[\w+\]( WITH GRANT OPTION)?( AS \[\w+\])?",
    r"INSERT INTO \[\w+\]\.\[\w+\] WITH \(TABLOCK\) \((.*)\) SELECT \1 FROM \[\w+\]\.\[\w+\]",
    r"INSERT INTO \[\w+\]\.\[\w+\] WITH \(TABLOCK\) \((.*)\) SELECT \1 FROM \[\w+\]\.\[\w+\] AS s"
    r" WHERE NOT EXISTS \(SELECT 1 FROM \[#\w+\] AS w WHERE w\.\[item_id\] = s\.\[item_id\]\)",
    r"DROP TRIGGER \[\w+\]\.\[\w+\]",
    r"EXEC (@granted = )?sys\.sp_\w+ .*",
    r"IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION",
    r"SET [A-Z_]+( ON| OFF| \d+| us_english| LOW| 0x[0-9A-F]+)?",
    r"SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
    r"DECLARE @granted INT",
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """sqlglot says of every statement that it skips that it does."""
    logger = logging.getLogger("sqlglot")
    level = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(level)


def tour() -> list[str]:
    """One of everything that a destination sends, beside its swaps."""
    server = Server(tables={("monday", "planning"): PLANNING}, book=[])
    destination = MSSQL(URL, "monday", connector=server.connect)
    with destination.lease("sync"):
        destination.prepare()
    for table in (ITEMS, TAGS, EVERY_TYPE):
        ref = destination.stage("1", 1, table)
        rows = {"every_type": rows_sql(EVERY_TYPE, VALUES)}.get(table.name, "SELECT 1, 'x'")
        destination.append(ref, Rows(rows))
        destination.measure(ref)
    destination.foreign_tables(["planning", HOSTILE])
    destination.replacements("1", [ITEMS], Replace.SWAP)
    destination.sizes()
    destination.drop_staged()
    destination.query("SELECT 1 AS one")
    destination.findings()
    server.book = [
        ("1", 1, 0, "planning", "planning__g1", "live", "run", 3, "f", MOMENT),
        ("2", 1, 0, "kept", "kept__g1", "kept", "run", 3, "f", MOMENT),
    ]
    server.tables["monday__boardlift", "kept__g1"] = EVERYTHING
    destination.contents("1", 1)
    destination.contents("2", 1)
    destination.copy("1", 1, "planning", StagedRef("1", 1, ITEMS, "planning__g1"), "rehearsal")
    destination.copy("1", 1, "planning", StagedRef("1", 2, ITEMS, "planning__g2"), "monday", {*range(1, 1003)})
    destination.retain("2", 0)
    destination.discard()
    sent = [*server.sent]
    sent += [batch([questions.asked(q, "monday", ["planning"])]).text for q in questions.OPTIONAL.values()]
    sent += [
        batch([questions.columns_read("[a].[b]", "[c].[d]", ["x"])]).text,
        batch([questions.views_on_views()]).text,
    ]
    return sent


def scripts() -> list[str]:
    return [part for path in sorted(SNAPSHOTS.glob("*.sql")) for part in path.read_text().split("\nGO\n")]


def test_every_statement_is_understood_or_of_a_known_kind() -> None:
    """Nothing new slips in: what sqlglot does not parse whole must have the shape that the manual gives it."""
    unknown = []
    for statement in {s.strip() for text in [*tour(), *scripts()] for s in re.split(r";\n|;$", text) if s.strip()}:
        try:
            (parsed,) = sqlglot.parse(statement, dialect="tsql")
            understood = parsed is not None and not parsed.find(exp.Command)
        except sqlglot.ParseError:
            understood = False
        if not understood and not any(re.fullmatch(kind, statement, re.S) for kind in SKIPPED):
            unknown.append(statement)
    assert unknown == []


def test_no_construct_is_used_that_the_house_avoids() -> None:
    """MERGE, a DELETE through a CTE, and TRUNCATE of what readers see."""
    text = "\n".join([*tour(), *scripts()])
    assert not re.search(r"\bMERGE\b|WITH \w+ AS \(|STRING_AGG|TRUNCATE TABLE \[monday\]\.", text)


@pytest.mark.parametrize("name", ["plain", HOSTILE, "a]b", "]]", "[x]", "{ts '1'}", "?", "%s", "名前🎉"])
def test_names_and_texts_are_only_names_and_texts(name: str) -> None:
    """Brackets and quotes are doubled, and read back they are what they were."""
    (parsed,) = sqlglot.parse(f"SELECT {Name(name)} FROM {Name('s', name)} WHERE x = {Text(name)}", dialect="tsql")
    assert parsed is not None
    assert [column.name for column in parsed.expressions] == [name]
    (table,) = parsed.find_all(exp.Table)
    assert (table.db, table.name) == ("s", name)
    (literal,) = parsed.find_all(exp.National)
    assert literal.name.replace("''", "'") in (name, name.replace("''", "'"))


def test_a_backslash_before_a_line_end_is_kept() -> None:
    """T-SQL would take both away; doubled they are one of each."""
    assert Text("a\\\nb\\c\nd").text == "N'a\\\\\n\nb\\c\nd'"


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    """Neither nothing nor U+0000."""
    with pytest.raises(ValueError, match="usable"):
        Name(name)


def test_texts_of_two_collations_are_compared_as_one() -> None:
    """A key has another collation than the database, and the two cannot be joined to one text."""
    facts = [ColumnFact("k", "NVARCHAR(400) COLLATE Latin1_General_100_BIN2", False), ColumnFact("n", "BIGINT", True)]
    facts += [ColumnFact("t", "NVARCHAR(MAX) COLLATE Turkish_CI_AS", True)]
    asked = contents_statement(Name("s", "t"), facts).text
    for name in "kt":
        assert f"CONVERT(NVARCHAR(MAX), [{name}]) COLLATE Latin1_General_100_BIN2" in asked
    assert asked.count("COLLATE") == 4  # the length and the text of each


def test_a_table_of_every_type() -> None:
    """The types a person sees are the native ones; a key column of text has a size and compares by code point."""
    keyed = Table("t", (Column("k", TEXT), *EVERY_TYPE.columns), key=("k",))
    (made,) = create_statements(Name("s", "t"), keyed)
    assert made.text == (
        "CREATE TABLE [s].[t] ([k] NVARCHAR(400) COLLATE Latin1_General_100_BIN2 NULL, [n] INT NULL, [big] BIGINT NULL,"
        " [words] NVARCHAR(MAX) NULL, [price] DECIMAL(38, 10) NULL, [small_price] DECIMAL(18, 2) NULL,"
        " [ratio] FLOAT(53) NULL, [done] BIT NULL, [due] DATE NULL, [clock] TIME(6) NULL,"
        " [seen] DATETIMEOFFSET(6) NULL, [doc] NVARCHAR(MAX) NULL)"
    )


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "select [update] from t -- delete",
        "SELECT 'insert; drop' /* a /* nested */ comment; drop */ AS x;",
        "WITH a AS (SELECT 1 AS n) SELECT n, CASE WHEN n = 1 THEN 'x' END FROM a ORDER BY n OFFSET 0 ROWS",
        'SELECT "into" FROM monday.planning ; -- done {not this}',
    ],
)
def test_what_reads_may_run(sql: str) -> None:
    """Words in quotes, brackets and comments count for nothing."""
    assert read_only(sql).text.strip().lower().startswith(("select", "with"))
    assert "{" not in read_only(sql).text


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM t",
        "SELECT 1; DELETE FROM t",
        "SELECT 1 DELETE FROM t",
        "SELECT 1; SELECT 2",
        "COMMIT; DELETE FROM t",
        "SELECT * INTO t FROM u",
        "WITH a AS (SELECT 1 AS n) UPDATE t SET n = 1",
        "SELECT * FROM OPENROWSET('x', 'y', 'z')",
        "EXEC sp_who",
        "SELECT 1 EXEC sp_who",
        "SELECT 'open",
        "SELECT /* open",
        "{call sp_who}",
        "SELECT {fn now()}",
        "SELECT 1 END CONVERSATION 'x'",
        "-- nothing",
        "",
    ],
)
def test_what_may_write_is_refused(sql: str) -> None:
    """Without asking the server."""
    with pytest.raises(DestinationError, match="Only one statement that reads"):
        read_only(sql)
