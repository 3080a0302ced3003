"""Rows on their way into MariaDB and MySQL: exact by both roads, whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pymysql
import pytest

from boardlift.destinations.mysql.engine import MySQL
from boardlift.destinations.mysql.session import Session
from boardlift.errors import DestinationError
from boardlift.shape.sql import SQL, Composable
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, DOUBLE, JSON, TEXT
from boardlift.testing.arrow import Rows
from boardlift.testing.samples import EVERY_TYPE, VALUES, put, quoted, rows_sql
from support.mariadb import Admin

WORDS = Table("words", (Column("n", BIGINT), Column("a", TEXT), Column("b", TEXT)), key=("n",))
NASTY = [
    *("", " ", "NULL", "null", "\\N", "\\", "\\\\", "'", '"', '""', '"a","b"', ",", '",', ',"', "\n", "\r\n", "\t"),
    *(
        "\\n",
        "ends with \\",
        "ends with '",
        'ends with "',
        'x" y',
        "a\0b",
        "\x1a",
        "\x08",
        "%s %% {}",
        "名前",
        "🎉👩‍👩‍👧",
    ),
    *("é", "é", "\ufeff", "\u2028", "0x41", "'); DROP TABLE x; --", "x" * 70_000, "\\" * 300, '"' * 301),
]


@pytest.fixture(params=["load", "insert"])
def destination(mariadb_url: str, request: pytest.FixtureRequest) -> Iterator[MySQL]:
    opened = MySQL(mariadb_url, "monday")
    opened.prepare()
    opened._local = request.param == "load"
    yield opened
    opened.close()


def select(words: list[str | None]) -> str:
    """Each text once in front of another column and once at the end of a line."""
    texts = ["NULL" if word is None else _literal(word) for word in words]
    return "SELECT * FROM (VALUES " + ", ".join(f"({n}, {t}, {t})" for n, t in enumerate(texts)) + ")"


def _literal(word: str) -> str:
    return " || chr(0) || ".join(quoted(part) for part in word.split("\0"))


def test_every_text_arrives_as_it_was(destination: MySQL) -> None:
    """Whatever it looks like to a parser; and NULL, no text and the word NULL stay three things."""
    words = [*NASTY, None]
    destination.promote("run", [put(destination, "1", 1, [(WORDS, select(words))])])
    found = destination.query("SELECT a, b FROM monday.words ORDER BY n")[1]
    assert found == [(word, word) for word in words]


def test_every_type_arrives_as_it_was(destination: MySQL) -> None:
    """By both roads alike."""
    destination.promote("run", [put(destination, "1", 1, [(EVERY_TYPE, rows_sql(EVERY_TYPE, VALUES))])])
    found = destination.query("SELECT * FROM monday.every_type")[1]
    assert sorted(row[:-1] for row in found if None not in row) == sorted(row[:-1] for row in VALUES if None not in row)


@pytest.mark.parametrize(
    ("table", "sql", "words"),
    [
        (Table("t", (Column("k", TEXT),), key=("k",)), "SELECT repeat('x', 512 + range) FROM range(2)", "k"),
        (Table("t", (Column("n", BIGINT), Column("r", DOUBLE))), "SELECT range, 'nan'::DOUBLE FROM range(2)", "r|nan"),
        (Table("t", (Column("n", BIGINT), Column("doc", JSON))), "SELECT range, 'no json' FROM range(2)", "doc|JSON"),
        (Table("t", (Column("n", BIGINT),)), "SELECT if(range < 2000, '1', 'x') FROM range(2001)", "Conversion"),
    ],
)
def test_a_value_that_does_not_fit_stops_the_load(destination: MySQL, table: Table, sql: str, words: str) -> None:
    """It is never cut or bent; the error names the column, and no row of that load stays."""
    staged = destination.stage("1", 1, table)
    with pytest.raises(DestinationError, match=words):
        destination.append(staged, Rows(sql))
    assert destination.measure(staged).rows == 0


def test_a_text_of_a_key_may_be_as_long_as_promised(destination: MySQL) -> None:
    """512 characters of four bytes each, told apart by case, accent and the space at the end."""
    table = Table("t", (Column("k", TEXT),), key=("k",))
    rows = f"SELECT unnest(['{'🎉' * 512}', 'a', 'A', 'ä', 'a ', ''])"
    destination.promote("run", [put(destination, "1", 1, [(table, rows)])])
    assert destination.query("SELECT count(*) FROM monday.t")[1] == [(6,)]


def test_many_rows_go_in_many_statements(destination: MySQL) -> None:
    """More than one INSERT holds."""
    staged = destination.stage("1", 1, WORDS)
    assert destination.append(staged, Rows("SELECT range, repeat('x', 300), NULL FROM range(6000)")) == 6000
    assert destination.measure(staged).rows == 6000


def test_two_hundred_and_fifty_texts_fit_in_a_table(destination: MySQL) -> None:
    """Where the cells are empty or long; a row that is too wide for its page is an error, not a shorter row."""
    columns = tuple(Column(f"c{n}", TEXT) for n in range(250))
    staged = destination.stage("1", 1, Table("wide", columns))
    sparse = ", ".join("NULL" if n % 2 else "'some text of a cell'" for n in range(250))
    assert destination.append(staged, Rows(f"SELECT {sparse}")) == 1
    with pytest.raises(DestinationError, match=r"(?i)row size"):
        destination.append(staged, Rows("SELECT " + ", ".join(["repeat('x', 38)"] * 250)))
    assert destination.measure(staged).rows == 1


def test_a_server_gets_no_file_that_it_asks_for(mariadb_url: str) -> None:
    """Not even when a statement of ours lets it ask: what is not fed is not sent."""
    destination = MySQL(mariadb_url, "monday")
    destination.prepare()
    session: Session = destination._session()
    session.run(SQL("CREATE TABLE monday__boardlift.loot (line longtext)"))
    with pytest.raises(pymysql.err.OperationalError, match="none"):
        session.run(SQL("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE monday__boardlift.loot"))
    assert session.ask(SQL("SELECT count(*) FROM monday__boardlift.loot")) == [(0,)]
    destination.close()


def test_a_server_that_takes_no_files_is_loaded_all_the_same(mariadb_url: str) -> None:
    """By INSERT, and doctor says what would be faster."""
    admin = Admin(mariadb_url)
    ((before,),) = admin.run("SELECT @@GLOBAL.local_infile")
    admin.run("SET GLOBAL local_infile = 0")
    try:
        destination = MySQL(mariadb_url, "monday")
        destination.prepare()
        destination.promote("run", [put(destination, "1", 1, [(WORDS, select(["x"]))])])
        assert [f for f in destination.findings() if "SET GLOBAL local_infile = 1" in f.fact and f.ok]
        destination.close()
    finally:
        admin.run(f"SET GLOBAL local_infile = {before}")
        admin.close()


def test_infinity_is_no_number_here(destination: MySQL) -> None:
    """DOUBLE of these servers has no infinity; it is refused, not made zero."""
    staged = destination.stage("1", 1, Table("t", (Column("r", DOUBLE),)))
    with pytest.raises(DestinationError):
        destination.append(staged, Rows(f"SELECT '{math.inf}'::DOUBLE"))


BIG = "SELECT range, repeat('x', 200) || range, NULL FROM range(60000)"


def test_a_large_load_goes_by_two_connections_at_once(destination: MySQL) -> None:
    """Every row once, in one table."""
    staged = destination.stage("1", 1, WORDS)
    opened: list[int] = []
    connect = destination._connect

    def counted() -> Session:
        session = connect()
        opened.append(session.id)
        return session

    destination._session()
    destination._connect = counted  # type: ignore[method-assign]
    assert destination.append(staged, Rows(BIG)) == 60_000
    assert len(opened) == (1 if destination._local else 0)
    found = destination.measure(staged)
    assert (found.rows, found.distinct_keys) == (60_000, 60_000)


@pytest.mark.parametrize("bad", [100, 30_000, 59_999])
def test_a_bad_row_undoes_what_the_other_connection_loaded(destination: MySQL, bad: int) -> None:
    """Whichever of the two has it."""
    table = Table("t", (Column("n", BIGINT), Column("k", TEXT), Column("a", TEXT)), key=("k",))
    staged = destination.stage("1", 1, table)
    with pytest.raises(DestinationError, match="k"):
        sql = f"SELECT range, if(range = {bad}, repeat('y', 600), '' || range), repeat('x', 200) FROM range(60000)"
        destination.append(staged, Rows(sql))
    assert destination.measure(staged).rows == 0
    assert destination.append(staged, Rows("SELECT 1, 'a', 'b'")) == 1


def test_a_second_connection_that_breaks_undoes_the_load(mariadb_url: str) -> None:
    """The error says so, and nothing of it stays."""
    destination = MySQL(mariadb_url, "monday")
    destination.prepare()
    staged = destination.stage("1", 1, WORDS)
    connect, admin = destination._connect, Admin(mariadb_url)

    def doomed() -> Session:
        session = connect()
        run = session.run

        def killed(statement: Composable) -> int:
            count = run(statement)
            if statement.text == "START TRANSACTION":
                admin.run(f"KILL {session.id}")
            return count

        session.run = killed  # type: ignore[method-assign]
        return session

    destination._session()
    destination._connect = doomed  # type: ignore[method-assign]
    with pytest.raises(DestinationError, match="could not load"):
        destination.append(staged, Rows(BIG))
    assert destination.measure(staged).rows == 0
    admin.close()
    destination.close()


def test_a_server_with_no_connection_left_is_loaded_by_one(mariadb_url: str) -> None:
    """More slowly, but all the same."""
    destination = MySQL(mariadb_url, "monday")
    destination.prepare()
    staged = destination.stage("1", 1, WORDS)
    refused: list[str] = []

    def none_left() -> Session:
        refused.append("asked")
        raise DestinationError("Too many connections")

    destination._connect = none_left  # type: ignore[method-assign]
    assert destination.append(staged, Rows(BIG)) == 60_000
    assert refused == ["asked"]
    destination.close()
