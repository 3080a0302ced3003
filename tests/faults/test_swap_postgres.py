"""A PostgreSQL swap that loses its connection after any statement leaves old or new whole, and the next run goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import psycopg
import pytest

from boardlift.destinations.interface import Replace, StagedGroup, State
from boardlift.destinations.postgres.engine import Postgres
from boardlift.destinations.postgres.inspect import Rows as Found
from boardlift.destinations.postgres.session import Script, Session
from boardlift.errors import DestinationError
from boardlift.shape.sql import Composable
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, TEXT
from boardlift.testing.arrow import Rows

Cut = Callable[[Session], None]

ITEMS = Table("planning", (Column("item_id", BIGINT, nullable=False), Column("name", TEXT)), key=("item_id",))
WIDER = Table("planning", (*ITEMS.columns, Column("extra", TEXT)), key=("item_id",))
# Every n-th statement; all of them when the whole suite is asked for.
STEP = 1 if os.environ.get("BOARDLIFT_WHOLE") else 7

AROUND = """
CREATE VIEW public.one AS SELECT name FROM monday.planning;
CREATE MATERIALIZED VIEW public.stock AS SELECT name, count(*) AS n FROM monday.planning GROUP BY name;
CREATE TABLE public.orders (item bigint REFERENCES monday.planning);
INSERT INTO public.orders VALUES (1);
CREATE INDEX by_name ON monday.planning (name);
CREATE POLICY mine ON monday.planning USING (true);
"""


@pytest.fixture
def admin(postgres_url: str) -> Iterator[psycopg.Connection]:
    # A prepared SELECT * would mind the columns that come and go.
    with psycopg.connect(postgres_url, autocommit=True, prepare_threshold=None) as connection:
        yield connection


def stage(destination: Postgres, number: int, shape: Table, way: Replace) -> StagedGroup:
    ref = destination.stage("1", number, shape)
    values = {"item_id": "range", "name": f"'g{number}'", "extra": "'e'"}
    columns = ", ".join(values[column.name] for column in shape.columns)
    return StagedGroup("1", number, ((ref, destination.append(ref, Rows(f"SELECT {columns} FROM range(3)"))),), way)


class Counter:
    """Sends the statements of a swap one by one and cuts the connection before, or after, the one that is asked for."""

    def __init__(self, patch: pytest.MonkeyPatch, after: int, cut: Cut, *, before: bool) -> None:
        self.count = 0
        send = Session.send

        def counted(session: Session, statement: Composable) -> Found:
            found: Found = []
            for one in statement.statements if isinstance(statement, Script) else (statement,):
                self.count += 1
                if before and self.count == after:
                    cut(session)
                found = send(session, one) or found
                if not before and self.count == after:
                    cut(session)
            return found

        patch.setattr(Session, "send", counted)


def seen(admin: psycopg.Connection) -> tuple[set[object], int, int]:
    """What the rows say, what the view says, which generation the catalogue calls live; they must agree."""
    names = {name for (name,) in admin.execute("SELECT name FROM monday.planning").fetchall()}
    rows = admin.execute("SELECT count(*) FROM monday.planning").fetchall()[0][0]
    assert {name for (name,) in admin.execute("SELECT name FROM public.one").fetchall()} == names
    ((live,),) = admin.execute("SELECT generation FROM monday__boardlift.generations WHERE state = 'live'").fetchall()
    assert names == {f"g{live}"}
    return names, rows, live


@pytest.mark.parametrize("way", list(Replace), ids=lambda way: way.value)
@pytest.mark.parametrize("how", ["server", "client"])
def test_a_connection_lost_after_any_statement_leaves_one_generation(
    postgres_url: str, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, way: Replace, how: str
) -> None:
    """The server ends the session, or the client vanishes; rows, views and catalogue agree, the next run succeeds."""

    def cut(session: Session) -> None:
        if how == "client":
            session._connection.close()
        else:
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", [session._connection.info.backend_pid])

    first = Postgres(postgres_url, "monday")
    first.prepare()
    first.promote("run", [stage(first, 1, ITEMS, way)])
    first.close()
    admin.execute(AROUND)
    live, lives, k = 1, set(), 0
    while True:
        k += STEP
        shape = WIDER if live % 2 else ITEMS
        destination = Postgres(postgres_url, "monday")
        with destination.lease("run"):
            destination.drop_staged()
            group = stage(destination, live + 1, shape, way)
            with monkeypatch.context() as patch:
                counter = Counter(patch, k, cut, before=how == "server")
                try:
                    destination.promote("run", [group])
                except DestinationError as error:
                    assert error.message
        destination.close()
        _, rows, now = seen(admin)
        assert (rows, now) in {(3, live), (3, live + 1)}
        lives.add(now - live)
        if counter.count < k:
            break
        healed = Postgres(postgres_url, "monday")
        with healed.lease("next run"):
            healed.drop_staged()
            if now == live:
                healed.promote("run", [stage(healed, live + 1, shape, way)])
            assert healed.drop_staged() == []
            healed.retain("1", 2)
        healed.close()
        live += 1
        assert seen(admin) == ({f"g{live}"}, 3, live)
        columns = admin.execute("SELECT * FROM monday.planning LIMIT 0").description
        assert {column.name for column in columns or ()} == {column.name for column in shape.columns}
    assert lives == {0, 1}
    assert k > 5
    kept = [g for g in Postgres(postgres_url, "monday").generations("1") if g.state is State.LIVE]
    assert len(kept) == 1
