"""Swaps in SQL Server under strain: dressed tables, long readers, connections that die."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import mssql_python
import pytest

from boardlift.destinations.interface import Destination, Replace, StagedGroup, State
from boardlift.destinations.mssql.ddl import index_name
from boardlift.destinations.mssql.engine import MSSQL
from boardlift.destinations.mssql.inspect import Inspector
from boardlift.destinations.mssql.session import Session, connect
from boardlift.destinations.mssql.swap import SwapPolicy
from boardlift.destinations.mssql.url import read_url
from boardlift.errors import DependentObject, DestinationError, PromotionConflict
from boardlift.shape.sql import Composable
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, TEXT
from boardlift.testing.arrow import Rows
from support.generations import PLANNING, live_name, promoted, staged
from support.mssql import TOGETHER, WITHOUT, asking, mssql_url

__all__ = ["mssql_url"]

pytestmark = [WITHOUT, TOGETHER]

SWAPS = 20 if os.environ.get("BOARDLIFT_WHOLE") else 4
SIZED = Table(PLANNING.name, PLANNING.columns, PLANNING.key, indexes=(Index(("status",)),))
WIDER = Table(PLANNING.name, (*PLANNING.columns, Column("stock", BIGINT), Column("note", TEXT)), PLANNING.key)
WIDER_SIZED = Table(WIDER.name, WIDER.columns, WIDER.key, indexes=SIZED.indexes)

DRESS = """
CREATE ROLE analyst; CREATE ROLE lead; CREATE ROLE guestbook;
ALTER TABLE monday.planning ALTER COLUMN name ADD MASKED WITH (FUNCTION = 'partial(1, "...", 0)');
GRANT SELECT ON monday.planning TO analyst;
GRANT SELECT ON monday.planning (name) TO lead WITH GRANT OPTION;
DENY UPDATE ON monday.planning TO guestbook;
GRANT VIEW DEFINITION ON monday.planning TO guestbook
GO
CREATE VIEW dbo.v1 AS SELECT item_id, name, status FROM monday.planning
GO
CREATE VIEW dbo.v2 AS SELECT item_id, status FROM dbo.v1
GO
CREATE VIEW dbo.v3 AS SELECT COUNT(*) AS n FROM dbo.v2
GO
CREATE TABLE dbo.orders (id INT PRIMARY KEY, item BIGINT CONSTRAINT fk_orders REFERENCES monday.planning (item_id));
CREATE TABLE dbo.visits (id INT PRIMARY KEY, item BIGINT
    CONSTRAINT fk_visits REFERENCES monday.planning (item_id) ON DELETE CASCADE);
INSERT INTO dbo.orders VALUES (1, 1); INSERT INTO dbo.visits VALUES (1, 2);
CREATE INDEX by_status ON monday.planning (status) INCLUDE (name);
CREATE INDEX by_status_down ON monday.planning (status DESC, item_id);
CREATE UNIQUE INDEX once ON monday.planning (item_id) WHERE item_id > 0;
ALTER TABLE monday.planning ADD CONSTRAINT named CHECK (name <> N'');
ALTER TABLE monday.planning ADD CONSTRAINT no_name DEFAULT N'none' FOR name;
ALTER TABLE monday.planning ADD CONSTRAINT only_one UNIQUE (item_id, status);
CREATE STATISTICS together ON monday.planning (item_id, status);
EXEC sys.sp_addextendedproperty N'team', N'it''s ours', N'SCHEMA', N'monday', N'TABLE', N'planning';
CREATE SYNONYM dbo.plans FOR monday.planning
GO
CREATE TRIGGER monday.tell ON monday.planning AFTER UPDATE AS SET NOCOUNT ON
GO
CREATE FUNCTION dbo.may_see (@name NVARCHAR(MAX)) RETURNS TABLE WITH SCHEMABINDING AS
    RETURN SELECT 1 AS yes WHERE @name IS NOT NULL
GO
CREATE SECURITY POLICY dbo.own_rows ADD FILTER PREDICATE dbo.may_see(name) ON monday.planning
"""


@pytest.fixture
def destination(mssql_url: str) -> Iterator[MSSQL]:
    opened = MSSQL(mssql_url, "monday")
    opened.prepare()
    yield opened
    opened.close()


def run(url: str, script: str) -> None:
    with asking(url) as ask:
        for part in script.split("\nGO\n"):
            ask(part)


def hung(url: str) -> dict[str, object]:
    """What hangs on the live table, by kind, without what each generation has of its own."""
    session = Session(read_url(url), connect)
    try:
        table = Inspector(session).tables("monday", ["planning"])["planning"]
    finally:
        session.close()
    kinds = ("checks", "defaults", "pointing_in", "pointing_out", "triggers", "grants", "predicates", "statistics")
    found: dict[str, object] = {kind: sorted(map(str, getattr(table, kind))) for kind in kinds}
    found["indexes"] = sorted(str(index) for index in table.indexes if not index.primary)
    found["properties"] = sorted(str(each) for each in table.properties)
    found["owner"] = table.owner
    found["masks"] = sorted((column.name, column.mask) for column in table.columns if column.mask)
    found["dependants"] = sorted(map(str, table.dependants))
    return found


def test_what_hangs_on_a_live_table_is_the_same_after_many_swaps(destination: MSSQL, mssql_url: str) -> None:
    """Permissions, a chain of views, foreign keys, indexes, constraints, a trigger, a policy; the shape changes."""
    destination.promote("run-1", [staged(destination, 1, table=SIZED)])
    run(mssql_url, DRESS)
    before = hung(mssql_url)
    for number in range(2, 2 + SWAPS):
        table = WIDER_SIZED if number % 2 else SIZED
        (found,) = destination.replacements("1", [table], Replace.SWAP)
        assert found.obstacles == ()
        assert found.carried
        destination.promote(f"run-{number}", [staged(destination, number, table=table)])
        assert hung(mssql_url) == before
        with asking(mssql_url) as ask:
            assert ask("SELECT n FROM dbo.v3") == [(3,)]
            assert ask("SELECT COUNT(*) FROM dbo.plans") == [(3,)]
    destination.rollback("back", [("1", SWAPS)])
    assert hung(mssql_url) == before


@pytest.mark.parametrize("replace", list(Replace), ids=lambda way: way.value)
def test_null_comes_and_goes_where_indexes_are(destination: MSSQL, mssql_url: str, replace: Replace) -> None:
    """Columns become NOT NULL and take NULL again under boardlift's indexes; a unique one takes any number of NULLs."""
    code = Column("code", BIGINT)
    loose = (PLANNING.columns[0], PLANNING.columns[1], Column("status", TEXT), code)
    tight = (PLANNING.columns[0], PLANNING.columns[1], Column("status", TEXT, nullable=False), code)
    for number in range(1, 4):
        indexes = (Index(("status",)), Index(("code",), unique=True))
        table = Table("planning", tight if number == 2 else loose, PLANNING.key, indexes=indexes)
        ref = destination.stage("1", number, table)
        rows = Rows(f"SELECT range, 'g{number}', 'x', NULL::BIGINT FROM range(3)")
        group = StagedGroup("1", number, ((ref, destination.append(ref, rows)),), replace)
        destination.promote(f"run-{number}", [group])
        assert live_name(destination) == f"g{number}"
        with asking(mssql_url) as ask:
            asked = (
                "SELECT is_nullable FROM sys.columns WHERE object_id = OBJECT_ID('monday.planning') AND name = 'status'"
            )
            assert ask(asked) == [(number != 2,)]


def test_a_masked_column_that_is_in_an_index_stays_masked(destination: MSSQL, mssql_url: str) -> None:
    """On the new table; and after a rollback the kept one, which had left with its mask, is as the live one was."""
    destination.promote("run-1", [staged(destination, 1, table=SIZED)])
    bare = "DROP INDEX {0} ON monday.planning; ALTER TABLE monday.planning ALTER COLUMN status ADD MASKED WITH ({1})"
    made = "CREATE INDEX {0} ON monday.planning (status)"
    name = index_name(SIZED.indexes[0])
    run(mssql_url, bare.format(name, "FUNCTION = 'default()'") + "\nGO\n" + made.format(name))
    destination.promote("run-2", [staged(destination, 2, table=SIZED)])
    assert hung(mssql_url)["masks"] == [("status", "default()")]
    run(mssql_url, f"DROP INDEX {name} ON monday.planning; ALTER TABLE monday.planning ALTER COLUMN status DROP MASKED")
    run(mssql_url, made.format(name))
    destination.rollback("back", [("1", 1)])
    assert hung(mssql_url)["masks"] == []


def test_a_schema_bound_view_stops_the_swap_and_not_the_refill(destination: MSSQL, mssql_url: str) -> None:
    """The way out that the error names is one."""
    promoted(destination, 1)
    run(mssql_url, "CREATE VIEW dbo.fixed WITH SCHEMABINDING AS SELECT item_id, name FROM monday.planning")
    with pytest.raises(DependentObject, match=r"dbo\.fixed") as caught:
        destination.promote("run-2", [staged(destination, 2)])
    assert "in_place" in caught.value.message
    group = staged(destination, 3)
    destination.promote("run-3", [type(group)(group.group, group.generation, group.tables, Replace.IN_PLACE)])
    assert live_name(destination) == "g3"
    with asking(mssql_url) as ask:
        assert ask("SELECT DISTINCT name FROM dbo.fixed") == [("g3",)]


LOCKS = "SELECT COUNT(*) FROM monday.planning WITH (TABLOCK, HOLDLOCK); WAITFOR DELAY '00:01'"
RUNS = (  # under row versions it holds no lock on rows; it takes longer than anybody waits, and is killed
    "SELECT SUM(CONVERT(BIGINT, a.object_id) ^ b.object_id ^ c.object_id) FROM monday.planning AS p"
    " CROSS JOIN sys.all_columns AS a CROSS JOIN sys.all_columns AS b CROSS JOIN sys.all_columns AS c"
)


@pytest.mark.parametrize("question", [LOCKS, RUNS], ids=["locks", "runs"])
def test_a_long_reader_is_named_and_other_readers_are_not_held_up(
    destination: MSSQL, mssql_url: str, question: str
) -> None:
    """A reader that holds the table for longer than the run is patient; the others wait 250 ms at most."""
    promoted(destination, 1)
    holding, done, waits, holder = threading.Event(), threading.Event(), list[float](), list[object]()

    def hold() -> None:
        with asking(mssql_url) as ask, suppress(mssql_python.Error):
            ((spid,),) = ask("SELECT @@SPID AS spid")
            holder.append(spid)
            holding.set()
            ask(f"BEGIN TRANSACTION; {question}")

    def read() -> None:
        with asking(mssql_url) as ask:
            while not done.is_set():
                began = time.monotonic()
                assert ask("SELECT COUNT(*) FROM monday.planning") == [(3,)]
                waits.append(time.monotonic() - began)

    threads = [threading.Thread(target=hold), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    try:
        assert holding.wait(10)
        time.sleep(1)  # until its question runs
        impatient = MSSQL(mssql_url, "monday", policy=SwapPolicy(patience=3.0))
        with pytest.raises(PromotionConflict, match="session ") as caught:
            impatient.promote("run-2", [staged(impatient, 2)])
        impatient.close()
    finally:
        done.set()
        with asking(mssql_url) as ask, suppress(mssql_python.Error):
            ask(f"KILL {holder[0]}")
        for thread in threads:
            thread.join()
    assert "monday.planning" in caught.value.message
    assert max(waits) < 0.35  # 250 ms because of us, and the question itself
    promoted(destination, 3)
    assert live_name(destination) == "g3"


@pytest.mark.parametrize("replace", list(Replace), ids=lambda way: way.value)
def test_a_connection_that_dies_leaves_one_generation_whole(
    destination: MSSQL, mssql_url: str, monkeypatch: pytest.MonkeyPatch, replace: Replace
) -> None:
    """Killed before every single batch of a promotion; the next run goes on as if nothing had been."""
    promoted(destination, 1)
    sets = Session.sets
    with asking(mssql_url) as ask:
        number, at, seen = 2, 1, set[object]()
        while True:
            sent = 0
            group = staged(destination, number)
            group = type(group)(group.group, group.generation, group.tables, replace)
            ((spid,),) = destination.query("SELECT @@SPID AS spid")[1]

            def cut(session: Session, statement: Composable, at: int = at, spid: object = spid) -> object:
                nonlocal sent
                sent += 1
                if sent == at:
                    ask(f"KILL {spid}")
                return sets(session, statement)

            with monkeypatch.context() as patch:
                patch.setattr(Session, "sets", cut)
                with suppress(DestinationError):
                    destination.promote(f"run-{number}", [group])
            assert_whole(destination, number)
            seen.add(live_name(destination) == f"g{number}")
            if sent < at:
                break
            destination.close()
            fresh = MSSQL(mssql_url, "monday")
            fresh.drop_staged()
            promoted(fresh, number + 1)
            assert live_name(fresh) == f"g{number + 1}"
            fresh.retain("1", 1)
            fresh.close()
            number, at = number + 2, at + 1
    assert seen == {True, False}


def assert_whole(destination: Destination, number: int) -> None:
    """The catalogue names one live generation, and the live rows are those of it."""
    (live,) = [g.number for g in destination.generations() if g.state is State.LIVE]
    assert live in (number, number - 1)
    assert live_name(destination) == f"g{live}"
