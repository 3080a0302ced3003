"""The real driver against a server that only listens: what it sends of ours, and what it makes of answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pyarrow as pa
import pytest

from boardlift.destinations.interface import StagedRef
from boardlift.destinations.mssql.ddl import column_type
from boardlift.destinations.mssql.load import Loading
from boardlift.destinations.mssql.session import Session, connect
from boardlift.destinations.mssql.sql import Name, Text
from boardlift.destinations.mssql.url import read_url
from boardlift.errors import DestinationError
from boardlift.shape.sql import SQL
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, TEXT
from boardlift.testing.arrow import Rows
from boardlift.testing.samples import EVERY_TYPE, HOSTILE, VALUES, rows_sql
from support.mssql import driver_runs
from support.tds import COUNT, MORE, TDS, columns, done, error, serving, table_facts

pytestmark = pytest.mark.skipif(not driver_runs(), reason="the driver's system libraries (libltdl7) are not installed")

HIDDEN = "monday__boardlift"
TYPES = [(column.name, column_type(column.type).text) for column in EVERY_TYPE.columns]
PAIR = Table("pair", (Column("n", BIGINT), Column("t", TEXT)))
PAIR_TYPES = [("n", "BIGINT"), ("t", "NVARCHAR(MAX)")]


@pytest.fixture
def server() -> Iterator[TDS]:
    with serving(TDS()) as listening:
        yield listening


@pytest.fixture
def session(server: TDS) -> Iterator[Session]:
    opened = Session(read_url(f"mssql://etl:s3%3Bcr%7D3t@127.0.0.1:{server.port}/db?encrypt=no"), connect, "ann: sync")
    yield opened
    opened.close()


def test_a_session_says_who_it_is_and_takes_english_words(server: TDS, session: Session) -> None:
    """The first batch holds every setting that statements rely on."""
    assert session.alive
    (first,) = server.batches
    for setting in ("SET XACT_ABORT ON", "SET LANGUAGE us_english", "SET QUOTED_IDENTIFIER ON", "SET LOCK_TIMEOUT"):
        assert setting in first
    assert f"SET CONTEXT_INFO 0x{b'ann: sync'.hex().upper()}" in first


@pytest.mark.parametrize("name", [HOSTILE, "co\"l'; %s {} $1 ? 名 ]]", "{fn now()}", "{ts '1'} -- ?"])
def test_a_statement_arrives_as_it_was_sent(server: TDS, session: Session, name: str) -> None:
    """ODBC has escapes in braces and markers of its own; in names and texts they are not read."""
    statement = SQL("SELECT {} FROM {} WHERE x = {}").format(Name(name), Name("s", name), Text(name))
    session.send(statement)
    assert server.batches[-1] == statement.text


def test_every_type_goes_there_and_back(server: TDS, session: Session) -> None:
    """What a bulk copy sends is given back as the rows of a SELECT: the driver reads what it was given."""
    server.answer = lambda text: table_facts(*TYPES) if "FMTONLY" in text else done()
    loading = Loading(HIDDEN)
    loading.begin("every_type__g1")
    staged = StagedRef("1", 1, EVERY_TYPE, "every_type__g1")
    assert loading.append(session, staged, Rows(rows_sql(EVERY_TYPE, VALUES))) == len(VALUES)
    (head,) = [text for text in server.batches if text.startswith("INSERT BULK")]
    told = ", ".join(f"[{name}] {kind.replace('FLOAT(53)', 'float').lower()}" for name, kind in TYPES)
    assert head == f"INSERT BULK [{HIDDEN}].[every_type__g1] ({told}) WITH (KEEP_NULLS, TABLOCK)"
    (load,) = server.loads
    server.answer = lambda _text: load[: load.rindex(b"\xfd")] + done(COUNT, len(VALUES))
    ((names, rows),) = session.sets(SQL("SELECT * FROM every_type"))
    assert names == [column.name for column in EVERY_TYPE.columns]
    assert rows == VALUES


class Breaking:
    """A stream whose second batch does not fit."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        schema = pa.schema([("a", pa.string()), ("b", pa.string())])
        batches = [pa.record_batch([pa.array([text]), pa.array(["x"])], schema=schema) for text in ("1", "no number")]
        return pa.RecordBatchReader.from_batches(schema, batches).__arrow_c_stream__()


def test_a_stream_that_breaks_off_leaves_no_row(server: TDS, session: Session) -> None:
    """The driver ends the load in good order all the same, so the table is emptied; and loads go on."""
    counted = columns(("n", "BIGINT")) + b"\xd1\x08" + bytes(8) + done(COUNT, 1)
    server.answer = lambda text: (
        table_facts(*PAIR_TYPES) if "FMTONLY" in text else counted if "COUNT_BIG" in text else done()
    )
    loading = Loading(HIDDEN)
    loading.begin("pair__g1")
    staged = StagedRef("1", 1, PAIR, "pair__g1")
    with pytest.raises(pa.ArrowInvalid, match="no number"):
        loading.append(session, staged, Breaking())
    assert len(server.loads) == 1
    assert f"TRUNCATE TABLE [{HIDDEN}].[pair__g1];" in server.batches
    assert loading.append(session, staged, Rows("SELECT 1, 'a'")) == 1
    with pytest.raises(pa.ArrowInvalid, match="no number"):
        loading.append(session, staged, Breaking())
    assert len(server.loads) == 2  # into a table that has rows nothing is sent before the stream was read to its end


def test_a_load_whose_end_is_not_known_closes_the_table(server: TDS, session: Session) -> None:
    """When rows may be left, nothing more is added to them."""
    server.answer = lambda text: table_facts(*PAIR_TYPES) if "FMTONLY" in text else error(1222, "Lock request time out")
    loading = Loading(HIDDEN)
    loading.begin("pair__g1")
    staged = StagedRef("1", 1, PAIR, "pair__g1")
    for expected in (RuntimeError, DestinationError):
        with pytest.raises(expected):
            loading.append(session, staged, Rows("SELECT 1, 'a'"))


def test_the_error_of_a_later_statement_is_not_lost(server: TDS, session: Session) -> None:
    """It comes with a later result; all are read."""
    first = columns(("n", "INT")) + b"\xd1\x04" + bytes(4) + done(MORE | COUNT, 1)
    server.answer = lambda _text: first + error(208, "Invalid object name 'x'.")
    with pytest.raises(DestinationError, match="Invalid object name 'x'"):
        session.ask("look", SQL("SELECT 0; SELECT * FROM x"))
    assert session.alive


def test_a_connection_that_breaks_is_noticed(server: TDS, session: Session) -> None:
    """The next call opens another."""
    server.answer = lambda _text: b""
    with pytest.raises(DestinationError) as caught:
        session.ask("look", SQL("SELECT 1"))
    assert not session.alive
    everything = caught.value.message + caught.value.hint + repr(caught.value.__cause__)
    assert "s3" not in everything


def test_other_threads_run_while_a_statement_waits(server: TDS, session: Session) -> None:
    """The driver lets go of the interpreter while the server thinks."""
    begun = threading.Event()

    def slow(_text: str) -> bytes:
        begun.set()
        time.sleep(0.3)
        return done()

    server.answer = slow
    thread = threading.Thread(target=session.send, args=(SQL("SELECT 1"),))
    thread.start()
    assert begun.wait(5)
    ticks = 0
    while thread.is_alive():
        time.sleep(0.01)
        ticks += 1
    assert ticks > 5
